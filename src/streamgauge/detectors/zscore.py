"""Tells values that lie many standard deviations from the running mean.

When to use it: one level, values close to a normal distribution, and people who say "three sigma". It is the plainest
of the series detectors and the easiest to explain. ``composite`` also watches the mean of the last values and the
jumps, ``mad`` stands outliers in what it learned from, ``auto`` assumes less.

**What it assumes.** One level that moves slowly, deviations as large in both directions, values that hardly depend on
those before.

**The rule.** Mean and standard deviation sd are running ones that forget over ``memory`` results (2,000)::

    z = |x - mean| / max(sd, least);    strength = (z / 6)^2;    score = strength / (1 + strength)

so six standard deviations are a score of one half. A series that never moved has no scale: any move is then 24
deviations, unless ``least`` says, in the unit of the value, what the smallest standard deviation is.

**When it alarms.** ``deviations: 4`` is the textbook's limit: every result beyond it alarms. Without it ``budget``
(default ``1 per week``) is how many false alarms the whole monitor may make; then, as with ``auto``, only a new high of
the last ``hold`` (300) results has a score, and a key that alarmed lately is damped. An alarm ends when z falls below
0.7 of its limit.

**What it learns.** Each result is judged, then learned. While a key's alarm is open its results teach nothing, until
``accept_after`` (1 hour): then mean and scatter of the newest results are the normal ones. A key is ``learning`` for
its first ``learn`` (150) results. Missing and infinite values are no data.

State: 0.22 kB per key. Source: W. A. Shewhart, *Economic Control of Quality of Manufactured Product* (1931); running
variance after T. Finch, *Incremental calculation of weighted mean and variance* (2009).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]          # mean 12, standard deviation 1.41
>>> said = judge("zscore", {"deviations": 4}, times=range(204), values=[*usual, 17.0, 18.5, 12.0, 6.0])
>>> [line for line in said if "learning" not in line and "ok" not in line]
['201.0 critical', '203.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.deviating import CHART, DeviationsConfig, beside
from streamgauge.detectors.online import Feed, Online, online
from streamgauge.detectors.series import SeriesState
from streamgauge.kernels import charts as kernels
from streamgauge.kernels.alarms import Answers


class Config(DeviationsConfig):
    """``detect: {type: zscore, value: temperature, deviations: 4}``."""

    type: Literal["zscore"] = "zscore"
    memory: Annotated[int, Field(ge=10)] = 2000
    """Over how many results mean and standard deviation forget."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "zscore", "learn": 3, "deviations": 2, "accept_after": "4s", "memory": 10},
}
"""A monitor for the checks of the contract."""


def _cold_store() -> tuple[list[float], list[float], None]:
    """A temperature around -20; a door stays open, and later the set point is raised."""
    values = -20 + 0.5 * np.random.default_rng(8).standard_normal(600)
    values[300:306] += [2.0, 3.5, 4.5, 4.0, 3.0, 1.5]
    values[450:] += 3.0
    return [60.0 * i for i in range(600)], [round(float(v), 3) for v in values], None


PICTURE = Picture(
    "zscore: a door left open, and a new set point that is accepted after an hour",
    {"deviations": 4},
    _cold_store,
)


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, memory, least = config.rule(), config.which(), config.memory, config.least

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        chart = kernels.Chart(*state.named(list(CHART)))
        kernels.smoothed(*feed.rows, chart, state.alarms(), state.pool(), rule, side, 1.0, memory, least, out)
        return beside("deviations", out)

    return online(config, context, CHART, loop)
