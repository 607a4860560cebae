"""Tells small shifts that last: the smoothed value leaves the band in which it usually lies.

When to use it: a level that creeps or steps by one or two standard deviations and stays there: no single value is
unusual, their mean is. ``zscore`` sees one large value sooner; ``change_point`` also says when the shift began.

**What it assumes.** One level that moves slowly, and values that hardly depend on those before. Where they do (a daily
course, a slow wave), smoothed values wander much further than assumed here: leave the limit to ``budget`` then, which
measures it.

**The rule.** With the mean and standard deviation sd that forget over ``memory`` results (2,000), and ``weight`` w
(0.1)::

    s = (1 - w) s + w x                                    # the smoothed value
    z = |s - mean| / (max(sd, least) sqrt(w / (2 - w)));    strength = (z / 6)^2;    score = strength / (1 + strength)

A smaller weight finds smaller shifts, later: with 0.1 and a limit of 4 deviations a shift of one sd is told after about
24 results, one of two after 6. ``expected``, ``lower`` and ``upper`` are those of the smoothed value, which stands in
the evidence as ``smoothed``.

**When it alarms.** ``deviations: 4`` fixes the limit: every result whose smoothed value is beyond it alarms. Without it
``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make, as with ``auto``. An alarm ends
when z falls below 0.7 of its limit.

**What it learns.** Each result is judged, then learned. While a key's alarm is open its results teach nothing, until
``accept_after`` (1 hour): then mean and scatter of the newest results are the normal ones. A key is ``learning`` for
its first ``learn`` (150) results. Missing and infinite values are no data.

State: 0.22 kB per key. Source: S. W. Roberts, *Control Chart Tests Based on Geometric Moving Averages*, Technometrics
(1959).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]          # mean 12, standard deviation 1.41
>>> said = judge("ewma", {"deviations": 4}, times=range(220), values=[*usual, *[v + 2 for v in usual[:20]]])
>>> [line for line in said if "critical" in line][:2]
['212.0 critical', '213.0 critical']
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
    """``detect: {type: ewma, value: thickness, weight: 0.1}``."""

    type: Literal["ewma"] = "ewma"
    weight: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """How much the newest value weighs; smaller finds smaller shifts, later."""
    memory: Annotated[int, Field(ge=10)] = 2000
    """Over how many results mean and standard deviation forget."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {
        "type": "ewma",
        "learn": 3,
        "deviations": 2,
        "accept_after": "4s",
        "memory": 10,
        "weight": 0.5,
    },
}
"""A monitor for the checks of the contract."""


def _rolls() -> tuple[list[float], list[float], None]:
    """The thickness of a sheet; the rolls wear, are set right, and later another product runs."""
    values = 2 + 0.02 * np.random.default_rng(4).standard_normal(600)
    values[280:340] += 0.02
    values[460:] -= 0.03
    return [60.0 * i for i in range(600)], [round(float(v), 4) for v in values], None


PICTURE = Picture("ewma: no value is unusual, their mean is", {"deviations": 4}, _rolls)


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, weight, memory, least = (
        config.rule(),
        config.which(),
        config.weight,
        config.memory,
        config.least,
    )

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        chart = kernels.Chart(*state.named(list(CHART)))
        kernels.smoothed(
            *feed.rows, chart, state.alarms(), state.pool(), rule, side, weight, memory, least, out
        )
        return beside("smoothed", out)

    return online(config, context, CHART, loop)
