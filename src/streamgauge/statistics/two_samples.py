"""Exact distances of two samples that are both at hand: Kolmogorov-Smirnov, Wasserstein, chi-square.

All take float64 arrays without missing values (NaN), in any order, infinities allowed where said.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.statistics.chi_squared import tail_above

FEW = 64
"""So many bins are faster one by one."""


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
    return Answer(distance, chance_of(distance, len(a), len(b)))


def chance_of(distance: float, n: int, m: int) -> float:
    """The chance of a distance at least as large between samples of n and m rows, by the limit law."""
    return kolmogorov_tail(distance * math.sqrt(n * m / (n + m)))


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
    n, m = len(a), len(b)
    if n == m:
        return float(np.abs(a - b).mean())
    # Quantile by quantile, in units of 1 / (n m): a's are m wide, b's are n.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    apart = np.abs(a[(ends - 1) // m] - b[(ends - 1) // n])
    return float((apart * np.diff(ends, prepend=0)).sum() / (n * m))


def chi_square(a: IntArray, b: IntArray) -> Answer:
    """The two-sample statistic of counts by bin, without a correction; bins that both lack do not count.

    >>> chi_square(np.array([10, 20]), np.array([20, 10])).statistic.__round__(6)
    6.666667
    """
    if len(a) > FEW:
        return _of_many(np.asarray(a, np.float64), np.asarray(b, np.float64))
    pairs = [(p, q) for p, q in zip(a.tolist(), b.tolist(), strict=True) if p + q > 0]
    n, m = sum(p for p, _ in pairs), sum(q for _, q in pairs)
    if len(pairs) < 2 or n == 0 or m == 0:
        return Answer(0.0, 1.0)
    statistic = math.fsum((p * m - q * n) ** 2 / (p + q) for p, q in pairs) / (n * m)
    return Answer(statistic, tail_above(statistic, len(pairs) - 1))


def _of_many(a: FloatArray, b: FloatArray) -> Answer:
    both = a + b
    a, b, both = a[both > 0], b[both > 0], both[both > 0]
    n, m = a.sum(), b.sum()
    if len(both) < 2 or n == 0 or m == 0:
        return Answer(0.0, 1.0)
    statistic = float(((a * m - b * n) ** 2 / both).sum() / (n * m))
    return Answer(statistic, tail_above(statistic, len(both) - 1))
