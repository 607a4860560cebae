"""Tells when values lie above, or below, their level for so long that the level has changed.

When to use it: concept drift of one number (the error of a model, a conversion rate, a sensor that ages), where the
change matters and single values do not. It is the classic with two knobs; ``change_point`` needs none for the size of a
change and says more exactly when it began; ``adwin`` needs no fixed level before; ``ewma`` compares a smoothed value.

**What it assumes.** One level before the change, values that hardly depend on those before. Values are taken in
standard deviations of the usual, so that one setting fits all keys, and a single one counts as at most 4, so that one
spike is no change.

**The rule.** With z = (x - mean) / max(sd, least), and the same with -z for a fall::

    g = max(0, g + z - delta);    strength = g / 10;    score = strength / (1 + strength)

so a sum of ten deviations is a score of one half. Deviations below ``delta`` (0.5) never add up: changes of less than
that are not looked for. A change of d deviations is told after about 10 / (d - delta) results, at least 3. It began
with the first result since g was zero. (g is the Page-Hinkley statistic m - min m of running sums m.)

**When it alarms.** ``threshold: 10`` fixes the limit on g. Otherwise ``budget`` (default ``1 per week``) is how many
false alarms the whole monitor may make: the strengths of quiet results are pooled, and a strength that comes that
seldom alarms; until 500 results are known, 1 does. ``sensitivity`` or ``limit`` fix the score instead.

**What it says.** A change is told once, as one alarm. The evidence says when it ``began``, ``level_before``,
``level_since`` and in how many results it was found (``found_after_results``); ``expected`` is the usual level. The
alarm is open until the level is back (three quarters of the way), or for ``accept_after`` (1 hour): then the new level
is the usual one.

**What it learns.** Mean and standard deviation forget over ``memory`` results (2,000); each result is judged, then
learned. While a change is open nothing is. A key is ``learning`` for its first ``learn`` (150) results. Missing and
infinite values are no data.

State: 0.33 kB per key. Source: E. S. Page, *Continuous Inspection Schemes*, Biometrika (1954); D. V. Hinkley,
*Inference about the Change-Point from Cumulative Sum Tests* (1971).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]          # mean 12, standard deviation 1.41
>>> said = judge("page_hinkley", {"threshold": 10}, times=range(240), values=[*usual, *[v + 2 for v in usual[:40]]])
>>> [line for line in said if "critical" in line][0]
'212.0 critical'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.deviating import CHART, textbook
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.online import Feed, Online, online
from streamgauge.detectors.series import SeriesState
from streamgauge.detectors.shifted import SHIFT, ShiftConfig, evidence, room_for, told_of
from streamgauge.kernels import shifts as kernels
from streamgauge.kernels.alarms import Answers, Rule
from streamgauge.kernels.charts import Chart


class Config(ShiftConfig):
    """``detect: {type: page_hinkley, value: error, delta: 0.5}``."""

    limits: ClassVar[tuple[str, ...]] = (*ShiftConfig.limits, "threshold")

    type: Literal["page_hinkley"] = "page_hinkley"
    delta: Annotated[float, Field(ge=0, lt=4)] = 0.5
    """Standard deviations that are no change however long they last."""
    threshold: Annotated[float, Field(gt=0)] | None = None
    """A fixed limit on the sum, in standard deviations, instead of a budget."""
    memory: Annotated[int, Field(ge=10)] = 2000
    """Over how many results mean and standard deviation forget."""

    def rule(self) -> Rule:
        """As the kernels take it."""
        rule = super().rule()
        return rule if self.threshold is None else textbook(rule, self.threshold / kernels.SURE)


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "page_hinkley", "learn": 3, "threshold": 2, "accept_after": "4s", "memory": 10},
}
"""A monitor for the checks of the contract."""


def _errors() -> tuple[list[float], list[float], None]:
    """The error of a model, which rises a little when prices change, and falls when it is trained anew."""
    values = 5 + 0.8 * np.random.default_rng(12).standard_normal(700)
    values[350:480] += 1.2
    values[620] += 6
    return [60.0 * i for i in range(700)], [round(float(v), 3) for v in values], None


PICTURE = Picture(
    "page_hinkley: an error that rises and stays, until the model is trained anew; one spike is no change",
    {"threshold": 10, "accept_after": "6h"},
    _errors,
)

_SUMS = {
    "origin": Held(np.float64), "height": Held(np.float64, (2,)), "results": Held(np.int64, (2,)),
    "total": Held(np.float64, (2,)), "first_at": Held(np.int64, (2,)),
}  # fmt: skip
_HELD = {**SHIFT, **_SUMS}


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, delta = config.rule(), config.which(), config.delta
    memory, least = config.memory, config.least

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        change = room_for(len(feed.slots))
        kernels.page_hinkley(
            *feed, Chart(*state.named(list(CHART))), kernels.Sums(*state.named(list(_SUMS))), told_of(state.arrays),
            state.alarms(), state.pool(), rule, side, delta, memory, least, out, change,
        )  # fmt: skip
        return evidence(change)

    return online(config, context, _HELD, loop)
