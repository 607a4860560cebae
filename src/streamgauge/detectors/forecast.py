"""Foretells each value from its running mean, its time of day or of week, and tells values outside a band that is earned.

When to use it: you want to see what was expected and how sure that was: load, orders, temperature, per key. It foretells
from the first values on and becomes better as days and weeks are known. To look further ahead, use the verb
``streamgauge forecast``.

**The rule.** Three ways foretell a value: the running mean of the last 200; the median of the same ``slot`` of the day (UTC)
over the last 14 days, from the third on; and the middle one of that slot a week ago, two weeks ago, and the day's median.
Each is scored by its mean absolute miss over the last two weeks; the richer way is taken where it misses a tenth less.
With f foretold, and q such that the share ``interval`` of the last 128 misses is no larger (split-conformal)::

    lower = f - q    upper = f + q    score = u / (1 + u) with u = |x - f| / q: one half at the edge of the band

It alarms when ``rows`` results of a key in a row lie outside, and ends when as many in a row lie within. Where misses are
independent, that makes one false alarm in 1 / (1 - ``interval``)^``rows`` results; ``rarity`` is not estimated.

**Learning.** Each result is judged before it is learned, and today never teaches today: a slot learns when it is over. A
key is *learning* for its first ``learn`` misses. A value outside widens the band by a quarter at most. While it alarms,
neither the band nor the running mean learn, until ``accept_after``: then they do, and the band widens until values lie
within. Slots go on learning, as a bad day is outvoted. Missing and infinite values are *no data*.

Parameters: ``value`` (the number to judge; default: the only one), ``interval`` (share, 0.99), ``rows`` (results, 3),
``side`` (``both``, ``above``, ``below``), ``slot`` (duration, 1h), ``learn`` (misses, 100), ``accept_after`` (duration, 1d),
``severity``, ``by`` (without a window: field or list). State: 118 bytes per key, and from the second value on
2.5 kB (at slots of an hour).

From: V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World* (2005), for the band.

>>> from streamgauge.testing import judge
>>> hours = range(24 * 14)
>>> usual = [10.0 + (20.0 if 8 <= hour % 24 < 18 else 0.0) + (7 * hour % 5) for hour in hours]
>>> usual[24 * 13 + 1 : 24 * 13 + 5] = [31.0, 32.0, 30.0, 33.0]     # what is usual at noon comes in the night
>>> said = judge("forecast", {}, times=[3600.0 * hour for hour in hours], values=usual)
>>> [line for line in said if "learning" not in line and "ok" not in line]
['1134000.0 critical', '1137600.0 critical', '1141200.0 neither', '1144800.0 neither']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import Aside, Column, SlotArray
from streamgauge.clock import format_duration, to_micros
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.judged import Judged, ValueConfig, the_value
from streamgauge.errors import ConfigError
from streamgauge.kernels import foretelling as kernels
from streamgauge.settings import Names, PositiveDuration
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

WAYS = ("running mean", "time of day", "time of week")
_DAY = timedelta(days=1)
_SIDES = {"both": 0, "above": 1, "below": -1}


class Config(ValueConfig):
    """``detect: {type: forecast, value: orders, interval: 0.99, rows: 3}``."""

    type: Literal["forecast"] = "forecast"
    by: Names = ()
    """Without a window: the field or fields whose values each have a course of their own."""
    interval: Annotated[float, Field(ge=0.5, le=0.99)] = 0.99
    """The share of usual values that the band should hold."""
    rows: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many results in a row must lie outside, and within again."""
    side: Literal["both", "above", "below"] = "both"
    """Whether values above or below the band count, or both."""
    slot: PositiveDuration = timedelta(hours=1)
    """The pieces into which a day is cut; a day must be whole pieces."""
    learn: Annotated[int, Field(ge=3, le=128)] = 100
    """How many results of a key are only learned from."""
    accept_after: PositiveDuration = timedelta(days=1)
    """While it alarms a key teaches nothing; what lasts so long is the new level."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("value", "slot")


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {
        "type": "forecast",
        "learn": 3,
        "interval": 0.5,
        "rows": 1,
        "accept_after": "4s",
        "slot": "12h",
    },
}
"""A monitor for the checks of the contract."""


def _orders() -> tuple[list[float], list[float], None]:
    """Orders per hour over two weeks; on the last, most of a morning's do not come."""
    hours = np.arange(24 * 14)
    level = 20 + 60 * np.maximum(0, np.sin((hours % 24 - 6) / 24 * 2 * np.pi))
    values = np.random.default_rng(5).poisson(level).astype(float)
    values[24 * 13 + 9 : 24 * 13 + 15] *= 0.3
    return [3600.0 * float(hour) for hour in hours], values.tolist(), None


PICTURE = Picture("forecast: most orders of a morning do not come", {}, _orders)


def build(config: Config, context: Context) -> Forecast:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge, a day is no whole number of slots, or ``by`` stands behind a
            window.
    """
    if _DAY % config.slot or config.slot < timedelta(minutes=5):
        raise ConfigError(
            f"slot: {format_duration(config.slot)} must be at least 5m and go into a day without rest, such as 30m or 1h"
        )
    if context.windowed and config.by:
        raise ConfigError("by: windows are grouped by their own `by`; write it there")
    judged = the_value(config.value, context)
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    needs = Needs(
        fields=judged.fields(context) | frozenset(config.by), by=config.by,
        merge="mergeable" if context.windowed else "single", judges_empty=False, waits=False,
    )  # fmt: skip
    band = kernels.Band(
        to_micros(config.slot), config.interval, config.rows, _SIDES[config.side], config.learn,
        to_micros(config.accept_after),
    )  # fmt: skip
    return Forecast(context.monitor, judged, severity, band, _DAY // config.slot, needs)


_COURSE: tuple[tuple[type, int], ...] = (
    (np.int64, 0), (np.float64, 0), (np.int64, 0), (np.int64, 0), (np.int8, 0), (np.int32, 0), (np.float64, 0), (np.float64, 3),
    (np.int64, 3), (np.int64, 0), (np.int8, 0), (np.int64, 0),
)  # fmt: skip
"""Types and widths of the columns of ``Course``."""


class ForecastState:
    """See :class:`streamgauge.kernels.foretelling.Course` and ``Past``; a key has a ring from its second value on."""

    version = 1

    def __init__(self, per_day: int) -> None:
        self.per_day = per_day
        self.course = kernels.Course(*(np.zeros((0, width) if width else 0, kind) for kind, width in _COURSE))
        self.past = _no_past(0, per_day)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        if slots > len(self.course.now):
            self.course = kernels.Course(*(grown(column, slots) for column in self.course))

    def give_ring(self, slot: int) -> None:
        """A ring for a key: one that is nobody's, else a new one."""
        free = np.flatnonzero(self.past.owner < 0)
        if not len(free):
            have = len(self.past.owner)
            more = _no_past(max(16, have), self.per_day)
            self.past = kernels.Past(*(np.concatenate(pair) for pair in zip(self.past, more, strict=True)))
            free = np.array([have])
        self.past.owner[free[0]] = slot
        self.course.ring[slot] = free[0] + 1

    def drop(self, slots: SlotArray) -> None:
        """Forget keys; their rings are nobody's again."""
        held = slots[slots < len(self.course.now)]
        rings = self.course.ring[held]
        fresh = _no_past(1, self.per_day)
        for column, empty in zip(self.past, fresh, strict=True):
            column[rings[rings > 0] - 1] = empty
        for whole in self.course:
            whole[held] = 0

    def tables(self) -> Tables:
        """Keys, and rings; float32 as its bits."""
        return {
            f"{group}/{name}": {"held": _bits(getattr(columns, name).reshape(-1))}
            for group, columns in (("course", self.course), ("past", self.past))
            for name in columns._fields
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        self.make_room(len(tables["course/now"]["held"]))
        self.past = _no_past(len(tables["past/owner"]["held"]), self.per_day)
        for group, columns in (("course", self.course), ("past", self.past)):
            for name in columns._fields:
                into = getattr(columns, name).reshape(-1)
                saved = np.ascontiguousarray(tables[f"{group}/{name}"]["held"])
                into[: len(saved)] = saved.view(into.dtype)


def _no_past(rings: int, per_day: int) -> kernels.Past:
    return kernels.Past(
        np.full((rings, per_day, kernels.DAYS), np.nan, np.float32), np.zeros((rings, kernels.MISSES), np.float32),
        np.zeros((rings, kernels.MISSES), np.float32), np.zeros(rings, np.int64), np.full(rings, -1, np.int32),
    )  # fmt: skip


def _bits(flat: NDArray[Any]) -> NDArray[Any]:
    return flat.view(np.int32) if flat.dtype == np.float32 else flat


@dataclass(frozen=True, slots=True)
class Forecast:
    """See the module's text."""

    monitor: str
    judged: Judged
    severity: Severity
    band: kernels.Band
    per_day: int
    needs: Needs

    def initial(self) -> ForecastState:
        """Nothing seen."""
        return ForecastState(self.per_day)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each whole result, then learn from it."""
        assert isinstance(state, ForecastState)
        state.make_room(len(results.keys))
        rows = np.flatnonzero(~(results.early | results.partial))
        numbers = self.judged.numbers(results)[rows]
        slots, times = results.slots[rows], results.starts[rows]
        apart = np.zeros(len(rows), np.bool_) if results.apart is None else results.apart[rows]
        nothing = [np.full(len(rows), np.nan) for _ in range(4)]
        said = kernels.Said(
            np.zeros(len(rows), np.int8),
            nothing[0],
            nothing[1],
            nothing[2],
            nothing[3],
            np.full(len(rows), -1, np.int8),
        )
        scratch, at = np.zeros((2, kernels.DAYS)), 0
        while at < len(rows):
            at = kernels.follow(
                at, slots, numbers, times, apart, state.course, state.past, self.band, scratch, said
            )
            if at < len(rows):
                state.give_ring(int(slots[at]))
        return self._verdicts(results, rows, said)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, ForecastState)
        state.drop(slots)

    def _verdicts(self, results: WindowResults, rows: NDArray[np.int64], said: kernels.Said) -> Verdicts:
        severities = np.where(said.severity == kernels.ALARM, self.severity, said.severity).astype(np.int8)
        ways = np.array([*WAYS, None], object)[said.way].tolist()
        observed = {name: column.take(rows) for name, column in self._observed(results).items()}
        return Verdicts(
            self.monitor, results.keys, results.slots[rows], severities, results.at[rows], results.starts[rows],
            results.ends[rows], results.early[rows], results.partial[rows], results.offsets[rows], observed,
            rows=results.rows[rows], positions=results.positions[rows], expected=said.expected, score=said.score,
            lower=said.lower, upper=said.upper, evidence={"foretold_by": Aside("string", values=ways)},
        )  # fmt: skip

    def _observed(self, results: WindowResults) -> dict[str, Column]:
        return self.judged.observed(results, self.judged.numbers(results))
