"""Limits by days and hours of a timezone: which one a moment falls under."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from pydantic import AfterValidator, model_validator

from streamgauge.batch import FloatArray, IntArray
from streamgauge.settings import Settings, wrong

QUARTER = 900_000_000
"""Clocks of the world stand whole quarters of an hour apart."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?P<first>\w+)(?:-(?P<last>\w+))?")


def _known(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown timezone `{name}`; write one such as Europe/Zurich or UTC")
    return name


Timezone = Annotated[str, AfterValidator(_known)]
"""The name of a timezone."""


class Bound(Settings):
    """From how many to how many, on some days and hours."""

    days: str = "mon-sun"
    """Days, such as `mon-fri` or `sat`."""
    hours: str = "0-24"
    """Hours from-to, such as `8-18`: from 8:00 until 18:00; `22-6` spans midnight."""
    min: float | None = None
    """The fewest that are fine."""
    max: float | None = None
    """The most that are fine."""

    @model_validator(mode="after")
    def _readable(self) -> Bound:
        if self.min is None and self.max is None:
            raise wrong("min", "give `min`, `max` or both")
        if not self.weekdays:
            raise wrong(
                "days", f"`{self.days}` is not a day or span such as mon-fri; days are {', '.join(_DAYS)}"
            )
        if self.span is None:
            raise wrong("hours", f"`{self.hours}` is not a span of whole hours from 0 to 24, such as 8-18")
        return self

    @property
    def weekdays(self) -> frozenset[int]:
        """0 = Monday; empty where ``days`` cannot be read."""
        found = _SPAN.fullmatch(self.days.lower())
        if found is None or not {found["first"], found["last"] or found["first"]} <= set(_DAYS):
            return frozenset()
        first, last = _DAYS.index(found["first"]), _DAYS.index(found["last"] or found["first"])
        return frozenset(day % 7 for day in range(first, last + 1 if last >= first else last + 8))

    @property
    def span(self) -> tuple[int, int] | None:
        """From and until, in hours; None where ``hours`` cannot be read."""
        found = re.fullmatch(r"(\d{1,2})-(\d{1,2})", self.hours)
        if found is None or int(found[1]) > 23 or not 0 < int(found[2]) <= 24 or found[1] == found[2]:
            return None
        return int(found[1]), int(found[2])

    def holds(self, local: datetime) -> bool:
        """Whether that moment falls under it; hours beyond midnight count to the day before."""
        assert self.span is not None
        first, last = self.span
        if first < last:
            return first <= local.hour < last and local.weekday() in self.weekdays
        if local.hour >= first:
            return local.weekday() in self.weekdays
        return local.hour < last and (local.weekday() - 1) % 7 in self.weekdays


def by_hour(
    bounds: Sequence[Bound], otherwise: tuple[float | None, float | None], timezone: str, moments: IntArray
) -> tuple[FloatArray, FloatArray]:
    """The lower and the upper limit at each moment (float64[n] each, infinite where there is none)."""
    zone = ZoneInfo(timezone)
    quarters, place = np.unique(moments // QUARTER, return_inverse=True)
    limits = np.empty((len(quarters), 2), np.float64)
    for i, quarter in enumerate(quarters.tolist()):
        local = datetime.fromtimestamp(quarter * QUARTER // 1_000_000, UTC).astimezone(zone)
        chosen = next(((b.min, b.max) for b in bounds if b.holds(local)), otherwise)
        limits[i] = (
            -np.inf if chosen[0] is None else chosen[0],
            np.inf if chosen[1] is None else chosen[1],
        )
    return limits[place, 0], limits[place, 1]
