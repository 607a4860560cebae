"""The ``settings`` of librdkafka that a user writes, and how they are shown without what is secret among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import StrictBool, StrictInt, StrictStr

from streamgauge.settings import HIDDEN, Settings

Setting: TypeAlias = StrictBool | StrictInt | float | StrictStr

_OPEN_SASL = frozenset({"sasl.mechanism", "sasl.mechanisms"})
_SECRET = re.compile(r"^sasl\.|passw|secret|token|\.key|\.pem$|credential")
_SHORTEST = 4
"""Characters of a value that is looked for in texts; a shorter one stands in many by chance."""


def is_secret(setting: str) -> bool:
    """Whether the value of a librdkafka setting must not be shown.

    >>> is_secret("sasl.password"), is_secret("ssl.key.pem"), is_secret("sasl.mechanism")
    (True, True, False)
    """
    return setting not in _OPEN_SASL and _SECRET.search(setting) is not None


class ClientSettings(Settings):
    """Base, before their others, of configurations that have a field ``settings``."""

    if TYPE_CHECKING:
        settings: dict[str, Setting]

    def public(self) -> dict[str, Any]:
        """As of every configuration; of ``settings`` neither passwords nor anything of SASL but the mechanism."""
        plain = super().public()
        plain["settings"] = _redacted(plain["settings"])
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _redacted(value) if name == "settings" else value

    def scrub(self, text: str) -> str:
        """``text`` of a library without the values that must not be shown; a user's name may be."""
        for name, value in self.settings.items():
            hidden = is_secret(name) and name != "sasl.username"
            if hidden and isinstance(value, str) and len(value) >= _SHORTEST:
                text = text.replace(value, HIDDEN)
        return text

    def refused(self, text: str) -> str:
        """What the library said in refusing the settings, scrubbed; it does not tell that a file is not there."""
        said = self.scrub(text)
        for name, value in self.settings.items():
            if name.endswith(".location") and name in said and not Path(str(value)).exists():
                which = f"the file of `{name}`" if is_secret(name) else str(value)
                return f"{said}: {which} does not exist"
        return said


def _redacted(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if is_secret(name) else value for name, value in settings.items()}
