"""How few records have numbers so low or so high: each feature's own tails, read from a histogram.

From: Z. Li and others, *ECOD: unsupervised outlier detection using empirical cumulative distribution functions*,
IEEE Transactions on Knowledge and Data Engineering 35 (2023). There the tails are exact and of a set; here they are those
of bins that grow outwards, as of the last making. Beyond what was seen they go on as exponential ones.
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
OUTER = 0.02
"""The share of records, on each side, whose mean excess says how fast a tail falls."""
LEAST_SCALE, DOUBT, DOUBTED = 0.1, 0.5, 0.3
"""In standard deviations, the least mean excess; and the one (``DOUBTED``) of as many records (``DOUBT``) as are added
to what was seen."""


class OwnTails(NamedTuple):
    """Of each feature, over all keys.

    ``hist``, ``left`` and ``right`` are float64[D, B]: weights, and -log of the share of records in this bin or below,
    and in this bin or above, as of the last making. ``skew`` is float64[D]: the mean of the cubes of what was learned.
    ``outer`` is float64[D, 2, 3]: below and above the mean, where the outer tail begins (standard deviations from it), -log of
    the share of records there, and their mean excess, as of the last making.
    """

    hist: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    skew: NDArray[np.float64]
    outer: NDArray[np.float64]


def new_tails(features: int, bins: int) -> OwnTails:
    """Nothing counted yet."""
    each = np.zeros((3, features, bins))
    return OwnTails(each[0], each[1], each[2], np.zeros(features), np.zeros((features, 2, 3)))


@inner
def placed(distance: float) -> float:
    """Standard deviations, -inf … inf, in 0 … 1; what is missing lies in the middle."""
    return 0.5 if math.isnan(distance) else 0.5 + 0.5 * distance / (abs(distance) + SQUASH)


@inner
def bin_of(place: float, bins: int) -> int:
    """The bin of a place; in deviations the widths grow outwards, and the outermost have no end."""
    return min(int(bins * place), bins - 1)


@inner
def how_far_out(tails: OwnTails, z: NDArray[Any], places: NDArray[Any]) -> float:
    """How far out the known of ``z`` (float64[D], NaN = missing) lie: all low, all high, or each to its longer tail.

    ``places`` is float64[D]: the same as :func:`placed`.
    """
    low, high, longer, known = 0.0, 0.0, 0.0, 0
    for j in range(z.shape[0]):
        if math.isnan(z[j]):
            continue
        at = bin_of(places[j], tails.hist.shape[1])
        low += tails.left[j, at]
        high += tails.right[j, at]
        longer += tails.left[j, at] if tails.skew[j] < 0.0 else tails.right[j, at]
        known += 1
    return math.log(FLOOR + max(low, high, longer) / max(known, 1))


@inner
def farthest_out(tails: OwnTails, z: NDArray[Any], places: NDArray[Any]) -> float:
    """How far out the one lies that is farthest out by its own tail, also beyond all that was seen."""
    farthest = 0.0
    for j in range(z.shape[0]):
        if math.isnan(z[j]):
            continue
        at, side = bin_of(places[j], tails.hist.shape[1]), 1 if z[j] > 0.0 else 0
        beyond = abs(z[j]) - tails.outer[j, side, 0]
        if beyond > 0.0:
            out = tails.outer[j, side, 1] + beyond / max(tails.outer[j, side, 2], LEAST_SCALE)
        else:
            out = tails.right[j, at] if side == 1 else tails.left[j, at]
        farthest = max(farthest, out)
    return math.log(FLOOR + farthest)


@inner
def count_tails(
    tails: OwnTails, learned: NDArray[Any], z: NDArray[Any], places: NDArray[Any], share: float
) -> None:
    """Count a record: ``z`` at its ``places``, ``learned`` the same without what is missing or wild."""
    for j in range(z.shape[0]):
        if not math.isnan(z[j]):
            tails.hist[j, bin_of(places[j], tails.hist.shape[1])] += 1.0
            tails.skew[j] += share * (learned[j] * learned[j] * learned[j] - tails.skew[j])


@inner
def distance_at(edge: int, bins: int) -> float:
    """How many standard deviations from the mean the lower edge of a bin lies; of the outermost, its inner edge."""
    out = abs(2.0 * min(max(edge, 1), bins - 1) / bins - 1.0)
    return SQUASH * out / (1.0 - out)


@inner
def make_outer(tails: OwnTails, j: int, side: int, total: float) -> None:
    """Where the outer tail of a feature begins, how many lie there, and how far on the mean."""
    bins = tails.hist.shape[1]
    b, step = (bins - 1, -1) if side == 1 else (0, 1)
    above, excess = 0.0, 0.0
    while b != bins // 2 + (side - 1) and above + tails.hist[j, b] <= OUTER * total:
        above += tails.hist[j, b]
        b += step
    edge = distance_at(b + side, bins)
    c = bins - 1 if side == 1 else 0
    while c != b:
        middle = 0.5 * (distance_at(c, bins) + distance_at(c + 1, bins))
        excess += tails.hist[j, c] * (middle - edge)
        c += step
    tails.outer[j, side, 0] = edge
    tails.outer[j, side, 1] = -math.log((above + 0.5) / total)
    tails.outer[j, side, 2] = max((excess + DOUBT * DOUBTED) / (above + DOUBT), LEAST_SCALE)


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
        for side in range(2):
            make_outer(tails, j, side, total)
        for b in range(bins):
            tails.hist[j, b] *= keep
