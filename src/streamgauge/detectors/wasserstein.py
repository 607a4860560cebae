"""Tells when numbers come from another distribution than the reference: the Wasserstein distance.

When to use it: for numbers, where it matters *how far* values moved, not only how many: a tenth of the values ten times
as large is much, a tenth of them in the next bin is little.

**The rule.** With the distribution functions F of the reference and G of the window's values, and the reference's
standard deviation s::

    W = area between F and G / s          (a shift of all values by s is 1)

W above ``warning`` is `possible_drift`, above ``critical`` `drift`, where it also lies beyond what chance does with so
many rows, taken over all features at once. The reference is a few kB and knows its distribution by 201 quantiles and
its frequent values; far beyond its range values count by cells that grow twofold, to 1,024 times the range. What is
missing is no value: its share is compared apart, as a PSI of two bins at 0.1 and 0.25. The verdict is that of the
worst feature.

Parameters: ``reference`` (file or values), ``features`` (default: all numbers of the reference), ``warning`` (0.1), ``critical``
(0.25), ``min`` rows (100). It keeps no state; a window keeps some 3 kB per feature and key, a count
window 2 bytes more per record and feature.

From: A. Ramdas, N. Garcia Trillos, M. Cuturi, *On Wasserstein two-sample testing and related families of nonparametric
tests*, Entropy 19 (2017).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("wasserstein", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
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
from streamgauge.statistics.comparison import CellComparison
from streamgauge.windows.aggregates import Part


class Config(ReferenceConfig):
    """``detect: {type: wasserstein, features: [amount], reference: payments.reference}``."""

    type: Literal["wasserstein"] = "wasserstein"
    warning: Limit = 0.1
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.25
    """Above it a feature is `drift`."""


FAMILY = Family("wasserstein", lambda features: CellComparison(features, "wasserstein"), numbers=True)

EXAMPLE = {
    "window": {"type": "tumbling", "size": "4s", "by": "key"},
    "detect": {
        "type": "wasserstein",
        "reference": {"number": [-3, -2, -1, 0, 1, 2, 3, None] * 20},
        "min": 4,
    },
}
"""A monitor for the checks of the contract."""

PICTURE = drifting(FAMILY)


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> Mapping[str, Part]:
    """Counts of narrow cells."""
    return tallied(config, FAMILY, kinds)


def build(config: Config, context: Context) -> AgainstReference:
    """The detector of one monitor.

    Raises:
        ConfigError: the reference cannot be read or does not fit, or there is no window.
    """
    return detector_of(config, FAMILY, context, config.warning, config.critical)
