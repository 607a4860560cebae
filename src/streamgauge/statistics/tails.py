"""Generalised-Pareto tails: how likely is a value beyond all that was seen, without the order ever saturating.

Above a high threshold the excesses of almost any distribution look like a generalised Pareto (Pickands 1975).
It is fitted by probability-weighted moments (Hosking and Wallis 1987), which are stable on few rows. The shape is
held between 0 and 1/2 and drawn towards 0.1 while there are few excesses: a shape below 0 would have an end beyond
which everything is equally unlikely, and a shape of 1/2 and more comes of a handful of outliers.

The functions take numbers and arrays only, so that compiled loops use the very same ones.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

LEAST_SHAPE, MOST_SHAPE = 0.0, 0.5
USUAL_SHAPE, BELIEF = 0.1, 10.0
"""The shape that is assumed before anything was seen, and how many excesses that assumption weighs."""


def fit(values: NDArray[Any], counts: NDArray[Any], start: float = 0.0) -> tuple[float, float]:
    """The scale and shape of a generalised Pareto.

    Args:
        values: float64[n], ascending and above the threshold.
        counts: float64[n]: how often each was seen; weights are fine.
        start: the threshold; excesses are counted from here.

    Returns:
        Scale (in the unit of the excesses; 0 where nothing was seen) and shape.

    >>> import numpy as np
    >>> grid = (np.arange(1000) + 0.5) / 1000
    >>> scale, shape = fit(-2.0 * np.log(1 - grid), np.ones(1000))   # exponential: the shape is 0
    >>> round(float(scale), 1), round(float(shape), 2)
    (2.0, 0.0)
    """
    total = 0.0
    mean = 0.0
    for k in range(values.shape[0]):
        total += counts[k]
        mean += counts[k] * (values[k] - start)
    if total <= 0.0 or mean <= 0.0:
        return 0.0, USUAL_SHAPE
    mean /= total
    before, weighted = 0.0, 0.0
    for k in range(values.shape[0]):
        # E[x (1 - F(x))], with F in the middle of those that share a value
        weighted += counts[k] * (values[k] - start) * (1.0 - (before + 0.5 * counts[k]) / total)
        before += counts[k]
    weighted /= total
    apart = mean - 2.0 * weighted
    shape = 2.0 - mean / apart if apart > 0.0 else LEAST_SHAPE
    shape = min(max(shape, -MOST_SHAPE), MOST_SHAPE)
    shape = (total * shape + BELIEF * USUAL_SHAPE) / (total + BELIEF)
    shape = min(max(shape, LEAST_SHAPE), MOST_SHAPE)
    return mean * (1.0 - shape), shape


def survival(excess: float, scale: float, shape: float) -> float:
    """The share of excesses that are larger.

    >>> survival(2.0, 1.0, 0.0) == math.exp(-2.0)
    True
    """
    if excess <= 0.0:
        return 1.0
    if scale <= 0.0:
        return 0.0
    if shape < 1e-9:
        return math.exp(-excess / scale)
    return math.pow(1.0 + shape * excess / scale, -1.0 / shape)


def beyond(share: float, scale: float, shape: float) -> float:
    """The excess that this share of excesses is larger than: the inverse of :func:`survival`.

    >>> round(survival(beyond(0.01, 2.0, 0.3), 2.0, 0.3), 12)
    0.01
    """
    if share >= 1.0:
        return 0.0
    if shape < 1e-9:
        return -scale * math.log(share)
    return scale * (math.pow(share, -shape) - 1.0) / shape
