"""Moments and durations: aware UTC ``datetime`` and ``timedelta`` at the edges, int64 microseconds within.

Time is always an argument. The only place that asks the machine is :class:`SystemClock`; tests pass
:class:`streamgauge.testing.PushedClock`.
"""

from __future__ import annotations

import re
import time as _time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 604_800 * SECOND,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")


class Clock(Protocol):
    """Two views of the time that passes outside: for stamps, and for measuring."""

    def now(self) -> int:
        """Wall clock, microseconds since 1970 UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; stands still for nobody but the machine's sleep."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> int:
        """Wall clock in microseconds."""
        return _time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return _time.monotonic()


def parse_duration(text: str) -> timedelta:
    """Read ``5s``, ``2m``, ``1h30m``, ``250ms``; a bare number has no unit and is refused.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)

    Raises:
        ValueError: with what was expected.
    """
    cleaned = text.strip().lower()
    parts = _DURATION.findall(cleaned)
    if not parts or "".join(number + unit for number, unit in parts) != cleaned:
        raise ValueError(
            f"{text!r} is not a duration; write a number and a unit, such as 5s, 250ms, 2m or 1h30m"
        )
    return timedelta(microseconds=sum(round(float(number) * _UNITS[unit]) for number, unit in parts))


def format_duration(duration: timedelta) -> str:
    """The shortest text that :func:`parse_duration` reads back.

    >>> format_duration(timedelta(seconds=5400))
    '1h30m'
    """
    left = to_micros(duration)
    if left == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def to_micros(moment: datetime | timedelta) -> int:
    """Exact int microseconds of an aware datetime (since 1970) or of a duration.

    >>> to_micros(timedelta(seconds=2))
    2000000
    """
    span = moment - EPOCH if isinstance(moment, datetime) else moment
    return span // timedelta(microseconds=1)


def to_datetime(micros: int) -> datetime:
    """The aware UTC datetime of int microseconds."""
    return EPOCH + timedelta(microseconds=int(micros))


def iso(micros: int | None) -> str | None:
    """ISO 8601 UTC with milliseconds, as every output writes it; None stays None.

    >>> iso(0)
    '1970-01-01T00:00:00.000Z'
    """
    if micros is None:
        return None
    return to_datetime(micros).isoformat(timespec="milliseconds").replace("+00:00", "Z")
