"""Tells when numbers come from another distribution than the reference: the Kolmogorov-Smirnov distance.

When to use it: for numbers, where a change of any shape counts and no choice of bins may hide it. It looks at the
middle of a distribution more than at its tails; for those take [wasserstein](wasserstein.md).

**The rule.** With the distribution functions F of the reference and G of the window's values::

    D = max_x |G(x) - F(x)|

D above ``warning`` is `possible_drift`, above ``critical`` `drift`, where it also lies beyond what chance does: the
floor c * sqrt((n + m) / (n m)) with Kolmogorov's c, taken over all features at once. The reference is a few kB and
knows its distribution by 201 quantiles and its frequent values; D is off by half a point at most. What is missing is
no value: its share is compared apart, as a PSI of two bins at 0.1 and 0.25. The verdict is that of the worst feature.

Parameters: ``reference`` (file or values), ``features`` (default: all numbers of the reference), ``warning`` (0.1), ``critical``
(0.2), ``min`` rows (100). It keeps no state; a window keeps some 3 kB per feature and key, a count
window 2 bytes more per record and feature.

From: A. Kolmogorov (1933), N. Smirnov (1939); F. J. Massey, *The Kolmogorov-Smirnov test for goodness of fit*, JASA 46
(1951).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("kolmogorov_smirnov", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
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
    """``detect: {type: kolmogorov_smirnov, features: [amount], reference: payments.reference}``."""

    type: Literal["kolmogorov_smirnov"] = "kolmogorov_smirnov"
    warning: Limit = 0.1
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.2
    """Above it a feature is `drift`."""


FAMILY = Family(
    "kolmogorov_smirnov", lambda features: CellComparison(features, "kolmogorov_smirnov"), numbers=True
)

EXAMPLE = {
    "window": {"type": "count", "size": 8, "every": 2, "min": 4, "by": "key"},
    "detect": {
        "type": "kolmogorov_smirnov",
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
