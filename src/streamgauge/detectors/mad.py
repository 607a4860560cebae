"""Tells values many deviations from the median of the newest: outliers in what it learned from do not hide others.

When to use it: spikes and dips in series whose past holds spikes and dips too: latencies, sizes, amounts, counters that
are mostly flat. The median and the median absolute deviation (MAD) do not move when up to half of the window is wrong.
``zscore`` needs less state and follows a longer past.

**What it assumes.** One level within the window, deviations as large in both directions.

**The rule.** Of the newest ``newest`` results (60) that taught, with sd their standard deviation::

    spread = max(1.4826 MAD, floor sd, least)
    z = |x - median| / spread;    strength = (z / 6)^2;    score = strength / (1 + strength)

so six deviations are a score of one half. Where more than half of the values are the same, as in many real series, the
MAD is zero and any move would be infinitely far: ``floor`` (0.5) is the share of sd that the spread never falls below,
and ``least`` the same in the unit of the value. A window in which nothing ever moved has no scale: any move is then 24
deviations.

**When it alarms.** ``deviations: 4`` fixes the limit: every result beyond it alarms. Without it ``budget`` (default ``1
per week``) is how many false alarms the whole monitor may make; then, as with ``auto``, only a new high of the last
``hold`` (300) results has a score, and a key that alarmed lately is damped. An alarm ends when z falls below 0.7 of its
limit.

**What it learns.** Each result is judged, then learned. While a key's alarm is open its results teach nothing, until
``accept_after`` (1 hour): then the window begins anew. A key is ``learning`` for its first ``learn`` (150) results, and
while less than half of its window is filled. Missing and infinite values are no data.

State: 0.5 kB per key with a window of 60: 0.19 kB, and 5 bytes per value. Source: F. R. Hampel, *The Influence Curve
and its Role in Robust Estimation* (1974); B. Iglewicz, D. C. Hoaglin, *How to Detect and Handle Outliers* (1993).

>>> from streamgauge.testing import judge
>>> usual = [3.0 if i % 12 == 5 else 0.0 for i in range(200)]          # flat, but for one small burst in each dozen
>>> said = judge("mad", {"deviations": 8}, times=range(204), values=[*usual, 3.0, 5.0, 0.0, -4.0])
>>> [line for line in said if "learning" not in line and "ok" not in line]
['201.0 critical', '203.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.deviating import DeviationsConfig, beside
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.online import Feed, Online, online
from streamgauge.detectors.series import SeriesState
from streamgauge.kernels import charts as kernels
from streamgauge.kernels.alarms import Answers


class Config(DeviationsConfig):
    """``detect: {type: mad, value: latency, newest: 60}``."""

    type: Literal["mad"] = "mad"
    shaped_by: ClassVar[tuple[str, ...]] = ("newest",)

    newest: Annotated[int, Field(ge=5, le=120)] = 60
    """How many of the newest results the median is of."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The share of the window's standard deviation that a deviation never falls below: for series that are mostly flat."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "mad", "learn": 3, "deviations": 2, "accept_after": "4s", "newest": 5},
}
"""A monitor for the checks of the contract."""


def _latency() -> tuple[list[float], list[float], None]:
    """A latency that is nearly flat, with a few slow calls in each hour, and then much slower ones."""
    rng = np.random.default_rng(6)
    values = 20 + rng.integers(0, 2, 500) + np.where(rng.random(500) < 0.04, 6.0, 0.0)
    values[330:334] += 40
    values[430] += 25
    return [60.0 * i for i in range(500)], values.tolist(), None


PICTURE = Picture("mad: slow calls that are usual, and slower ones", {"deviations": 6, "least": 2}, _latency)


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, floor, least = config.rule(), config.which(), config.floor, config.least
    held = {
        "origin": Held(np.float64),
        "ring": Held(np.float32, (config.newest,)),
        "order": Held(np.int8, (config.newest,)),
        "taught": Held(np.int64),
    }

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        window = kernels.Window(*state.named(list(held)))
        kernels.mad(*feed.rows, window, state.alarms(), state.pool(), rule, side, floor, least, out)
        return beside("deviations", out)

    return online(config, context, held, loop)
