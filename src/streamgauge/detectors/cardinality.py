"""Tells when a window holds too many, or too few, different values.

When to use it: how many, not which: users of one host, hosts that report, countries of one account.

**The rule.** A window with c different values of ``of`` (missing ones do not count) fires when c > ``max`` or c < ``min``, and is
clear otherwise. Too many is told **early**, at the record that brings the first value too many, since c can only grow; too
few when the window has closed. Windows whose beginning was not seen are judged by ``max`` only, and never clear. A window
without records counts as c = 0 for keys with an open incident, and for all known ones with ``include_empty``.

Parameters: ``of`` (field), ``max``, ``min`` (at least one of them), ``severity`` (default ``critical``). It learns nothing and keeps
nothing between windows; the window keeps the values that it has seen (see ``distinct`` in the expressions). It is ElastAlert's
``cardinality``.

>>> from streamgauge.testing import judge
>>> judge("cardinality", {"of": "user", "max": 2}, size="10s", times=[0.0, 1.0, 2.0, 3.0, 12.0, 20.0],
...       values={"user": ["anna", "ben", "ben", "eve", "anna", "anna"]})
['3.0 critical early', '10.0 critical', '20.0 ok']
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
from streamgauge.detectors.matches import check_fields
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.state import NoState, State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import Watch, WindowResults

VALUES = "different values"
"""What the window keeps; a name that nobody can have given to something else."""


class Config(bounds.WindowRuleConfig):
    """``detect: {type: cardinality, of: user, max: 10}``."""

    type: Literal["cardinality"] = "cardinality"
    of: Annotated[str, Field(min_length=1)]
    """The field whose different values are counted."""
    max: Annotated[int, Field(ge=0)] | None = None
    """The most different values that are fine."""
    min: Annotated[int, Field(ge=0)] | None = None
    """The fewest different values that are fine."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {"type": "cardinality", "of": "word", "max": 2, "min": 1},
}
"""A monitor for the checks of the contract."""


def _logins() -> tuple[list[float], dict[str, list[str]], None]:
    """Logins of five users at one host, and for a while of many."""
    drawn = np.random.default_rng(5).integers(0, 40, 300).tolist()
    times = [2.0 * i for i in range(300)]
    return (
        times,
        {"user": [f"u{u if 240 <= t < 330 else u % 5}" for t, u in zip(times, drawn, strict=True)]},
        None,
    )


PICTURE = Picture(
    "cardinality: more than 10 users within a minute",
    {"of": "user", "max": 10},
    _logins,
    size="1m",
)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """The different values; a field that does not exist is told by ``build``."""
    if config.of not in kinds:
        check_fields("of", [config.of], Context("", kinds))
    return {VALUES: parse_aggregate(f"distinct({bounds.quoted(config.of)})", kinds)}


def build(config: Config, context: Context) -> Cardinality:
    """The detector of one monitor.

    Raises:
        ConfigError: where there is no window, or no limit.
    """
    bounds.check_window(config, context)
    bounds.check_limits(config.min, config.max)
    watches = () if config.max is None or not context.early else (Watch(VALUES, config.max),)
    expected = f"{bounds.in_words(config.min, config.max)} different {config.of}"
    return Cardinality(
        context.monitor, config.of, (config.min, config.max), bounds.severity_of(config),
        Needs(watches=watches, waits=False), expected,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cardinality:
    """See the module's text."""

    monitor: str
    of: str
    limits: tuple[int | None, int | None]
    severity: Severity
    needs: Needs
    expected: str

    def initial(self) -> NoState:
        """Nothing is remembered."""
        return NoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window, and each early row at which there are too many."""
        count = bounds.numbers_of(results, VALUES)
        before = results.previous[VALUES].numbers() if len(results) else count
        low, high = bounds.limit(self.limits[0], -np.inf), bounds.limit(self.limits[1], np.inf)
        many = count > high
        answers = bounds.judged(results, count, many | ((count < low) & ~results.early), self.severity)
        answers[many & results.partial] = self.severity
        first = many & ~(before > high) if self.needs.watches else np.zeros(len(results), np.bool_)
        observed = {f"different_{self.of}": Column("int", numbers=count)}
        return bounds.verdicts(
            self.monitor, results, (answers, ~results.early | first), observed, expected=self.expected
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""
