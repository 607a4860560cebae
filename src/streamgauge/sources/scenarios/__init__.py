"""The worlds that the ``synthetic`` source and ``streamgauge generate`` can invent, one file each.

Adding one means adding a module that offers ``SCENARIO`` (see
:class:`streamgauge.sources.scenarios.contract.Scenario`) and a test; nothing else is edited.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import TYPE_CHECKING

from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.sources.scenarios.contract import Scenario


def names() -> list[str]:
    """Every scenario there is, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name != "contract" and not name.startswith("_"))


def find(name: str) -> Scenario:
    """The scenario called ``name``.

    Raises:
        ConfigError: there is none; the message lists those that exist.
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"there is no scenario {name!r}: choose one of {', '.join(known)}{guess}")
    scenario: Scenario = importlib.import_module(f"{__name__}.{name}").SCENARIO
    return scenario
