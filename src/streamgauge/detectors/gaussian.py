"""Tells when numbers have another mean or spread than in the reference: the distance of two fitted normals.

When to use it: for numbers of which you care for the mean and the spread and nothing else; it needs the least memory
and finds a shift of the mean with the fewest rows. It does not see a change of shape.

**The rule.** With mean and standard deviation (a, s) of the reference and (b, t) of the window's values, but for the one that
lies farthest from a, so that a single wild value never speaks for all::

    J = ( t^2/s^2 + s^2/t^2 - 2 + (a - b)^2 * (1/s^2 + 1/t^2) ) / 2

This is Jeffreys' distance, the relative entropy in both directions: for normals what PSI is for bins, so its limits
mean the same. J above ``warning`` is `possible_drift`, above ``critical`` `drift`, where it also lies beyond what chance
does with so many rows, reckoned with the reference's own skewness and kurtosis and taken over all features at once.
A constant compared with anything else is infinitely far. What is missing is no value: its share is compared apart, as
a PSI of two bins at 0.1 and 0.25. The verdict is that of the worst feature.

Parameters: ``reference`` (file or values), ``features`` (default: all numbers of the reference), ``warning`` (0.1),
``critical`` (0.25), ``min`` rows (100). It keeps no state; a window keeps 56 bytes per feature and key, a count window
8 bytes per record and feature.

From: H. Jeffreys, *An invariant form for the prior probability in estimation problems*, Proc. R. Soc. A 186 (1946).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("gaussian", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
...       compute={"records": "count(*)"})
['300.0 ok', '600.0 ok', '900.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from streamgauge.batch import ColumnKind, FloatArray
from streamgauge.detectors.against_reference import (
    AgainstReference,
    Family,
    Limit,
    ReferenceConfig,
    checked,
    chosen,
    drifting,
    no_window,
)
from streamgauge.detectors.contract import Context
from streamgauge.expressions import parse_aggregate
from streamgauge.statistics.comparison import NormalComparison, Seen
from streamgauge.windows.aggregates import Part
from streamgauge.windows.contract import WindowResults

_ROWS = "rows of the window"
_KEPT = {
    "known": "count({})",
    "mean": "avg({})",
    "deviation": "stddev({})",
    "lowest": "min({})",
    "highest": "max({})",
}


class Config(ReferenceConfig):
    """``detect: {type: gaussian, features: [amount], reference: payments.reference}``."""

    type: Literal["gaussian"] = "gaussian"
    warning: Limit = 0.1
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.25
    """Above it a feature is `drift`."""


FAMILY = Family("gaussian", NormalComparison, numbers=True)

EXAMPLE = {
    "window": {"type": "count", "size": 8, "every": 2, "min": 4, "by": "key"},
    "detect": {
        "type": "gaussian",
        "reference": {"number": [-3, -2, -1, 0, 1, 2, 3, None] * 20},
        "min": 4,
    },
}
"""A monitor for the checks of the contract."""

PICTURE = drifting(FAMILY)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> Mapping[str, Part]:
    """Rows, and each feature's values, mean, deviation and both ends."""
    names = [feature.name for feature in checked(config, FAMILY, kinds)]
    texts = {_column(what, name): text.format(name) for name in names for what, text in _KEPT.items()}
    every = {_ROWS: "count(*)", **texts}
    return {column: parse_aggregate(text, kinds) for column, text in every.items()}


def build(config: Config, context: Context) -> AgainstReference:
    """The detector of one monitor.

    Raises:
        ConfigError: the reference cannot be read or does not fit, or there is no window.
    """
    no_window(FAMILY, context)
    features = chosen(config, FAMILY)
    names = [feature.name for feature in features]
    comparison = NormalComparison(features)
    kept = frozenset([_ROWS, *(_column(what, name) for name in names for what in _KEPT)])

    def look(results: WindowResults) -> Seen:
        """What the window computed, side by side."""

        def table(what: str) -> FloatArray:
            return np.column_stack([results.columns[_column(what, name)].numbers() for name in names])

        if not len(results):
            none = np.empty((0, len(names)))
            return Seen(np.empty(0, np.int64), np.empty((0, 0), np.int64), none, none, none)
        rows = results.columns[_ROWS].numbers().astype(np.int64)
        known, means = table("known"), table("mean")
        deviations = np.where(known > 1, table("deviation"), 0.0)
        seen = Seen(rows, np.empty((len(rows), 0), np.int64), known, means, deviations)
        return comparison.without_farthest(seen, table("lowest"), table("highest"))

    return AgainstReference(
        context.monitor, FAMILY, comparison, look, config.warning, config.critical, config.min,
        kept, context.masked,
    )  # fmt: skip


def _column(what: str, feature: str) -> str:
    return f"{what} of {feature}"
