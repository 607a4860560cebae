"""A notice in words for people, and text that is safe to show.

What a record holds was written by strangers: nothing of it may move a cursor, colour a line, ring a bell or
turn the reading direction. :func:`printable` is the one gate that all of it passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from streamgauge.clock import format_duration

VALUE = 60
"""Characters kept of one value in a line."""

LINE = 200
"""Characters kept of one line below the title."""

RULE = 300
"""Characters kept of what a monitor says of itself."""

TITLE = 500
"""Characters kept of the title."""


def printable(text: object, limit: int | None = None) -> str:
    r"""``text`` with everything that does not print shown as its escape, cut to ``limit`` characters.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    >>> printable("x" * 9, limit=4)
    'xxx…'
    """
    raw = str(text)
    kept = raw if limit is None else raw[: limit + 1]
    shown = kept if kept.isprintable() else "".join(map(_shown, kept))
    return shown if limit is None or len(shown) <= limit else f"{shown[: limit - 1]}…"


def number_of(count: int, noun: str) -> str:
    """A count and what is counted, which takes an s unless it is one.

    >>> number_of(1, "incident"), number_of(1_200, "window")
    ('1 incident', '1,200 windows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


@dataclass(frozen=True, slots=True)
class Wording:
    """A notice as people read it.

    Attributes:
        mood: ``critical``, ``warning`` or ``resolved``; what a colour is chosen by.
        word: the one word in front: ``CRITICAL``, ``WARNING``, ``RESOLVED``, or ``ENDED`` where it did not
            recover (no data any more, forgotten, removed).
        title: the sentence.
        lines: label and text, in order.
    """

    mood: str
    word: str
    title: str
    lines: tuple[tuple[str, str], ...]


def wording(notice: Mapping[str, Any]) -> Wording:
    """The words of :meth:`streamgauge.incident.Notice.as_json`; everything in them prints."""
    resolved = notice.get("status") == "resolved"
    severity = printable(notice.get("severity") or "critical")
    recovered = notice.get("reason") in (None, "recovered")
    word = severity.upper() if not resolved else "RESOLVED" if recovered else "ENDED"
    return Wording(
        "resolved" if resolved else severity,
        word,
        printable(notice.get("title") or notice.get("monitor") or "", TITLE),
        tuple((label, text) for label, text in _lines(notice, resolved=resolved) if text),
    )


def _lines(notice: Mapping[str, Any], *, resolved: bool) -> Iterator[tuple[str, str]]:
    """What the title does not say already."""
    title = printable(notice.get("title") or "")
    key = _key(notice.get("key"))
    if key and key not in title:
        yield "key", key
    if resolved:
        yield "lasted", _lasted(notice)
        yield "now", _pairs((notice.get("evidence") or {}).get("on_resolve"))
    else:
        yield "when", _when(notice)
        yield from _reasons(notice, title)
        for n, sample in enumerate(notice.get("samples") or ()):
            yield "samples" if n == 0 else "", _pairs(sample)
        yield from _around(notice)
        yield "rule", printable(notice.get("description") or "", RULE)
    yield "notice", printable(notice.get("notice") or "")


def _around(notice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else began in the minutes before it, each on a line of its own."""
    for n, other in enumerate(notice.get("around") or ()):
        at = _moment(other.get("opened_at"), beside=notice.get("opened_at"))
        cause = "upstream, " if other.get("upstream") else ""
        link = f" {printable(other['link'], LINE)}" if other.get("link") else ""
        yield "before it" if n == 0 else "", f"{cause}{at}  {printable(other.get('title') or '', LINE)}{link}"


def _reasons(notice: Mapping[str, Any], title: str) -> Iterator[tuple[str, str]]:
    observed = notice.get("observed") or {}
    if not all(f"{printable(name)} = " in title for name in observed):
        yield "observed", _pairs(observed)
    expected = notice.get("expected")
    text = _pairs(expected) if isinstance(expected, Mapping) else _value(expected, LINE)
    if text not in title:
        yield "expected", text
    yield "because", _pairs(notice.get("evidence"))


def _when(notice: Mapping[str, Any]) -> str:
    opened, start, end = notice.get("opened_at"), notice.get("window_start"), notice.get("window_end")
    if not opened:
        return ""
    text = f"{_moment(opened)} UTC"
    if not start or not end or start == end:
        return text
    begin, close = _moment(start, beside=opened), _moment(end, beside=opened)
    remarks = [
        remark
        for remark, holds in (
            ("not closed yet", notice.get("early")),
            ("seen in part", notice.get("partial")),
        )
        if holds
    ]
    return ", ".join([f"{text}, in the window {begin} to {close}", *remarks])


def _lasted(notice: Mapping[str, Any]) -> str:
    opened, end, seconds = notice.get("opened_at"), notice.get("resolved_at"), notice.get("lasted_seconds")
    if not opened or not end:
        return ""
    duration = format_duration(_readable(float(seconds or 0.0)))
    reason = notice.get("reason")
    why = "" if reason in (None, "recovered") else f", {printable(reason, VALUE)}"
    return f"{duration}, {_moment(opened)} to {_moment(end, beside=opened)} UTC{why}"


def _readable(seconds: float) -> timedelta:
    """Milliseconds below ten seconds, whole seconds beyond."""
    return timedelta(seconds=round(seconds, 3 if seconds < 10 else 0))


def _moment(text: Any, *, beside: Any = None) -> str:
    """``2026-11-22 12:00:03.250``; without the day where it stands beside a moment of the same day."""
    day, _, rest = printable(text).partition("T")
    clock = rest.removesuffix("Z").removesuffix(".000")
    return clock if beside is not None and str(beside).startswith(day) else f"{day} {clock}".strip()


def _key(key: Any) -> str:
    if key is None:
        return ""
    return " · ".join(_value(part) for part in key) if isinstance(key, (list, tuple)) else _value(key)


def _pairs(values: Any) -> str:
    """``name value · name value``."""
    if not isinstance(values, Mapping):
        return ""
    text = " · ".join(f"{printable(name, VALUE)} {_value(value)}" for name, value in values.items())
    return printable(text, LINE)


def _value(value: Any, limit: int = VALUE) -> str:
    if value is None:
        return "" if limit == LINE else "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return printable(", ".join(map(_item, value)), limit)
    return printable(value, limit)


def _item(item: Any) -> str:
    """One of a list. Of what begins with a name and a number these; what lies deeper stays as Python writes it."""
    if isinstance(item, Mapping):
        name, number = [*item.values(), None, None][:2]
        if isinstance(name, str) and isinstance(number, (int, float)):
            return f"{_value(name)} {_value(number)}"
    return printable(item, VALUE) if isinstance(item, (list, tuple, Mapping)) else _value(item)


def _number(value: float) -> str:
    """Six digits are enough for the eye, but whole numbers and money keep theirs."""
    if not math.isfinite(value):
        return "–"
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if 1e4 <= abs(value) < 1e15:
        return f"{value:.2f}"
    return f"{value:.6g}"
