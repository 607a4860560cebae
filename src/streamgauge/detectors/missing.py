"""Tells when a field is missing from too many records: data quality, by window.

When to use it: a field should be there (always, or in most records), and a release of whoever makes the records can lose it.

**The rule.** Of the n records of a window, m lack the field (null, absent, or no number where there should be one). The window
fires when 100·m/n > ``max`` for at least one of the fields, and is clear otherwise; people are told which. A field that
vanishes in mid-stream is missing from 100 %. Windows of fewer than ``min_records`` records say ``not_enough_data``; windows
whose beginning was not seen are not judged.

Parameters: ``of`` (field or list), ``max`` (percent, default 0: one is too many), ``min_records`` (default 30), ``severity``
(default ``critical``). It learns nothing and keeps nothing between windows. A record that must not lack a field at all is better
refused: declare the field ``required``, and such records go to the dead-letter.

>>> from streamgauge.testing import judge
>>> judge("missing", {"of": "value", "max": 20, "min_records": 3}, size="10s",
...       times=[0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0], values=[1, 2, 3, None, 2, None, 1])
['10.0 ok', '20.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Aside, Column, ColumnKind, SlotArray
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import FieldNames, check_fields
from streamgauge.detectors.percentage import ALL, Percent
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.state import NoState, State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults


class Config(bounds.WindowRuleConfig):
    """``detect: {type: missing, of: [amount, country], max: 2}``."""

    type: Literal["missing"] = "missing"
    of: FieldNames
    """The field or fields that should be there."""
    max: Percent = 0
    """The largest share of records without it that is fine, in percent."""
    min_records: Annotated[int, Field(gt=0)] = 30
    """Windows of fewer records are not judged."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {"type": "missing", "of": ["value", "word"], "max": 40, "min_records": 2},
}
"""A monitor for the checks of the contract."""


def _readings() -> tuple[list[float], list[float | None], None]:
    """A reading each second; 1 in 50 is missing, and for two minutes 1 in 4."""
    drawn = np.random.default_rng(2).random(600).tolist()
    lost = [0.25 if 240 <= t < 360 else 0.02 for t in range(600)]
    return (
        [float(t) for t in range(600)],
        [None if x < p else 20.0 + x for x, p in zip(drawn, lost, strict=True)],
        None,
    )


PICTURE = Picture(
    "missing: more than 10 % of the readings of 30 s lack their value",
    {"of": "value", "max": 10},
    _readings,
    size="30s",
)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """How many records a window has, and how many hold each field."""
    check_fields("of", config.of, Context("", kinds))
    there = {_there(name): parse_aggregate(f"count({bounds.quoted(name)})", kinds) for name in config.of}
    return {ALL: parse_aggregate("count(*)", kinds), **there}


def _there(field: str) -> str:
    return f"records with {field}"


def build(config: Config, context: Context) -> Missing:
    """The detector of one monitor.

    Raises:
        ConfigError: where there is no window.
    """
    bounds.check_window(config, context)
    expected = f"{bounds.in_words(None, config.max, ' %')} without {' or '.join(config.of)}"
    return Missing(
        context.monitor, config.of, config.max, config.min_records, bounds.severity_of(config), expected
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """See the module's text."""

    monitor: str
    of: tuple[str, ...]
    high: float
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
        records = bounds.numbers_of(results, ALL)
        there = np.column_stack([bounds.numbers_of(results, _there(name)) for name in self.of])
        lost = np.where(records > 0, 100 * (records - there.T) / np.maximum(records, 1), np.nan).T
        outside = lost > self.high
        fires = np.asarray(outside.any(axis=1), np.bool_)
        answers = bounds.judged(results, lost[:, 0], fires, self.severity)
        few = (records > 0) & (records < self.least) & ~results.partial
        answers[few] = Severity.NOT_ENOUGH_DATA
        observed: dict[str, Column] = {}
        for c, name in enumerate(self.of):  # where it fires only what is too much
            shown = np.where(fires & ~outside[:, c], np.nan, lost[:, c])
            observed[f"{name}_missing"] = Aside("float", numbers=shown)
        observed["records"] = Column("int", numbers=records)
        return bounds.verdicts(
            self.monitor, results, (answers, ~results.early), observed, expected=self.expected
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""
