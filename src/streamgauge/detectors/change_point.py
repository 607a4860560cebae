"""Tells when the level has changed: since when, from what to what, however small or large the step.

When to use it: "something is different since the release": a step up or down that stays, of a size that nobody knows
beforehand. ``auto`` and ``zscore`` tell single values and get used to a step; ``page_hinkley`` looks for changes above
one size.

**What it assumes.** One level before the change, values that hardly depend on those before. Values are taken in
standard deviations of the usual, and a single one counts as at most 4, so that one spike is no change.

**The rule.** With z = (x - mean) / max(sd, least), for every moment t from ``rows`` (5) to ``reach`` (300) results
ago::

    deviations = |sum of z since t| / sqrt(results since t)        # the mean since t, in its standard errors
    strength = (largest deviations / 6)^2;    score = strength / (1 + strength)

so six standard errors are a score of one half, and t is when it began. **Its delay**: with a limit of six a step of d
standard deviations is told after about 36 / d^2 results: 36 for a step of one, 9 for two, ``rows`` at least. Not every
t is tried: only those on the convex hull of the running sum can win, and the eight newest are kept in each direction.

**When it alarms.** ``deviations: 6`` fixes the limit in standard errors. Otherwise ``budget`` (default ``1 per week``)
is how many false alarms the whole monitor may make: the strengths of quiet results are pooled, and a strength that
comes that seldom alarms; until 500 results are known, 1 does. ``sensitivity`` or ``limit`` fix the score instead.

**What it says.** A change is told once, as one alarm. The evidence says when it ``began``, ``level_before``,
``level_since`` and in how many results it was found (``found_after_results``); ``expected`` is the usual level. The
alarm is open until the level is back (three quarters of the way), or for ``accept_after`` (1 hour): then the new level
is the usual one.

**What it learns.** Mean and standard deviation forget over ``memory`` results (2,000); each result is judged, then
learned. While a change is open nothing is. A key is ``learning`` for its first ``learn`` (150) results. Missing and
infinite values are no data.

State: 0.8 kB per key. Source: the generalised likelihood ratio of T. L. Lai, *Sequential Changepoint Detection* (1995),
by the pruning of G. Romano, I. Eckley, P. Fearnhead, G. Rigaill, *Fast Online Changepoint Detection via Functional
Pruning CUSUM Statistics*, JMLR (2023).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]          # mean 12, standard deviation 1.41
>>> said = judge("change_point", {"deviations": 6}, times=range(240), values=[*usual, *[v + 2 for v in usual[:40]]])
>>> [line for line in said if "critical" in line][0]
'222.0 critical'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

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
from streamgauge.kernels.levels import DEVIATIONS
from streamgauge.settings import wrong


class Config(ShiftConfig):
    """``detect: {type: change_point, value: latency}``."""

    limits: ClassVar[tuple[str, ...]] = (*ShiftConfig.limits, "deviations")

    type: Literal["change_point"] = "change_point"
    deviations: Annotated[float, Field(gt=0)] | None = None
    """A fixed limit, in standard errors of the mean since the change, instead of a budget."""
    rows: Annotated[int, Field(ge=1)] = 5
    """How many results a change must have lasted at least: the shortest delay."""
    reach: Annotated[int, Field(ge=10)] = 300
    """How many results ago a change may have begun at most: slower ones are not looked for."""
    memory: Annotated[int, Field(ge=10)] = 2000
    """Over how many results mean and standard deviation forget."""

    def rule(self) -> Rule:
        """As the kernels take it."""
        rule = super().rule()
        return rule if self.deviations is None else textbook(rule, (self.deviations / DEVIATIONS) ** 2)

    @model_validator(mode="after")
    def _some_reach(self) -> Config:
        if self.rows > self.reach:
            raise wrong(
                "rows", f"{self.rows} results at least and {self.reach} (`reach`) at most: no change fits"
            )
        return self


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {
        "type": "change_point", "learn": 3, "deviations": 2, "rows": 2, "reach": 10, "accept_after": "4s", "memory": 10,
    },
}  # fmt: skip
"""A monitor for the checks of the contract."""


def _release() -> tuple[list[float], list[float], None]:
    """A latency with spikes; a release makes it slower, and the next one faster than it was."""
    rng = np.random.default_rng(21)
    values = 80 + 6 * rng.standard_normal(800) + np.where(rng.random(800) < 0.01, 60, 0)
    values[330:] += 9
    values[600:] -= 22
    return [60.0 * i for i in range(800)], [round(float(v), 2) for v in values], None


PICTURE = Picture(
    "change_point: a release makes it slower, the next one faster; spikes are no changes",
    {"deviations": 6},
    _release,
)

_POINTS = {
    "origin": Held(np.float64), "seen": Held(np.int64), "walked": Held(np.float64), "summed": Held(np.float64),
    "kept": Held(np.int8, (2,)), "place": Held(np.int64, (2, kernels.POINTS)),
    "walk": Held(np.float64, (2, kernels.POINTS)), "total": Held(np.float64, (2, kernels.POINTS)),
    "first_at": Held(np.int64, (2, kernels.POINTS)),
}  # fmt: skip
_HELD = {**SHIFT, **_POINTS}


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, rows, reach = config.rule(), config.which(), config.rows, config.reach
    memory, least = config.memory, config.least

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        change = room_for(len(feed.slots))
        kernels.change_point(
            *feed, Chart(*state.named(list(CHART))), kernels.Points(*state.named(list(_POINTS))), told_of(state.arrays),
            state.alarms(), state.pool(), rule, side, rows, reach, memory, least, out, change,
        )  # fmt: skip
        return evidence(change)

    return online(config, context, _HELD, loop)
