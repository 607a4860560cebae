"""How few records have numbers so low or so high: each feature's own tails, read from a histogram.

From: Z. Li and others, *ECOD: unsupervised outlier detection using empirical cumulative distribution functions*,
IEEE Transactions on Knowledge and Data Engineering 35 (2023). There the tails are exact and of a set; here they are those
of bins that grow outwards, as of the last making.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner

SQUASH = 2.0
"""What lies so many standard deviations out falls half-way to the last bin."""
FLOOR = 1e-3
"""Added before a logarithm is taken."""


class OwnTails(NamedTuple):
    """Of each feature, over all keys.

    ``hist``, ``left`` and ``right`` are float64[D, B]: weights, and -log of the share of records in this bin or below,
    and in this bin or above, as of the last making. ``skew`` is float64[D]: the mean of the cubes of what was learned.
    """

    hist: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    skew: NDArray[np.float64]


@inner
def bin_at(distance: float, bins: int) -> int:
    """The bin of so many standard deviations; the widths grow outwards, and the outermost have no end."""
    half = bins / 2.0
    return min(int(half + half * distance / (abs(distance) + SQUASH)), bins - 1)


@inner
def how_far_out(tails: OwnTails, z: NDArray[Any]) -> float:
    """How far out the known of ``z`` (float64[D], NaN = missing) lie: all low, all high, or each to its longer tail."""
    low, high, longer, known = 0.0, 0.0, 0.0, 0
    for j in range(z.shape[0]):
        if math.isnan(z[j]):
            continue
        at = bin_at(z[j], tails.hist.shape[1])
        low += tails.left[j, at]
        high += tails.right[j, at]
        longer += tails.left[j, at] if tails.skew[j] < 0.0 else tails.right[j, at]
        known += 1
    return math.log(FLOOR + max(low, high, longer) / max(known, 1))


@inner
def count_tails(tails: OwnTails, learned: NDArray[Any], z: NDArray[Any], share: float) -> None:
    """Count a record: ``z`` where it lies, ``learned`` the same without what is missing or wild."""
    for j in range(z.shape[0]):
        if not math.isnan(z[j]):
            tails.hist[j, bin_at(z[j], tails.hist.shape[1])] += 1.0
            tails.skew[j] += share * (learned[j] * learned[j] * learned[j] - tails.skew[j])


@inner
def make_tails(tails: OwnTails, keep: float) -> None:
    """Add the histograms up from both ends; then only ``keep`` of them counts on."""
    bins = tails.hist.shape[1]
    for j in range(tails.hist.shape[0]):
        total = 1.0
        for b in range(bins):
            total += tails.hist[j, b]
        below, above = 0.5, 0.5
        for b in range(bins):
            below += tails.hist[j, b]
            above += tails.hist[j, bins - 1 - b]
            tails.left[j, b] = -math.log(below / total)
            tails.right[j, bins - 1 - b] = -math.log(above / total)
        for b in range(bins):
            tails.hist[j, b] *= keep
