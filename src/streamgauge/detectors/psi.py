"""Tells when records come from another distribution than the reference: the population stability index.

When to use it: a model or a rule was made for data of one kind, and you want to know when the data have become
another kind, feature by feature, numbers and categories alike. It sees what moved between bins; how far a value
moved within one it does not.

**The rule.** With the shares p_b of the reference and q_b of the window in bin b::

    PSI = sum_b (q_b - p_b) * ln(q_b / p_b)          a share of zero counts as 0.0001

Bins come from the reference alone: for numbers its deciles (right-closed, outer ones open), a bin per value where
there are at most 20 different ones, a bin of its own for any value that holds more than a tenth of it; for
categories the most frequent ones, all others together, and what the reference never saw. Missing is a bin.

**By chance** PSI is never 0: without any drift PSI * n m / (n + m) is near chi-squared (n rows of the reference, m of
the window, B - 1 degrees of freedom), for 10 bins and 100 rows as much as 0.25. That floor stands beside each value. A
feature is `possible_drift` above ``warning`` and `drift` above ``critical`` only where it also lies beyond the floor,
taken over all features at once (Benjamini and Hochberg); without drift that happens in less than 1 % of checks. The
verdict is that of the worst feature, with the share of features that drifted; below ``min`` rows it is
*not_enough_data*.

Parameters: ``reference`` (file or values), ``features`` (default: all of the reference), ``warning`` (0.1),
``critical`` (0.25), ``min`` rows (100). It keeps no state; a window keeps 8 bytes per bin and key, a count window 2
bytes more per record and feature.

From: B. Yurdakul, J. Naranjo, *Statistical properties of the population stability index*, J. Risk Model Validation 14
(2020).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("psi", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
...       compute={"records": "count(*)"})
['300.0 ok', '600.0 ok', '900.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from streamgauge.batch import ColumnKind
from streamgauge.detectors.against_reference import (
    AgainstReference,
    Family,
    Limit,
    ReferenceConfig,
    drifting,
)
from streamgauge.detectors.by_bins import detector_of, tallied
from streamgauge.detectors.contract import Context
from streamgauge.statistics.comparison import BinComparison
from streamgauge.statistics.divergences import PSI
from streamgauge.windows.aggregates import Part


class Config(ReferenceConfig):
    """``detect: {type: psi, features: [amount, country], reference: payments.reference}``."""

    type: Literal["psi"] = "psi"
    warning: Limit = 0.1
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.25
    """Above it a feature is `drift`."""


FAMILY = Family("psi", lambda features: BinComparison(features, PSI), numbers=False)

EXAMPLE = {
    "window": {"type": "count", "size": 8, "every": 2, "min": 4, "by": "key"},
    "detect": {
        "type": "psi",
        "reference": {"number": [-3, -2, -1, 0, 1, 2, 3, None] * 20, "word": ["x", "x", "y"]},
        "min": 4,
    },
}
"""A monitor for the checks of the contract."""

PICTURE = drifting(FAMILY)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> Mapping[str, Part]:
    """Counts of the reference's bins."""
    return tallied(config, FAMILY, kinds)


def build(config: Config, context: Context) -> AgainstReference:
    """The detector of one monitor.

    Raises:
        ConfigError: the reference cannot be read or does not fit, or there is no window.
    """
    return detector_of(config, FAMILY, context, config.warning, config.critical)
