"""Tells when a window holds more or fewer records than it should at that hour: data quality, by volume.

When to use it: a feed has its daily course, and half of it, or twice of it, is a fault although records still
come.

**Learned (the default).** A window with x records is looked at as y = √(x + 3/8), on which scale the spread of Poisson
counts is 1/2 at every level (Anscombe 1948). Per key and hour of the day (``season: week``: of the week), UTC, the mean μ and
standard deviation σ of y are learned; beyond the first ``memory`` windows of an hour older ones fade. After n windows of
that hour it fires when |y − μ| > k·(1 + 4/n)·max(σ, 1/2), with k = ``tolerance``. A key says ``learning`` until ``learn_for``
after its first window, and while its hour has seen fewer than three windows. Windows without records in between count as 0.
What lies outside teaches nothing, until it has lasted ``accept_after``: then it is the new level, learned fast. Nor does what
lies in a maintenance, or windows whose beginning was not seen.

**Fixed.** With ``min`` and ``max``, or ``bounds`` by days and hours in ``timezone``: the first of ``bounds``
whose ``days`` and ``hours`` hold the window's beginning counts; where none does, ``min`` and ``max``.

Windows without records are judged for keys with an open incident; for all known ones when the window has
``include_empty: true``, which you want here: a feed that stops altogether holds no record.

Parameters: ``season`` (``day``, ``week``), ``tolerance`` (default 5), ``learn_for`` (duration, default 3d, of a
week 14d), ``accept_after`` (duration, default 1d), ``memory`` (windows per hour, default 300); or ``min``,
``max``, ``bounds``, ``timezone``; ``severity`` (default ``critical``). State: 24 bytes per key and 24 per hour:
600 bytes per key, of a week 4 kB; fixed: none.

>>> from streamgauge.testing import judge
>>> judge("volume", {"min": 2, "max": 3}, size="10s", times=[0, 1, 10, 20, 21, 22, 23, 30, 31, 40])
['10.0 ok', '20.0 critical', '30.0 critical', '40.0 ok']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column, ColumnKind, FloatArray, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.office_hours import Bound, Timezone, by_hour
from streamgauge.detectors.percentage import ALL
from streamgauge.errors import ConfigError
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.kernels import volumes as kernels
from streamgauge.settings import PositiveDuration
from streamgauge.state import NoState, State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

_HOURS = {"day": 24, "week": 168}
_LEARN = {"day": timedelta(days=3), "week": timedelta(days=14)}


class Config(bounds.WindowRuleConfig):
    """``detect: {type: volume, season: week}``, or ``{type: volume, min: 100}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("season",)

    type: Literal["volume"] = "volume"
    min: Annotated[int, Field(ge=0)] | None = None
    """The fewest records of a window that are fine; with it nothing is learned."""
    max: Annotated[int, Field(ge=0)] | None = None
    """The most records of a window that are fine; with it nothing is learned."""
    bounds: tuple[Bound, ...] = ()
    """Limits by days and hours: the first that fits counts, else `min` and `max`."""
    timezone: Timezone = "UTC"
    """Where `days` and `hours` are, such as Europe/Zurich."""
    season: Literal["day", "week"] = "day"
    """Learn by the hour of the day, or of the week."""
    tolerance: Annotated[float, Field(gt=0)] = 5.0
    """How many standard deviations from the mean are fine (learned)."""
    learn_for: PositiveDuration | None = None
    """How long after its first window a key only learns; default: 3d, of a week 14d."""
    accept_after: PositiveDuration = timedelta(days=1)
    """What has lain outside for so long is the new level."""
    memory: Annotated[int, Field(ge=10)] = 300
    """How many windows of an hour are remembered."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "include_empty": True},
    "detect": {"type": "volume", "learn_for": "3s", "accept_after": "10s", "tolerance": 1, "memory": 10},
}
"""A monitor for the checks of the contract."""


def _feed() -> tuple[list[float], list[float], None]:
    """Five days of a feed with a daily course; for three hours of the last much more than usual."""
    draw = np.random.default_rng(8)
    times: list[float] = []
    for quarter in range(5 * 96):
        usual = 30 + 20 * np.sin(2 * np.pi * quarter / 96)
        count = int(draw.poisson(2.5 * usual if 400 <= quarter < 412 else usual))
        times += [quarter * 900.0 + i * 900.0 / max(count, 1) for i in range(count)]
    return times, [1.0] * len(times), None


PICTURE = Picture(
    "volume: far more records than at that hour, on the fifth day",
    {},
    _feed,
    size="15m",
    value="records",
)


def computes(_: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """How many records a window has."""
    return {ALL: parse_aggregate("count(*)", kinds)}


def build(config: Config, context: Context) -> Fixed | Learned:
    """The detector of one monitor.

    Raises:
        ConfigError: where the windows or the limits do not fit.
    """
    severity = bounds.severity_of(config)
    if config.min is None and config.max is None and not config.bounds:
        bounds.check_grid(config, context)
        if context.size > kernels.HOUR:
            raise ConfigError(
                "volume learns by the hour; take windows of an hour or less, or give `min` and `max`"
            )
        return Learned(context.monitor, config, severity, context.advance, context.include_empty)
    bounds.check_window(config, context)
    if config.min is not None or config.max is not None:
        bounds.check_limits(config.min, config.max)
    return Fixed(context.monitor, config, severity)


def _told(
    monitor: str,
    results: WindowResults,
    severity: Severity,
    records: FloatArray,
    limits: tuple[FloatArray, FloatArray],
) -> Verdicts:
    """Inside or outside; where both limits are unknown (NaN) it is still learning."""
    low, high = limits
    answers = bounds.judged(results, records, (records < low) | (records > high), severity)
    unknown = np.isnan(low) & np.isnan(high)
    answers[unknown & ~np.isnan(records) & ~results.partial] = Severity.LEARNING
    kept = ~results.early
    sides = zip(np.ceil(low[kept]).tolist(), np.floor(high[kept]).tolist(), strict=True)
    expected = [_words(_limit(x), _limit(y)) for x, y in sides]
    observed = {"records": Column("int", numbers=records)}
    finite = (np.where(np.isfinite(side), side, np.nan) for side in limits)
    lower, upper = finite
    return bounds.verdicts(
        monitor, results, (answers, kept), observed, lower=lower, upper=upper, expected=expected
    )


def _limit(side: float) -> float | None:
    """None where it is no limit, or not known (NaN)."""
    return side if np.isfinite(side) and side > 0 else None


def _words(low: float | None, high: float | None) -> str | None:
    return None if low is None and high is None else f"{bounds.in_words(low, high)} records"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Limits that people set; see the module's text."""

    monitor: str
    config: Config
    severity: Severity

    @property
    def needs(self) -> Needs:
        """Nothing: its count is kept by the window."""
        return Needs(waits=False)

    def initial(self) -> NoState:
        """Nothing is remembered."""
        return NoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window."""
        limits = by_hour(
            self.config.bounds, (self.config.min, self.config.max), self.config.timezone, results.starts
        )
        return _told(self.monitor, results, self.severity, bounds.numbers_of(results, ALL), limits)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""


class VolumeState:
    """What each key's hours hold; see :func:`streamgauge.kernels.volumes.judge`."""

    version = 1

    def __init__(self, hours: int) -> None:
        self.hours = hours
        self.first = np.zeros(0, np.int64)
        self.newest = np.zeros(0, np.int64)
        self.since = np.zeros(0, np.int64)
        self.mean = np.zeros(0, np.float64)
        self.variance = np.zeros(0, np.float64)
        self.count = np.zeros(0, np.float64)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        for name in ("first", "newest", "since"):
            setattr(self, name, grown(getattr(self, name), slots, kernels.UNSEEN))
        for name in ("mean", "variance", "count"):
            setattr(self, name, grown(getattr(self, name), len(self.first) * self.hours, 0.0))

    def tables(self) -> Tables:
        """One row per key, and one per key and hour."""
        used = len(self.first) * self.hours
        return {
            "keys": {"first": self.first, "newest": self.newest, "outside": self.since},
            "hours": {"mean": self.mean[:used], "variance": self.variance[:used], "count": self.count[:used]},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        keys, hours = tables["keys"], tables["hours"]
        held, used = len(keys["first"]), len(hours["mean"])
        self.make_room(held)
        self.first[:held], self.newest[:held] = keys["first"], keys["newest"]
        self.since[:held] = keys["outside"]
        self.mean[:used], self.variance[:used] = hours["mean"], hours["variance"]
        self.count[:used] = hours["count"]

    def drop(self, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        held = slots[slots < len(self.first)]
        self.first[held] = self.newest[held] = self.since[held] = kernels.UNSEEN
        for column in (self.mean, self.variance, self.count):
            column[: len(self.first) * self.hours].reshape(-1, self.hours)[held] = 0.0


@dataclass(frozen=True, slots=True)
class Learned:
    """Limits learned by the hour; see the module's text."""

    monitor: str
    config: Config
    severity: Severity
    advance: int
    include_empty: bool

    @property
    def needs(self) -> Needs:
        """Nothing: its count is kept by the window."""
        return Needs(waits=False)

    def initial(self) -> VolumeState:
        """Nothing learned."""
        return VolumeState(_HOURS[self.config.season])

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window, and learn from it."""
        assert isinstance(state, VolumeState)
        state.make_room(len(results.keys))
        records = bounds.numbers_of(results, ALL)
        unasked = bounds.unasked(results, include_empty=self.include_empty)
        closed = np.nonzero(~results.early & ~unasked)[0]
        kinds = np.where(results.offsets >= 0, 1, 0).astype(np.int8)
        kinds[results.partial] = 2
        if results.apart is not None:
            kinds[results.apart & (kinds == 1)] = 2
        learn = self.config.learn_for or _LEARN[self.config.season]
        rule = np.array(
            [
                self.advance,
                state.hours,
                to_micros(learn),
                to_micros(self.config.accept_after),
                self.config.memory,
            ],
            np.int64,
        )
        out = np.full((len(closed), 3), np.nan)
        kernels.judge(
            results.slots[closed], results.starts[closed], records[closed], kinds[closed], state.first,
            state.newest, state.since, state.mean, state.variance, state.count, out, rule, self.config.tolerance,
        )  # fmt: skip
        limits = np.full((len(results), 3), np.nan)
        limits[closed] = out
        counted = np.where(unasked, np.nan, records)  # no data
        return _told(self.monitor, results, self.severity, counted, (limits[:, 1], limits[:, 2]))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, VolumeState)
        state.drop(slots)
