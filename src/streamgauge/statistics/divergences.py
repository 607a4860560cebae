"""How far apart two distributions over the same bins are: PSI, Jensen-Shannon, Hellinger, chi-square.

Each is a sum over bins of a term of the two shares: ``p`` of the reference, ``q`` of what is compared with it. Near
each other all four are the same quantity up to a factor, ``curvature`` times the sum of (q - p)^2 / p, from
which follows how large they get by chance (:mod:`streamgauge.statistics.chance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from streamgauge.batch import FloatArray, IntArray

ZERO_SHARE = 1e-4
"""What PSI takes for a share of zero, whose logarithm is not finite."""

Terms: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]
"""Shares p and q, rows n and m behind them; broadcast against each other."""


@dataclass(frozen=True)
class Divergence:
    """One of the four.

    Attributes:
        name: the word after ``type:``.
        terms: what each bin adds.
        curvature: its factor beside (q - p)^2 / p.
        root: whether people see the square root of the sum (a distance), not the sum.
    """

    name: str
    terms: Terms
    curvature: float
    root: bool

    def total(self, counts: IntArray, reference: IntArray, starts: IntArray) -> FloatArray:
        """float64[R, F]: one number per row and feature.

        Args:
            counts: int64[R, W]: the bins of all features side by side; each feature has all rows in its bins.
            reference: int64[W].
            starts: int64[F], where each feature's bins begin.
        """
        with np.errstate(all="ignore"):
            p, n = shares(reference[None], starts)
            q, m = shares(counts, starts)
            sums = np.add.reduceat(self.terms(p, q, n, m), starts, axis=1)
        return self.shown(sums)

    def shown(self, sums: FloatArray) -> FloatArray:
        """What people see of sums over bins."""
        return np.asarray(np.sqrt(np.maximum(sums, 0)) if self.root else sums)

    def of(self, counts: IntArray, reference: IntArray) -> float:
        """The number of one feature; ``counts`` and ``reference`` by bin."""
        return float(self.total(np.asarray(counts)[None], np.asarray(reference), np.zeros(1, np.int64))[0, 0])


def shares(counts: IntArray, starts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Shares within each feature, and the rows behind them, both [R, W]."""
    widths = np.diff(np.append(starts, counts.shape[1]))
    rows = np.repeat(np.add.reduceat(counts, starts, axis=1), widths, axis=1).astype(np.float64)
    return counts / rows, rows


def _psi(p: FloatArray, q: FloatArray, *_: FloatArray) -> FloatArray:
    p, q = np.where(p == 0, ZERO_SHARE, p), np.where(q == 0, ZERO_SHARE, q)
    return np.asarray((q - p) * np.log(q / p))


def _jensen_shannon(p: FloatArray, q: FloatArray, *_: FloatArray) -> FloatArray:
    middle = (p + q) / 2
    return np.asarray((_relative(p, middle) + _relative(q, middle)) / (2 * np.log(2)))


def _relative(p: FloatArray, q: FloatArray) -> FloatArray:
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / np.where(q > 0, q, 1)), 0.0)


def _hellinger(p: FloatArray, q: FloatArray, *_: FloatArray) -> FloatArray:
    return np.asarray((np.sqrt(p) - np.sqrt(q)) ** 2 / 2)


def _effect(p: FloatArray, q: FloatArray, n: FloatArray, m: FloatArray) -> FloatArray:
    pooled = (n * p + m * q) / (n + m)
    return np.where(pooled > 0, (p - q) ** 2 / np.where(pooled > 0, pooled, 1), 0.0)


PSI = Divergence("psi", _psi, 1.0, root=False)
"""The population stability index, sum of (q - p) ln(q / p): natural logarithm, zero shares taken as 1e-4."""

JENSEN_SHANNON = Divergence("jensen_shannon", _jensen_shannon, 1 / (8 * np.log(2)), root=True)
"""The Jensen-Shannon distance in [0, 1]: root of the divergence with logarithms to base 2."""

HELLINGER = Divergence("hellinger", _hellinger, 1 / 8, root=True)
"""The Hellinger distance in [0, 1]."""

CHI_SQUARE = Divergence("chi_square", _effect, 1.0, root=True)
"""Cohen's w of the two-sample chi-square test: the root of its statistic, free of how many rows there are.

The statistic is w^2 * n m / (n + m).
"""
