"""Tells values, levels and jumps that lie many standard deviations from their mean.

When to use it: series whose values lie around one level, close to a normal distribution, where people think in standard
deviations: sensor readings, averages over many events. ``auto`` assumes less; ``seasonal`` knows hours and weekdays.

**What it assumes.** One level that moves slowly, and deviations that are about as large in both directions.

**The rule.** Three numbers are compared with their own running mean and standard deviation: the value x, the mean of the
last 20 values, and the difference from the value before::

    z = max over the three of |y - mean(y)| / sd(y);    strength = (z / 6)^2;    score = strength / (1 + strength)

so six standard deviations are a score of one half. ``score`` is 0 unless it is the highest of the last ``hold`` (300)
results, and a key that alarmed lately is damped.

**When it alarms**, what it learns from and when it accepts a new level is as with ``auto``: ``budget`` false alarms of the
whole monitor (default ``1 per week``), or a fixed ``sensitivity`` or ``limit``; nothing is learned while a key's alarm is
open; after ``accept_after`` (1 hour) the new level is normal. Means forget over ``memory`` (2,000) results.

State: 0.3 kB per key. Source: Shewhart's control chart (1931) on level, block mean and difference.

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]
>>> said = judge("composite", {"sensitivity": "low"}, times=range(203), values=[*usual, 31.0, 12.0, 11.0])
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
)
from streamgauge.kernels import levels as kernels
from streamgauge.kernels.alarms import Rule
from streamgauge.state import State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

STREAMS = ("value", "mean of the last values", "difference")


class Config(SeriesConfig):
    """``detect: {type: composite, value: temperature, budget: 1 per week}``."""

    type: Literal["composite"] = "composite"
    memory: Annotated[int, Field(ge=10)] = 2000
    """Over how many results means and deviations forget."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {
        "type": "composite",
        "learn": 3,
        "limit": 0.2,
        "hold": "3s",
        "accept_after": "4s",
        "memory": 10,
    },
}
"""A monitor for the checks of the contract."""


def _boiler() -> tuple[list[float], list[float], None]:
    """A temperature around 60 with one dip and a step up that stays."""
    noise = np.random.default_rng(3).standard_normal(700)
    values = 60 + noise + np.where(np.arange(700) >= 520, 16.0, 0.0)
    values[360] -= 12
    return [60.0 * i for i in range(700)], [round(float(v), 3) for v in values], None


PICTURE = Picture(
    "composite: one dip, and a step that is the new level after an hour",
    {"sensitivity": "low", "accept_after": "1h"},
    _boiler,
)


def build(config: Config, context: Context) -> Composite:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    judged = the_value(config.value, context)
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    needs = series_needs(judged, context)
    return Composite(context.monitor, judged, severity, config.rule(), config.which(), config.memory, needs)


_LEVELS = {
    "mean": Held(np.float64, (3,)),
    "variance": Held(np.float64, (3,)),
    "block": Held(np.float32, (kernels.BLOCK,)),
    "last": Held(np.float64),
}


class CompositeState(SeriesState):
    """See :class:`streamgauge.kernels.levels.Levels`."""

    def __init__(self) -> None:
        super().__init__({**ALARMS, **POOL, **_LEVELS})

    def levels(self) -> kernels.Levels:
        """For the kernel."""
        return kernels.Levels(*self.named(list(_LEVELS)))


@dataclass(frozen=True, slots=True)
class Composite:
    """See the module's text."""

    monitor: str
    judged: Judged
    severity: Severity
    rule: Rule
    side: int
    memory: int
    needs: Needs

    def initial(self) -> CompositeState:
        """Nothing seen."""
        return CompositeState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each result, then learn from it."""
        assert isinstance(state, CompositeState)
        results = judged_rows(results) or results
        numbers, out = self.judged.numbers(results), room_for(results)
        state.make_room(len(results.keys))
        kernels.composite(
            results.slots, numbers, moments(results), apart_of(results), state.levels(), state.alarms(), state.pool(),
            self.rule, self.side, self.memory, out,
        )  # fmt: skip
        return answered(self.monitor, self.severity, (self.judged, numbers), results, out, STREAMS)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, CompositeState)
        state.drop(slots)
