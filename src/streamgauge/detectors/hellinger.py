"""Tells when records come from another distribution than the reference: the Hellinger distance.

When to use it: as [psi](psi.md), where a single rare bin must not decide: of all distances over bins it is the least
moved by shares near zero. It lies between 0 (the same) and 1 (nothing in common).

**The rule.** With the shares p and q of the reference and the window in the reference's own bins::

    distance = sqrt( sum (sqrt(p) - sqrt(q))^2 / 2 )

Bins, missing and unseen values, the floor of chance beside each value, and what makes the verdict are those of
[psi](psi.md); near zero its square is PSI / 8, so 0.1 here is a PSI of 0.08 and 0.2 one of 0.32.

Parameters: ``reference`` (file or values), ``features`` (default: all of the reference), ``warning`` (0.1), ``critical``
(0.2), ``min`` rows (100). It keeps no state; a window keeps 8 bytes per bin and key, a count window 2
bytes more per record and feature.

From: G. Ditzler, R. Polikar, *Hellinger distance based drift detection for nonstationary environments*, IEEE CIDUE
(2011).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(7).gauss
>>> usual = [draw(20, 4) for _ in range(2000)]
>>> times = [float(second) for second in range(1200)]
>>> amount = [draw(20, 4) if second < 600 else draw(24, 4) for second in times]
>>> judge("hellinger", {"reference": {"amount": usual}}, times=times, values={"amount": amount}, size="300s",
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
from streamgauge.statistics.divergences import HELLINGER
from streamgauge.windows.aggregates import Part


class Config(ReferenceConfig):
    """``detect: {type: hellinger, features: [amount, country], reference: payments.reference}``."""

    type: Literal["hellinger"] = "hellinger"
    warning: Limit = 0.1
    """Above it a feature is `possible_drift`."""
    critical: Limit = 0.2
    """Above it a feature is `drift`."""


FAMILY = Family("hellinger", lambda features: BinComparison(features, HELLINGER), numbers=False)

EXAMPLE = {
    "window": {"type": "hopping", "size": "6s", "advance": "3s", "by": "key"},
    "detect": {
        "type": "hellinger",
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
