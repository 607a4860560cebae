"""How good yes/no predictions must be expected to be, from their probabilities alone: no truth is needed.

Confidence-based performance estimation (CBPE): where probabilities are calibrated, of records with probability p the
share p turns out positive. So a record predicted positive is a true positive with probability p, and the sums of p are
the expected counts of the confusion matrix. What chance makes of that, each label drawn with its p, is the band.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.statistics.binning import Cells

REACH, STEPS = 12.0, 120
"""The bins of probabilities are equally wide in log-odds: so many, from -12 to 12."""

MEASURES = ("accuracy", "precision", "recall", "f1", "roc_auc")
"""What is estimated, each with ``_lower`` and ``_upper``."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What must be known of the probabilities p of R windows; float64[R] each, of n records all together.

    Attributes:
        records: n.
        positive: how many are predicted positive.
        above, above_squares: sums of p and of p² over those.
        below, below_squares: the same over those predicted negative.
    """

    records: FloatArray
    positive: FloatArray
    above: FloatArray
    above_squares: FloatArray
    below: FloatArray
    below_squares: FloatArray


def expected_quality(sums: Sums, counts: IntArray, deviations: float) -> dict[str, FloatArray]:
    """The expected measures with bands; NaN where one cannot be said (precision where nothing is predicted).

    Args:
        sums: of the probabilities.
        counts: int64[R, STEPS], records by the bins of :func:`probability_cells`, for ROC AUC.
        deviations: how many standard errors a band reaches to each side.

    >>> two = Sums(*(np.array([x]) for x in (4.0, 2.0, 1.5, 1.17, 0.5, 0.17)))  # p = 0.9, 0.6; 0.4, 0.1
    >>> found = expected_quality(two, np.zeros((1, STEPS), np.int64), 3.0)
    >>> [round(float(found[name][0]), 3) for name in ("accuracy", "precision", "recall", "f1", "precision_upper")]
    [0.75, 0.75, 0.75, 0.75, 1.0]
    """
    with np.errstate(all="ignore"):
        found: dict[str, FloatArray] = {}
        positives = sums.above + sums.below
        # The number of true positives, and of positives missed, varies as labels drawn with their p do.
        hit, lost = sums.above - sums.above_squares, sums.below - sums.below_squares
        right = sums.above + (sums.records - sums.positive) - sums.below
        both = sums.positive + positives
        variances = {
            "accuracy": (right / sums.records, (hit + lost) / sums.records**2),
            "precision": (sums.above / sums.positive, hit / sums.positive**2),
            "recall": (
                sums.above / positives,
                (sums.below**2 * hit + sums.above**2 * lost) / positives**4,
            ),
            "f1": (
                2 * sums.above / both,
                ((2 * (sums.positive + sums.below)) ** 2 * hit + (2 * sums.above) ** 2 * lost) / both**4,
            ),
            "roc_auc": _roc_auc(counts),
        }
        for name, (value, variance) in variances.items():
            half = deviations * np.sqrt(np.maximum(variance, 0.0))
            known = np.isfinite(value)
            found[name] = np.where(known, value, np.nan)
            found[f"{name}_lower"] = np.where(known, np.maximum(value - half, 0.0), np.nan)
            found[f"{name}_upper"] = np.where(known, np.minimum(value + half, 1.0), np.nan)
    return found


def probability_cells() -> Cells:
    """Bins for probabilities; what lies outside 0 to 1 belongs to none.

    >>> probability_cells().codes(np.array([0.0, 0.5, 1.0, 1.1, np.nan])).tolist()
    [0, 59, 119, 121, 120]
    """
    inner = 1 / (1 + np.exp(-np.linspace(-REACH, REACH, STEPS + 1)[1:-1]))
    edges = np.concatenate([[math.nextafter(0.0, -1.0)], inner, [1.0]])
    table = np.concatenate([[STEPS + 1], np.arange(STEPS), [STEPS + 1]]).astype(np.int16)
    return Cells(edges, table, tuple(f"{p:.6g}" for p in _middles().tolist()))


def _middles() -> FloatArray:
    """float64[STEPS]: the probability that stands for each bin."""
    odds = (np.arange(STEPS) + 0.5) * (2 * REACH / STEPS) - REACH
    middles: FloatArray = 1 / (1 + np.exp(-odds))
    return middles


def _roc_auc(counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """The expected share of pairs in which the positive one ranks higher, and its variance (Hanley and McNeil's)."""
    p = _middles()
    ones, zeros = counts * p, counts * (1 - p)
    same = (counts * p * (1 - p)).sum(axis=1)  # a record is no pair with itself
    lower = np.cumsum(zeros, axis=1) - zeros / 2
    every = ones.sum(axis=1) * zeros.sum(axis=1) - same
    area = ((ones * lower).sum(axis=1) - same / 2) / every
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    n1, n0 = ones.sum(axis=1), zeros.sum(axis=1)
    spread = area * (1 - area) + (n1 - 1) * (q1 - area**2) + (n0 - 1) * (q2 - area**2)
    return np.where(every > 0, area, np.nan), spread / (n1 * n0)


NAMES = tuple(f"{name}{end}" for name in MEASURES for end in ("", "_lower", "_upper"))
"""Each measure, then its bounds."""
