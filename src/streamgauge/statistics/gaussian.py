"""The distance of two fitted normal distributions, and how large it gets by chance.

Jeffreys' distance, the relative entropy in both directions added: for normals it is what PSI is for bins, so the same
limits (0.1, 0.25) mean the same. It sees mean and spread and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.statistics.chi_squared import limit


@dataclass(frozen=True)
class Moments:
    """Sums over finite values that add up: their number, mean, and sums of 2nd to 4th powers of deviations."""

    count: int
    mean: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation (of a sample); 0 below two values."""
        return float(np.sqrt(self.second / (self.count - 1))) if self.count > 1 else 0.0

    def __add__(self, other: Moments) -> Moments:
        """The moments of both samples together (Pebay 2008)."""
        if not self.count or not other.count:
            return self if self.count else other
        a, b, n = self.count, other.count, self.count + other.count
        d = other.mean - self.mean
        second = self.second + other.second + d**2 * a * b / n
        third = (
            self.third + other.third + d**3 * a * b * (a - b) / n**2
            + 3 * d * (a * other.second - b * self.second) / n
        )  # fmt: skip
        fourth = (
            self.fourth + other.fourth + d**4 * a * b * (a * a - a * b + b * b) / n**3
            + 6 * d**2 * (a * a * other.second + b * b * self.second) / n**2
            + 4 * d * (a * other.third - b * self.third) / n
        )  # fmt: skip
        return Moments(n, self.mean + d * b / n, second, third, fourth)


def moments(values: FloatArray) -> Moments:
    """The moments of finite values."""
    if not len(values):
        return Moments(0)
    mean = float(values.mean())
    with np.errstate(over="ignore", invalid="ignore"):
        away = values - mean
        square = away * away
        sums = float(square.sum()), float((square * away).sum()), float((square**2).sum())
    return Moments(len(values), mean, *sums)


def distance(
    means: FloatArray, deviations: FloatArray, expected: FloatArray, spreads: FloatArray
) -> FloatArray:
    """Jeffreys' distance of normals with ``means`` and ``deviations`` from ``expected`` and ``spreads``.

    Infinite where one of both is constant and the other is not the same constant, and where a spread is beyond what can
    be squared; NaN where a mean is missing.

    >>> float(distance(np.array([1.0]), np.array([2.0]), np.array([0.0]), np.array([2.0]))[0])
    0.25
    """
    with np.errstate(all="ignore"):
        ratio = (deviations / spreads) ** 2
        away = (means - expected) ** 2 * (1 / spreads**2 + 1 / deviations**2)
        answer = (ratio + 1 / ratio - 2 + away) / 2
    flat = (deviations == 0) | (spreads == 0)
    same = (deviations == spreads) & (means == expected)
    answer = np.where(flat, np.where(same, 0.0, np.inf), answer)
    answer = np.where(np.isinf(means) | np.isnan(answer), np.inf, answer)
    return np.asarray(np.where(np.isnan(means), np.nan, answer))


def without_farthest(
    known: FloatArray, means: FloatArray, deviations: FloatArray, farthest: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation of what is left without the value ``farthest``; of less than three values, of all.

    Of heavy tails the mean of the squares has no law to speak of: one value far out is what makes it large, about as
    often as such a value comes. A change of the whole window shows in the others as well.

    >>> [float(one[0]) for one in without_farthest(*map(np.atleast_1d, (4.0, 4.0, 4.0, 10.0)))]
    [2.0, 0.0]
    """
    left = known - 1
    with np.errstate(all="ignore"):
        mean = means - (farthest - means) / left
        squares = left * deviations**2 - (farthest - means) * (farthest - mean)
        deviation = np.sqrt(np.maximum(squares, 0.0) / (left - 1))
    # What is left of a subtraction of nearly equal numbers is no spread.
    deviation = np.where(deviation <= 1e-7 * np.abs(deviations), 0.0, deviation)
    few = ~(known > 2) | ~np.isfinite(farthest)
    return np.where(few, means, mean), np.where(few, deviations, deviation)


def law(reference: Moments, tails: FloatArray) -> FloatArray:
    """float64[L]: what the distance reaches by chance at each of ``tails`` [L], per 1/m + 1/n (m and n values).

    By the delta method from the reference's own third and fourth moments: a normal shape is not assumed.
    """
    spread = reference.deviation
    skew, kurtosis = 0.0, 3.0
    if spread > 0:
        skew = reference.third / reference.count / spread**3
        kurtosis = reference.fourth / reference.count / spread**4
    of_spread = max(kurtosis - 1, 0.0) / 4
    mean = 1 + 2 * of_spread
    variance = 2 + 8 * of_spread**2 + 8 * min((skew / 2) ** 2, of_spread)
    freedom = 2 * mean**2 / variance
    return np.asarray(limit(tails, freedom) * mean / freedom)
