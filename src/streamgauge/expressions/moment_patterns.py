"""Patterns of Java's DateTimeFormatter (``yyyy-MM-dd HH:mm:ss``), as ksqlDB's users write them, for Polars.

Every letter of a pattern is either translated or refused by name, so that nothing is silently read otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST = 100
"""Characters of a pattern."""

_LETTERS: dict[str, str] = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "uu": "%y", "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B",
    "LLL": "%b", "LLLL": "%B", "d": "%-d", "dd": "%d", "DDD": "%j", "E": "%a", "EE": "%a", "EEE": "%a",
    "EEEE": "%A", "H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S",
    "SSS": "%3f", "SSSSSS": "%6f", "SSSSSSSSS": "%9f", "a": "%p", "Z": "%z", "xx": "%z", "xxx": "%:z",
}  # fmt: skip
_ZONES = frozenset("X" * count for count in (1, 2, 3))
"""An offset that is ``Z`` at zero."""

_MEANT: dict[str, str] = {
    "Y": "write yyyy: Y is the year that a week belongs to",
    "D": "write DDD for the day of the year, dd for that of the month",
    "k": "write HH, which counts hours from 0",
    "K": "write hh with a, which counts hours from 12",
    "V": "give the zone as the last argument, such as 'Europe/Zurich'",
    "z": "give the zone as the last argument, such as 'Europe/Zurich'",
    "O": "write xxx for the offset",
    "S": "write SSS, SSSSSS or SSSSSSSSS",
    "n": "write SSSSSSSSS",
    "A": "write HH:mm:ss.SSS",
    "w": "weeks have no moment of their own",
    "e": "write EEE for the name of the day",
    "c": "write EEE for the name of the day",
    "G": "write yyyy alone",
    "y": "write yyyy",
    "u": "write yyyy",
    "L": "write MM or MMM",
    "[": "there are no optional parts",
    "]": "there are no optional parts",
}
_RUN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)


def translated(pattern: str, *, reading: bool, zone: str | None) -> str:
    """The same pattern as Polars takes it.

    >>> translated("yyyy-MM-dd''HH:mm:ss.SSS", reading=False, zone=None)
    "%Y-%m-%d'%H:%M:%S.%3f"

    Args:
        pattern: with Java's letters.
        reading: whether texts are read with it, else written.
        zone: in which moments are written or read; None is UTC.

    Raises:
        ValueError: a part of it has no meaning here; says which, and what to write.
    """
    if not pattern or len(pattern) > LONGEST:
        raise ValueError(f"a pattern of time has 1 to {LONGEST} characters, such as 'yyyy-MM-dd HH:mm:ss'")
    return "".join(_parts(pattern, reading=reading, zone=zone))


def _parts(pattern: str, *, reading: bool, zone: str | None) -> Iterator[str]:
    for found in _RUN.finditer(pattern):
        text = found[0]
        if text == "'":
            raise ValueError(f"a quote is opened in {pattern!r} and never closed")
        if text.startswith("'"):
            yield text[1:-1].replace("''", "'").replace("%", "%%") if text != "''" else "'"
        elif text in _ZONES:
            yield _offset(text, reading=reading, zone=zone)
        elif text[0].isascii() and (text[0].isalpha() or text in "[]{}#"):
            yield _letters(text, pattern)
        else:
            yield text.replace("%", "%%")


def _letters(text: str, pattern: str) -> str:
    if text in _LETTERS:
        return _LETTERS[text]
    hint = _MEANT.get(text[0], "letters that mean nothing stand in quotes: 'T' with each quote written twice")
    raise ValueError(f"{text} in {pattern!r} is not supported; {hint}")


def _offset(text: str, *, reading: bool, zone: str | None) -> str:
    if reading:
        return "%#z"
    if zone is not None and zone != "UTC":
        raise ValueError(f"{text} is not supported beside a zone; write {text.lower()}")
    return "Z"


def check_readable(pattern: str, translation: str) -> None:
    """Try a pattern on a text.

    Raises:
        ValueError: no moment can be read with it.
    """
    if not re.search("%Y|%y", translation):
        raise ValueError(f"{pattern!r} says no year, so it tells no moment; add yyyy")
    import polars as pl

    try:
        pl.Series(["x"]).str.strptime(pl.Datetime("us"), translation, strict=False)
    except pl.exceptions.PolarsError:
        message = f"no moment can be read with {pattern!r}; an hour needs its minute (HH:mm), and hh its a"
        raise ValueError(message) from None


def has_offset(translation: str) -> bool:
    """Whether a translated pattern reads its zone from the text."""
    return re.search(r"%[:#]?z", translation.replace("%%", "")) is not None


def checked_zone(name: str) -> str:
    """The name of a time zone that exists.

    Raises:
        ValueError: it does not.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write for example 'UTC' or 'Europe/Zurich'") from None
    return name
