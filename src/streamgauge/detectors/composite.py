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

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.online import Feed, Online, online
from streamgauge.detectors.series import SeriesConfig, SeriesState, unusual
from streamgauge.kernels import levels as kernels
from streamgauge.kernels.alarms import Answers

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


_LEVELS = {
    "mean": Held(np.float64, (3,)),
    "variance": Held(np.float64, (3,)),
    "block": Held(np.float32, (kernels.BLOCK,)),
    "last": Held(np.float64),
}
"""See :class:`streamgauge.kernels.levels.Levels`."""


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, memory = config.rule(), config.which(), config.memory

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        levels = kernels.Levels(*state.named(list(_LEVELS)))
        kernels.composite(*feed.rows, levels, state.alarms(), state.pool(), rule, side, memory, out)
        return unusual(STREAMS, out)

    return online(config, context, _LEVELS, loop)
