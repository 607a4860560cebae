"""Finds what is new in a number: the detector to begin with, when you cannot say what is too much.

When to use it: a rate, a latency, an amount, a temperature, per key or not, of which you know only that it has a usual
course. It needs no setting: it learns from the stream itself, strictly online.

**What it assumes.** What was seen before is fine. A value is unusual when it is far from *every* value seen so far, not
when it is far from the mean: two usual levels with a gap between them are two usual levels, and a value in the gap is
not. A value is new only once, so an episode is told once.

**The rule.** With the values seen so far R, their mean m and standard deviation sd, and v the member of R nearest to x::

    strength = |x - v| / (sd + 0.3 |v - m|)

The same is asked of the activity (mean of the last 20 steps) and of the step itself, at half weight. Where the hour of day
explains at least 30 % of the variance, the mean of the current half hour is compared with those of the same and
neighbouring half hours of earlier days (from the fifth day on), at a weight of 0.4, so that a known value at the wrong
time of day is found. Each counts less where it is often far from what was seen: it is divided by 1 + k r, with r the
root mean square of its own strengths so far, k = 0.5 for the value and 10 for the others. A key that alarmed lately is
damped. ``score`` is strength / (1 + strength), and 0 unless it is the
highest of the last ``hold`` (100) results: an episode is told once. A weaker one soon after a stronger one goes with it, so
say ``hold`` as a duration where results come seldom (``12h`` for one each half hour, as in the picture).

**When it alarms.** ``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make, over all its
keys: the strengths of quiet results are pooled, and a generalised-Pareto tail says which strength comes that seldom
(``rarity``). Until 500 results are known only a score of 0.5 alarms. ``sensitivity`` or ``limit`` fix the score instead.

**What it learns.** Each result is judged, then learned. What opens an alarm is new only once; the results that follow teach
nothing while the alarm is open. It ends when values are usual again, or after ``accept_after`` (1 hour): then the new level
is normal. A key is ``learning`` for its first ``learn`` (150) results.

**What it is blind to.** A known value at the wrong moment without a daily cycle, or usual at that hour on other days of
the week (it knows the time of day, not the weekday), slow drift, and a fault that was there from the beginning. Put
``change_point`` or ``seasonal``, which knows weekdays, beside it where that matters.

State: 1.3 kB per key, and 1.6 kB more for keys that live longer than half an hour. It forgets nothing but
what is crowded out: 128 examples of values are kept, those closest to others leave first. Source: nearest-neighbour
novelty on one value, own work measured on the Numenta Anomaly Benchmark (see the page of the benchmarks).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]
>>> said = judge("auto", {"sensitivity": "medium"}, times=range(203), values=[*usual, 31.0, 12.0, 11.0])
>>> [line for line in said if "learning" not in line and "ok" not in line]
['200.0 critical']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.judged import Judged, the_value
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.series import (
    ALARMS,
    POOL,
    SeriesConfig,
    SeriesState,
    answered,
    apart_of,
    judged_rows,
    moments,
    room_for,
    series_needs,
    unusual,
)
from streamgauge.kernels import novelty as kernels
from streamgauge.kernels.alarms import Rule
from streamgauge.settings import PositiveDuration
from streamgauge.state import State, Tables
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

STREAMS = ("level", "activity", "step", "time of day")


class Config(SeriesConfig):
    """``detect: {type: auto, value: mean_latency, budget: 1 per week}``."""

    type: Literal["auto"] = "auto"
    season: bool = True
    """Whether to learn what is usual at which time of day (UTC)."""
    hold: Annotated[int, Field(ge=1)] | PositiveDuration = 100
    """Only a new high counts among so many results of a key, or within that duration."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "auto", "learn": 3, "limit": 0.2, "hold": 3, "accept_after": "4s"},
}
"""A monitor for the checks of the contract."""


def _calls() -> tuple[list[float], list[float], None]:
    """Twelve days of calls per half hour: two quiet hours at noon, and a burst the day after."""
    i = np.arange(48 * 12)
    course = 40 + 30 * np.sin((i % 48 - 14) / 48 * 2 * np.pi)
    values = course + 3 * np.random.default_rng(11).standard_normal(len(i))
    values[48 * 9 + 24 : 48 * 9 + 28] = 12.0
    values[48 * 10 + 20] = 150.0
    return [1800.0 * float(k) for k in i], [round(float(v), 2) for v in values], None


PICTURE = Picture(
    "auto: a night's value at noon, and a burst never seen before",
    {"sensitivity": "medium", "hold": "12h"},
    _calls,
)


def build(config: Config, context: Context) -> Auto:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    judged = the_value(config.value, context)
    needs, severity = series_needs(judged, context), config.how_bad()
    return Auto(context.monitor, judged, severity, config.rule(), config.which(), config.season, needs)


_SEEN = {
    "members": Held(np.float32, (kernels.MEMBERS,)), "members_held": Held(np.int32, (3,)),
    "origin": Held(np.float64, (3,)), "mean": Held(np.float64, (3,)), "variance": Held(np.float64, (3,)),
    "noise": Held(np.float64, (4,)), "steps": Held(np.float32, (kernels.STEPS,)), "last": Held(np.float64),
    "tightest": Held(np.float64, (3,)),
}  # fmt: skip
_SEASON = {
    "ring": Held(np.int32), "now": Held(np.int8), "total": Held(np.float64), "counted": Held(np.int64),
    "fit": Held(np.float64, (3,)), "fitted": Held(np.int64), "spoiled": Held(np.int8), "used": Held(np.int64, (1,), "whole"),
}  # fmt: skip
_RINGS = {
    "past": Held(np.float32, (kernels.HALF_HOURS, kernels.DAYS), "pool"),
    "days": Held(np.int8, (kernels.HALF_HOURS,), "pool"),
    "pending": Held(np.float32, (kernels.HALF_HOURS,), "pool"),
    "waits": Held(np.int8, (kernels.HALF_HOURS,), "pool"),
    "owner": Held(np.int32, (), "pool"),
}


class AutoState(SeriesState):
    """See :class:`streamgauge.kernels.novelty.Seen` and ``Season``."""

    def __init__(self) -> None:
        super().__init__({**ALARMS, **POOL, **_SEEN, **_SEASON, **_RINGS})
        self.scratch = np.zeros(1, np.float32), np.zeros((5, kernels.STREAMS))

    def seen(self) -> kernels.Seen:
        """For the kernel."""
        return kernels.Seen(*[*self.named(list(_SEEN)), *self.scratch])

    def season(self) -> kernels.Season:
        """For the kernel."""
        return kernels.Season(*self.named([*_SEASON, *_RINGS]))

    def more_rings(self) -> None:
        """Room for the half hours of more keys."""
        for name in _RINGS:
            self.grow(name, max(64, len(self.arrays[name]) * 3 // 2))

    def tables(self) -> Tables:
        """As all, but rings that nobody has are not saved."""
        saved, used = super().tables(), int(self.arrays["used"][0])
        own = {}
        for name in _RINGS:
            rows, flat = max(1, len(self.arrays[name])), saved[name]["held"]
            own[name] = {"held": flat[: len(flat) // rows * used]}
        return {**saved, **own}

    def drop(self, slots: SlotArray) -> None:
        """Forget keys; the last ring takes the place of one that is given back."""
        ring, owner, used = (self.arrays[name] for name in ("ring", "owner", "used"))
        for slot in slots[slots < self.slots].tolist():
            if ring[slot] > 0:
                used[0] -= 1
                for name in _RINGS:
                    rows = self.arrays[name]
                    rows[ring[slot] - 1] = rows[used[0]]
                    rows[used[0]] = 0
                ring[owner[ring[slot] - 1]] = ring[slot]
        super().drop(slots)


@dataclass(frozen=True, slots=True)
class Auto:
    """See the module's text."""

    monitor: str
    judged: Judged
    severity: Severity
    rule: Rule
    side: int
    season: bool
    needs: Needs

    def initial(self) -> AutoState:
        """Nothing seen."""
        return AutoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each result, then learn from it."""
        assert isinstance(state, AutoState)
        results = judged_rows(results) or results
        numbers, out = self.judged.numbers(results), room_for(results)
        state.make_room(len(results.keys))
        at, times, apart = 0, moments(results), apart_of(results)
        while at < len(results):
            at = kernels.novelty(
                at, results.slots, numbers, times, apart, state.seen(), state.season(), state.alarms(),
                state.pool(), self.rule, self.side, self.season, out,
            )  # fmt: skip
            if at < len(results):
                state.more_rings()
        seen = (self.judged, numbers)
        return answered(self.monitor, self.severity, seen, results, out, unusual(STREAMS, out))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, AutoState)
        state.drop(slots)
