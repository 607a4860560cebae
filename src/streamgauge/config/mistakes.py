"""A mistake in the file: where it is, and what was expected there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streamgauge.channels.wording import printable
from streamgauge.config.document import Document, Path
from streamgauge.errors import ConfigError
from streamgauge.settings import hide, nearest, replace_secrets, tells_of_secret

_PLAIN_KEY = re.compile(r"[\w-]+")
_MOMENT = "expected a moment with its offset from UTC, such as 2026-12-01T08:00:00+01:00"
_WORDS: Mapping[str, str] = {
    "string_type": "expected text",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "expected text of the form {pattern}",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "dict_type": "expected a mapping of keys and values",
    "model_type": "expected a mapping of keys and values",
    "model_attributes_type": "expected a mapping of keys and values",
    "tuple_type": "expected a name or a list of names",
    "list_type": "expected a list",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must hold at most {max_length}",
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _MOMENT
    ),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong, or (as a warning) probably not meant.

    ``line`` and ``column`` count from 1; they and ``file`` are None where the configuration came as Python
    data. ``path`` is such as ``$.monitors.burst.window.size``. ``message`` is one line: what it repeats of the file is
    shown as :func:`~streamgauge.channels.wording.printable` shows it.
    """

    path: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable(self.message))

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.path}: {self.message}" if place else f"{self.path}: {self.message}"

    def as_json(self) -> dict[str, Any]:
        """Plain data for tools."""
        return asdict(self)


class ConfigErrors(ConfigError):  # noqa: N818  # the plural says that it holds all of them
    """All mistakes of a file and those it includes, in the order of their places."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=_place))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def _place(mistake: Mistake) -> tuple[str, int, int, str, str]:
    return (mistake.file or "", mistake.line or 0, mistake.column or 0, mistake.path, mistake.message)


def mistake(
    document: Document, path: Path, message: str, *, at_key: bool = False, position: int | None = None
) -> Mistake:
    """A mistake at ``path``; secrets in ``message`` are replaced by their references.

    ``at_key`` points at the key instead of its value; ``position`` at a character within a one-line text.
    Shorthands and defaults have no value of their own: the mistake is then told of what was written.
    """
    line, column = document.place(path, at_key=at_key, position=position)
    shown = path if at_key else document.written(path)
    file = document.file_of(path)
    return Mistake(path_text(shown), replace_secrets(message, document.secrets), file, line, column)


def path_text(path: Path) -> str:
    """``$.monitors.burst.window``, ``$.streams["my stream"]``, ``$.notify[0]``."""
    parts = ["$"]
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]")
    return "".join(parts)


def shape_mistakes(document: Document, error: ValidationError) -> list[tuple[Path | None, Mistake]]:
    """What the models found wrong, in our words, each with the path of the value it is about (None: a key)."""
    return [_shape_mistake(document, details) for details in error.errors(include_url=False)]


def setting_mistakes(error: ValidationError) -> str:
    """All mistakes of settings that stand in no file, such as a call's: ``budget: …; lernen: …``."""
    told = []
    for details in error.errors(include_url=False):
        where = ".".join(map(str, details["loc"]))
        if details["type"] == "missing":
            told.append(f"`{where}` is missing")
        else:
            told.append(f"{where}: {_sentence(details, {})}" if where else _sentence(details, {}))
    return "; ".join(told)


def _shape_mistake(document: Document, details: ErrorDetails) -> tuple[Path | None, Mistake]:
    path = tuple(step for step in details["loc"] if step != "[key]")
    if details["type"] == "missing":
        return path, mistake(
            document, path[:-1], f"`{path[-1]}` is missing", at_key=path[:-1] in document.keys
        )
    if details["type"] == "unknown_key":
        return None, mistake(document, path, _sentence(details, document.secrets), at_key=True)
    at_key = details["type"] == "no_type" or "[key]" in details["loc"]
    return path, mistake(document, path, _sentence(details, document.secrets), at_key=at_key)


def _sentence(details: ErrorDetails, secrets: Mapping[str, str]) -> str:
    if "[key]" in details["loc"]:
        return "a name starts with a letter and goes on with letters, digits, `_`, `-` and `.`"
    context: dict[str, Any] = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context.get("error", details["msg"]))
    if details["type"] in ("too_short", "string_too_short") and context["min_length"] == 1:
        return "must not be empty"
    if details["type"] == "literal_error":
        return _no_choice(details["input"], str(context["expected"]), secrets)
    words = _WORDS.get(details["type"])
    if words is None:
        return details["msg"]
    expected = words.format(**context)
    if any(tells_of_secret(str(step)) for step in details["loc"]):
        return expected
    return f"{expected}, got {_shown(details['input'], secrets)}"


def _no_choice(value: Any, expected: str, secrets: Mapping[str, str]) -> str:
    """``expected`` is pydantic's list of the choices, each in quotes."""
    choices = re.findall(r"'([^']*)'", expected)
    hint = (
        nearest(str(value), choices) if isinstance(value, str) else f"expected one of: {', '.join(choices)}"
    )
    return f"{_shown(value, secrets)} is not known here; {hint}"


def _shown(value: Any, secrets: Mapping[str, str]) -> str:
    """A value in a sentence; a secret is replaced before anything is cut off."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    value = hide(value, secrets)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (str, int, float)) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
