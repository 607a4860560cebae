"""Tells when records come more than once: data quality, by window.

When to use it: each record has an id, and a producer that retries, a job that runs twice or a file that is read
again repeats some.

**The rule.** Of the n records of a window that have ``of``, d hold different values, so n − d are repeats. The
window fires when 100·(n − d)/n > ``max``, and is clear otherwise. Windows of fewer than ``min_records`` such
records say ``not_enough_data``; windows whose beginning was not seen are not judged. A repeat in a later window
is not seen: take windows longer than what repeats takes, or hopping ones.

**Estimates.** Up to 10,000 different values are counted exactly. Beyond, d is an estimate, and the repeats are
counted as few as they can be within its bounds: a share below 4 % of so many records cannot be seen.

Parameters: ``of`` (field), ``max`` (percent, default 0: one is too many), ``min_records`` (default 1),
``severity`` (default ``critical``). It learns nothing and keeps nothing between windows; the window keeps the
values that it has seen.

>>> from streamgauge.testing import judge
>>> judge("duplicates", {"of": "id"}, size="10s", times=[0.0, 1.0, 2.0, 10.0, 11.0, 20.0],
...       values={"id": ["a", "b", "c", "d", "d", "a"]})
['10.0 ok', '20.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Column, ColumnKind, FloatArray, SlotArray
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import check_fields
from streamgauge.detectors.percentage import Percent
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.state import NoState, State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

THERE, DIFFERENT = "records with a value", "different values"
"""What the window keeps; names that nobody can have given to something else."""


class Config(bounds.WindowRuleConfig):
    """``detect: {type: duplicates, of: id, max: 1}``."""

    type: Literal["duplicates"] = "duplicates"
    of: Annotated[str, Field(min_length=1)]
    """The field that should be another in each record."""
    max: Percent = 0
    """The largest share of repeats that is fine, in percent."""
    min_records: Annotated[int, Field(gt=0)] = 1
    """Windows of fewer records are not judged."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {"type": "duplicates", "of": "word", "max": 30, "min_records": 2},
}
"""A monitor for the checks of the contract."""


def _orders() -> tuple[list[float], dict[str, list[str]], None]:
    """An order each second; for a minute each fifth is sent twice."""
    sent = [(float(t), f"o{t}") for t in range(600)]
    sent += [(t + 0.5, order) for t, order in sent if 240 <= t < 300 and t % 5 == 0]
    sent.sort()
    return [t for t, _ in sent], {"id": [order for _, order in sent]}, None


PICTURE = Picture(
    "duplicates: for a minute each fifth order comes twice", {"of": "id", "max": 2}, _orders, size="30s",
    value="repeated_percent",
)  # fmt: skip


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """How many records hold a value, and how many different ones."""
    check_fields("of", [config.of], Context("", kinds))
    name = bounds.quoted(config.of)
    return {
        THERE: parse_aggregate(f"count({name})", kinds),
        DIFFERENT: parse_aggregate(f"distinct({name})", kinds),
    }


def build(config: Config, context: Context) -> Duplicates:
    """The detector of one monitor.

    Raises:
        ConfigError: where there is no window.
    """
    bounds.check_window(config, context)
    expected = f"{bounds.in_words(None, config.max, ' %')} with an {config.of} that came before"
    return Duplicates(context.monitor, config.max, config.min_records, bounds.severity_of(config), expected)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """See the module's text."""

    monitor: str
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
        records, repeats = bounds.numbers_of(results, THERE), self._repeats(results)
        share = np.where(records > 0, 100 * repeats / np.maximum(records, 1), np.nan)
        answers = bounds.judged(results, share, share > self.high, self.severity)
        answers[(records > 0) & (records < self.least) & ~results.partial] = Severity.NOT_ENOUGH_DATA
        observed = {
            "repeated_percent": Column("float", numbers=share),
            "repeated": Column("int", numbers=repeats),
            "records": Column("int", numbers=records),
        }
        return bounds.verdicts(
            self.monitor, results, (answers, ~results.early), observed, expected=self.expected
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""

    def _repeats(self, results: WindowResults) -> FloatArray:
        """At least so many: where the different values are estimated, by the upper bound of the estimate."""
        different = bounds.numbers_of(results, DIFFERENT)
        upper = results.columns.get(f"{DIFFERENT}_upper")
        if upper is not None and len(results):
            different = np.fmax(different, upper.numbers())
        return np.maximum(bounds.numbers_of(results, THERE) - different, 0)
