"""Exact distances of two samples that are both at hand: Kolmogorov-Smirnov, Wasserstein, chi-square.

All take float64 arrays without missing values (NaN), in any order, infinities allowed where said.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.statistics.chi_squared import upper_tail


class Answer(NamedTuple):
    """A statistic and the chance of one at least as large without a difference."""

    statistic: float
    chance: float


def kolmogorov_smirnov(a: FloatArray, b: FloatArray) -> Answer:
    """The largest difference of the two distribution functions; the chance by Kolmogorov's limit law.

    Infinities are values like others. NaN for an empty sample.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0])).statistic
    0.6666666666666666
    """
    if not len(a) or not len(b):
        return Answer(np.nan, np.nan)
    a, b = np.sort(a), np.sort(b)
    larger, smaller = (a, b) if len(a) >= len(b) else (b, a)
    # Between two steps of the smaller sample the difference is largest at one of its ends.
    steps = np.arange(len(smaller) + 1) / len(smaller)
    upto, before = steps[1:], steps[:-1]
    if (smaller[1:] == smaller[:-1]).any():
        upto, before = (steps[np.searchsorted(smaller, smaller, side)] for side in ("right", "left"))
    place = np.searchsorted(larger, smaller, "right")
    at = just_before = place / len(larger)
    if (larger[place - 1] == smaller).any():
        just_before = np.searchsorted(larger, smaller, "left") / len(larger)
    distance = float(max(np.abs(upto - at).max(), np.abs(just_before - before).max()))
    return Answer(distance, kolmogorov_tail(distance * math.sqrt(len(a) * len(b) / (len(a) + len(b)))))


def kolmogorov_tail(scaled: float) -> float:
    """The chance that the limit of sqrt(nm / (n + m)) D lies above ``scaled``."""
    if scaled < 0.2:
        return 1.0
    total, sign = 0.0, 1.0
    for k in range(1, 101):
        term = math.exp(-2 * (k * scaled) ** 2)
        total += sign * term
        sign = -sign
        if term < 1e-18:
            break
    return min(1.0, max(0.0, 2 * total))


def kolmogorov_limit(tail: float | FloatArray) -> FloatArray:
    """The value of sqrt(nm / (n + m)) D above which lies the share ``tail`` (at most 0.2).

    >>> float(kolmogorov_limit(0.01).round(3))
    1.628
    """
    return np.sqrt(np.log(2 / np.asarray(tail)) / 2)


def wasserstein(a: FloatArray, b: FloatArray) -> float:
    """The area between the two distribution functions (earth mover's distance), in the values' unit.

    Infinite where a sample holds an infinity; NaN for an empty one.

    >>> wasserstein(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0]))
    5.0
    """
    if not len(a) or not len(b):
        return float("nan")
    a, b = np.sort(a), np.sort(b)
    if not np.isfinite([a[0], a[-1], b[0], b[-1]]).all():
        return float("inf")
    every = np.sort(np.concatenate([a, b]))
    widths = np.diff(every)
    below_a = np.searchsorted(a, every[:-1], "right") / len(a)
    below_b = np.searchsorted(b, every[:-1], "right") / len(b)
    return float((np.abs(below_a - below_b) * widths).sum())


def chi_square(a: IntArray, b: IntArray) -> Answer:
    """The two-sample statistic of counts by bin, without a correction; bins that both lack do not count.

    >>> chi_square(np.array([10, 20]), np.array([20, 10])).statistic.__round__(6)
    6.666667
    """
    table = np.stack([a, b]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return Answer(0.0, 1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Answer(statistic, float(upper_tail(statistic, table.shape[1] - 1)))
