"""Tells when the share of records that match a condition lies outside its limits.

When to use it: some errors are normal and their number follows the traffic, so a count says nothing and a share does.

**The rule.** Of the n records of a window, m surely fulfil ``of`` (what is missing makes it unanswerable: no match). The window
fires when 100·m/n > ``max`` or < ``min``; it is clear otherwise. Windows of fewer than ``min_records`` records say
``not_enough_data``: one failure of two requests is no 50 %. Windows whose beginning was not seen are not judged.

Parameters: ``of`` (condition on a record), ``max``, ``min`` (percent, at least one of them), ``min_records`` (default 30),
``severity`` (default ``critical``). It learns nothing and keeps nothing between windows. It is ElastAlert's
``percentage_match``.

>>> from streamgauge.testing import judge
>>> judge("percentage", {"of": "value >= 500", "max": 25, "min_records": 3}, size="10s",
...       times=[0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0, 30.0], values=[200, 500, 500, 200, 200, 200, 500, 200])
['10.0 critical', '20.0 ok', '30.0 not_enough_data']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column, ColumnKind, SlotArray
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.expressions import Aggregate, parse_aggregate, parse_condition
from streamgauge.state import NoState, State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

Percent = Annotated[float, Field(ge=0, le=100)]
ALL, MATCHING = "all records", "records that match"
"""What the window keeps; names that nobody can have given to something else."""


class Config(bounds.WindowRuleConfig):
    """``detect: {type: percentage, of: "status >= 500", max: 5}``."""

    type: Literal["percentage"] = "percentage"
    of: str
    """The condition whose share of records is judged."""
    max: Percent | None = None
    """The largest share that is fine, in percent."""
    min: Percent | None = None
    """The smallest share that is fine, in percent."""
    min_records: Annotated[int, Field(gt=0)] = 30
    """Windows of fewer records are not judged."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {"type": "percentage", "of": "value > 0", "max": 60, "min": 5, "min_records": 2},
}
"""A monitor for the checks of the contract."""


def _requests() -> tuple[list[float], list[float], None]:
    """A request each half second, of which 2 % fail, and 12 % for two minutes."""
    noise = np.random.default_rng(11).random(1200)
    times = [0.5 * i for i in range(1200)]
    failing = [0.12 if 300 <= t < 420 else 0.02 for t in times]
    return times, [500.0 if x < p else 200.0 for x, p in zip(noise.tolist(), failing, strict=True)], None


PICTURE = Picture(
    "percentage: more than 5 % of the requests of 30 s fail",
    {"of": "value >= 500", "max": 5},
    _requests,
    size="30s",
    value="percentage",
)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """How many records a window has, and how many of them match; raises ExpressionError for the condition."""
    parse_condition(config.of, kinds)
    matching = parse_aggregate(f"count(case when {config.of} then 1 end)", kinds)
    return {ALL: parse_aggregate("count(*)", kinds), MATCHING: matching}


def build(config: Config, context: Context) -> Percentage:
    """The detector of one monitor.

    Raises:
        ConfigError: where there is no window, or no limit.
    """
    bounds.check_window(config, context)
    bounds.check_limits(config.min, config.max)
    return Percentage(
        context.monitor, config.min, config.max, config.min_records, bounds.severity_of(config),
        f"{bounds.in_words(config.min, config.max, ' %')} with {config.of}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Percentage:
    """See the module's text."""

    monitor: str
    low: float | None
    high: float | None
    least: int
    severity: Severity
    expected: str

    @property
    def needs(self) -> Needs:
        """Nothing: its counts are kept by the window."""
        return Needs(waits=False)

    def initial(self) -> NoState:
        """Nothing is remembered."""
        return NoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window."""
        records, matching = bounds.numbers_of(results, ALL), bounds.numbers_of(results, MATCHING)
        share = np.where(records > 0, 100 * matching / np.maximum(records, 1), np.nan)
        low, high = bounds.limit(self.low, -np.inf), bounds.limit(self.high, np.inf)
        answers = bounds.judged(results, share, (share < low) | (share > high), self.severity)
        few = (records > 0) & (records < self.least) & ~results.partial
        answers[few] = Severity.NOT_ENOUGH_DATA
        observed = {
            "percentage": Column("float", numbers=share),
            "matching": Column("int", numbers=matching),
            "records": Column("int", numbers=records),
        }
        return bounds.verdicts(
            self.monitor, results, (answers, ~results.early), observed, expected=self.expected
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""
