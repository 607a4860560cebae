"""How few records have numbers so low or so high: each feature's own tails, read from a histogram.

From: Z. Li and others, *ECOD: unsupervised outlier detection using empirical cumulative distribution functions*,
IEEE Transactions on Knowledge and Data Engineering 35 (2023). There the tails are exact and of a set; here they are those
of bins that grow outwards, as of the last making. Beyond what was seen they go on as generalised Pareto tails.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner
from streamgauge.statistics import tails

SQUASH = 2.0
"""What lies so many standard deviations out falls half-way to the last bin."""
FLOOR = 1e-3
"""Added before a logarithm is taken."""
OUTER = 0.02
"""The share of records, on each side, that say how fast a tail falls."""
LEAST_SCALE, UNKNOWN_SCALE = 0.1, 0.3
"""How fast it may fall at most, in standard deviations; and does where none lies out there."""

_fit = inner(tails.fit)


class OwnTails(NamedTuple):
    """Of each feature, over all keys.

    ``hist``, ``left`` and ``right`` are float64[D, B]: weights, and -log of the share of records in this bin or below,
    and in this bin or above, as of the last making. ``skew`` is float64[D]: the mean of the cubes of what was learned.
    ``outer`` is float64[D, 2, 4]: below and above the mean, where the outer tail begins (standard deviations from it), -log of
    the share of records there, and scale and shape of the generalised Pareto that it goes on as, as of the last making.
    """

    hist: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    skew: NDArray[np.float64]
    outer: NDArray[np.float64]


def new_tails(features: int, bins: int) -> OwnTails:
    """Nothing counted yet."""
    each = np.zeros((3, features, bins))
    return OwnTails(each[0], each[1], each[2], np.zeros(features), np.zeros((features, 2, 4)))


@inner
def placed(distance: float) -> float:
    """Standard deviations, -inf … inf, in 0 … 1; what is missing lies in the middle."""
    return 0.5 if math.isnan(distance) else 0.5 + 0.5 * distance / (abs(distance) + SQUASH)


@inner
def bin_of(place: float, bins: int) -> int:
    """The bin of a place; in deviations the widths grow outwards, and the outermost have no end."""
    return min(int(bins * place), bins - 1)


@inner
def how_far_out(own: OwnTails, z: NDArray[Any], places: NDArray[Any]) -> float:
    """How far out the known of ``z`` (float64[D], NaN = missing) lie: all low, all high, or each to its longer tail.

    ``places`` is float64[D]: the same as :func:`placed`.
    """
    low, high, longer, known = 0.0, 0.0, 0.0, 0
    for j in range(z.shape[0]):
        if math.isnan(z[j]):
            continue
        at = bin_of(places[j], own.hist.shape[1])
        low += own.left[j, at]
        high += own.right[j, at]
        longer += own.left[j, at] if own.skew[j] < 0.0 else own.right[j, at]
        known += 1
    return math.log(FLOOR + max(low, high, longer) / max(known, 1))


@inner
def farthest_out(own: OwnTails, z: NDArray[Any], places: NDArray[Any]) -> float:
    """How far out the one lies that is farthest out by its own tail, also beyond all that was seen."""
    farthest = 0.0
    for j in range(z.shape[0]):
        if math.isnan(z[j]):
            continue
        at, side = bin_of(places[j], own.hist.shape[1]), 1 if z[j] > 0.0 else 0
        beyond = abs(z[j]) - own.outer[j, side, 0]
        if beyond > 0.0:
            steps, shape = beyond / max(own.outer[j, side, 2], LEAST_SCALE), own.outer[j, side, 3]
            out = own.outer[j, side, 1] + (math.log1p(shape * steps) / shape if shape > 1e-9 else steps)
        else:
            out = own.right[j, at] if side == 1 else own.left[j, at]
        farthest = max(farthest, out)
    return math.log(FLOOR + farthest)


@inner
def count_tails(
    own: OwnTails, learned: NDArray[Any], z: NDArray[Any], places: NDArray[Any], share: float
) -> None:
    """Count a record: ``z`` at its ``places``, ``learned`` the same without what is missing or wild."""
    for j in range(z.shape[0]):
        if not math.isnan(z[j]):
            own.hist[j, bin_of(places[j], own.hist.shape[1])] += 1.0
            own.skew[j] += share * (learned[j] * learned[j] * learned[j] - own.skew[j])


@inner
def outward(k: int, half: int) -> float:
    """How many standard deviations from the mean the inner edge of the ``k``-th bin on either side lies."""
    return SQUASH * k / (half - min(k, half - 1))


@inner
def make_outer(counts: NDArray[Any], total: float, outer: NDArray[Any]) -> None:
    """Fit a generalised Pareto to the outer tail of one side, float64[4], of ``counts`` (float64[B / 2], outwards)."""
    half = counts.shape[0]
    first, held = half, 0.0
    while first > 1 and held + counts[first - 1] <= OUTER * total:
        first -= 1
        held += float(counts[first])
    middles = np.empty(half - first)
    for k in range(first, half):
        middles[k - first] = 0.5 * (outward(k, half) + outward(k + 1, half))
    edge = float(outward(first, half))
    scale, shape = _fit(middles, counts[first:], edge)
    outer[0], outer[1] = edge, -math.log((held + 0.5) / total)
    outer[2], outer[3] = max(scale, LEAST_SCALE) if scale > 0.0 else UNKNOWN_SCALE, shape


@inner
def make_tails(own: OwnTails, keep: float) -> None:
    """Add the histograms up from both ends; then only ``keep`` of them counts on."""
    bins = own.hist.shape[1]
    for j in range(own.hist.shape[0]):
        total = 1.0
        for b in range(bins):
            total += own.hist[j, b]
        below, above = 0.5, 0.5
        for b in range(bins):
            below += own.hist[j, b]
            above += own.hist[j, bins - 1 - b]
            own.left[j, b] = -math.log(below / total)
            own.right[j, bins - 1 - b] = -math.log(above / total)
        half = bins // 2
        make_outer(own.hist[j, :half][::-1].copy(), total, own.outer[j, 0])
        make_outer(own.hist[j, half:].copy(), total, own.outer[j, 1])
        for b in range(bins):
            own.hist[j, b] *= keep
