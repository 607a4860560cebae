"""Tells when an older and a newer part of a window differ by more than chance: the window adapts, and drops the older part.

When to use it: concept drift of one number whose level nobody knows and may be a new one tomorrow: an error rate, a
share, a mean per minute. Nothing has to be said about the size or the speed of a change. ``page_hinkley`` and
``change_point`` need less state and tell small changes against a long, fixed level sooner.

**What it assumes.** Values that hardly depend on those before; their level may be anything. A very large single value
can look like a change: put a ``threshold`` or ``auto`` beside it for those.

**The rule.** For each way to cut the window of n results into an older and a newer part, of n0 and n1 results
(``rows``, 10, at least), with sd the window's standard deviation (``least`` at least)::

    1/m = 1/n0 + 1/n1;    L = ln(2 ln(n) / d)
    strength = |mean0 - mean1| / sd / (sqrt(2 L / m) + 2 L / (3 m));    score = strength / (1 + strength)

where d is ``confidence`` (0.002), so a strength of 1 is the paper's test. When it alarms, the older part is dropped.
The window is held as at most 40 buckets of 1, 2, 4 … results, four of each size: some 4,000 results. Values are taken
in standard deviations where the paper takes values from 0 to 1.

**When it alarms.** ``confidence: 0.002`` fixes the limit at a strength of 1: the share of quiet windows that may be
cut. Otherwise ``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make: the strengths of
quiet results are pooled, and a strength that comes that seldom alarms; until 500 results are known, 1 does.
``sensitivity`` or ``limit`` fix the score instead.

**What it says.** A change is told once, as one alarm. The evidence says when it ``began``, ``level_before``,
``level_since`` and in how many results it was found (``found_after_results``); ``expected`` is the usual level. The
alarm is open until the level is back (three quarters of the way), or for ``accept_after`` (1 hour): then the new level
is the usual one.

**What it learns.** All but maintenance: the window is its memory, and after a change it holds the new level at once.
When the old level comes back it goes on with what it knew of that. A key is ``learning`` for its first ``learn`` (150)
results. Missing and infinite values are no data.

State: 1.4 kB per key. Source: A. Bifet, R. Gavaldà, *Learning from Time-Changing Data with Adaptive Windowing*, SIAM
SDM (2007).

>>> from streamgauge.testing import judge
>>> usual = [10.0 + (7 * i % 5) for i in range(200)]          # mean 12, standard deviation 1.41
>>> said = judge("adwin", {"confidence": 0.002}, times=range(260), values=[*usual, *[v + 2 for v in usual[:60]]])
>>> [line for line in said if "critical" in line][0]
'219.0 critical'
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
from streamgauge.kernels import adaptive as kernels
from streamgauge.kernels.alarms import Answers, Rule
from streamgauge.kernels.charts import Chart


class Config(ShiftConfig):
    """``detect: {type: adwin, value: error}``."""

    limits: ClassVar[tuple[str, ...]] = (*ShiftConfig.limits, "confidence")

    type: Literal["adwin"] = "adwin"
    confidence: Annotated[float, Field(gt=0, lt=1)] | None = None
    """A fixed limit instead of a budget: the share of quiet windows that may be cut, such as 0.002."""
    rows: Annotated[int, Field(ge=1)] = 10
    """How many results each part of the window must hold: the shortest delay."""

    def rule(self) -> Rule:
        """As the kernels take it."""
        rule = super().rule()
        return rule if self.confidence is None else textbook(rule, 1.0)


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "adwin", "learn": 3, "confidence": 0.9, "rows": 2, "accept_after": "4s"},
}
"""A monitor for the checks of the contract."""


def _share() -> tuple[list[float], list[float], None]:
    """The share of a model's wrong answers per minute, of which there are more and more kinds."""
    rng = np.random.default_rng(31)
    course = np.repeat([0.08, 0.08, 0.14, 0.11], [200, 150, 250, 200])
    return [60.0 * i for i in range(800)], (rng.binomial(200, course) / 200).tolist(), None


PICTURE = Picture("adwin: a share of errors that rises, and falls a little", {"confidence": 0.002}, _share)

_BUCKETS = {
    "origin": Held(np.float64), "used": Held(np.int32), "results": Held(np.int32, (kernels.BUCKETS,)),
    "total": Held(np.float64, (kernels.BUCKETS,)), "squares": Held(np.float64, (kernels.BUCKETS,)),
    "first_at": Held(np.int64, (kernels.BUCKETS,)), "older_scatter": Held(np.float64),
}  # fmt: skip
_HELD = {**SHIFT, **_BUCKETS}
_CHANCE = 0.002


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    rule, side, rows, least = config.rule(), config.which(), config.rows, config.least
    chance = config.confidence or _CHANCE

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        change = room_for(len(feed.slots))
        kernels.adwin(
            *feed, Chart(*state.named(list(CHART))), kernels.Buckets(*state.named(list(_BUCKETS))), told_of(state.arrays),
            state.alarms(), state.pool(), rule, side, chance, rows, least, out, change,
        )  # fmt: skip
        return evidence(change)

    return online(config, context, _HELD, loop)
