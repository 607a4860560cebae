"""Weekly times on a wall clock with a time zone: when they begin and end, in microseconds UTC.

The zone's own clock is what counts. ``02:30 to 03:30`` on the night in which 02:30 does not exist begins when the
clock jumps over it; on the night in which it exists twice it begins at the first and ends at the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamgauge.clock import to_datetime, to_micros

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY = timedelta(days=1)
_WRITTEN = re.compile(r"(?P<days>[a-z,-]+)\s+(?P<begin>\d\d:\d\d)\s*-\s*(?P<end>\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Weekly:
    """From one time of day to another, on some days of the week; one that does not end later ends the next day.

    Attributes:
        days: 0 is Monday; the days on which it begins.
        begin, end: times of day without a zone.
        zone: such as ``Europe/Berlin``.
    """

    days: tuple[int, ...]
    begin: time
    end: time
    zone: str = "UTC"

    def span(self, now: int) -> tuple[int, int] | None:
        """The beginning and the end of the time that ``now`` lies in; None between them."""
        local = to_datetime(now).astimezone(ZoneInfo(self.zone)).date()
        for back in (0, 1):
            begin, end = self._on(local - back * _DAY)
            if (local - back * _DAY).weekday() in self.days and begin <= now < end:
                return begin, end
        return None

    def following(self, now: int) -> int:
        """The first beginning after ``now``."""
        local = to_datetime(now).astimezone(ZoneInfo(self.zone)).date() - _DAY
        for ahead in range(10):
            day = local + ahead * _DAY
            begin, end = self._on(day)
            if day.weekday() in self.days and begin > now and end > begin:
                return begin
        raise ValueError("a weekly time without days never begins")

    def _on(self, day: date) -> tuple[int, int]:
        last = day if self.end > self.begin else day + _DAY
        return self._moment(day, self.begin, late=False), self._moment(last, self.end, late=True)

    def _moment(self, day: date, at: time, *, late: bool) -> int:
        """The instant at which the zone's clock shows ``at``; of two the first, or the last where ``late``."""
        zone = ZoneInfo(self.zone)
        shown = datetime.combine(day, at)
        first = shown.replace(tzinfo=zone, fold=0)
        last = shown.replace(tzinfo=zone, fold=1)
        moments = to_micros(first.astimezone(ZoneInfo("UTC"))), to_micros(last.astimezone(ZoneInfo("UTC")))
        if moments[0] <= moments[1]:  # shown once, or twice
            return moments[1] if late else moments[0]
        # Jumped over: both offsets place it beside the jump, one before and one after; the jump lies between.
        return _jump(zone, moments[1], moments[0])


def _jump(zone: ZoneInfo, before: int, after: int) -> int:
    """The instant between the two at which the zone's clock jumps."""
    old = to_datetime(before).astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if to_datetime(middle).astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def parse_weekly(text: str, zone: str = "UTC") -> Weekly:
    """Read a weekly time.

    >>> parse_weekly("mon-wed,sat 22:00-06:00", "Europe/Berlin").days
    (0, 1, 2, 5)

    Raises:
        ValueError: with what was expected.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(
            f"{text!r} is no weekly time; write days and times of day, such as mon-fri 02:00-04:00, or daily 22:00-06:00"
        )
    days = tuple(range(7)) if found["days"] == "daily" else _days(found["days"])
    try:
        begin, end = time.fromisoformat(found["begin"]), time.fromisoformat(found["end"])
    except ValueError:
        raise ValueError(f"{text!r}: a time of day is written 00:00 to 23:59") from None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone!r}; write one such as Europe/Berlin or UTC") from None
    return Weekly(days, begin, end, zone)


def _days(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{part!r} is no day; the days are {', '.join(DAYS)}")
        begin, count = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7
        found.update((begin + step) % 7 for step in range(count + 1))
    return tuple(sorted(found))
