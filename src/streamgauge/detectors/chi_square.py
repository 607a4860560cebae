"""Tells when records come from another distribution than the reference: the chi-square test, by the size of its effect.

When to use it: as [psi](psi.md), mostly for categories, where people are used to this test. The test alone would tell
every difference, however small, once there are rows enough; so the size of the effect is what is judged, and the
test only decides whether it may be chance.

**The rule.** With the shares p and q of the reference (n rows) and the window (m rows) in the reference's own bins, and
the pooled share r = (n p + m q) / (n + m)::

    w = sqrt( sum (p - q)^2 / r )          Cohen's w; the test's statistic is w^2 * n m / (n + m)

0.1 is called a small effect, 0.3 a medium one, 0.5 a large one; near zero w^2 is PSI. Bins, missing and unseen values,
the floor of chance beside each value, and what makes the verdict are those of [psi](psi.md). With bins that expect
less than one record each, false alarms come up to three times as often as for the other distances.

Parameters: ``reference`` (file or values), ``features`` (default: all of the reference), ``warning`` (0.3), ``critical``
(0.5), ``min`` rows (100). It keeps no state; a window keeps 8 bytes per bin and key, a count window 2
bytes more per record and feature.

From: J. Cohen, *Statistical power analysis for the behavioral sciences* (1988), chapter 7.

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("chi_square", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
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
from streamgauge.statistics.divergences import CHI_SQUARE
from streamgauge.windows.aggregates import Part


class Config(ReferenceConfig):
    """``detect: {type: chi_square, features: [country, amount], reference: payments.reference}``."""

    type: Literal["chi_square"] = "chi_square"
    warning: Limit = 0.3
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.5
    """Above it a feature is `drift`."""


FAMILY = Family("chi_square", lambda features: BinComparison(features, CHI_SQUARE), numbers=False)

EXAMPLE = {
    "window": {"type": "count", "size": 9, "every": 3, "min": 3, "by": "key"},
    "detect": {
        "type": "chi_square",
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
