"""How good predictions were, once the truth is known: measures with 95 % bounds, from plain arrays.

Shares (precision, recall, accuracy) have Wilson's bounds; F1 has those of TP / (TP + FP + FN), of which it is a
rising function; ROC AUC has Hanley and McNeil's; means (log loss, MAE, RMSE, MAPE, bias) have the normal ones,
mean ± 1.96 sd / sqrt(n). All of them assume that records are independent; where one customer brings many, the truth
is wider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Z = 1.959963984540054
"""95 % of a normal distribution lie within so many standard deviations."""
BINS = 10
"""Of the calibration error, equally wide."""
_LEAST = 1e-15
"""Nearer to 0 or 1 a probability is not taken at its word in the log loss."""


def classification_quality(scores: Numbers, labels: Numbers, threshold: float) -> dict[str, float]:
    """Measures of a yes/no prediction; NaN where one cannot be said.

    Args:
        scores: float64[n], predicted positive from ``threshold`` on. Log loss and calibration error need
            probabilities: all within [0, 1].
        labels: float64[n], 0 or 1.
        threshold: see above.

    >>> found = classification_quality(np.array([0.9, 0.8, 0.3, 0.1]), np.array([1.0, 0.0, 1.0, 0.0]), 0.5)
    >>> found["precision"], found["recall"], found["accuracy"], found["roc_auc"]
    (0.5, 0.5, 0.5, 0.75)
    """
    said, true = scores >= threshold, labels > 0.5
    tp, fp = int((said & true).sum()), int((said & ~true).sum())
    fn, tn = int((~said & true).sum()), int((~said & ~true).sum())
    found = counted_quality(tp, fp, fn, tn)
    _bounded(found, "roc_auc", *roc_auc(scores, true))
    if len(scores) and scores.min() >= 0 and scores.max() <= 1:
        _bounded(found, "log_loss", *_mean(_log_losses(scores, true), least=0.0))
        found["calibration_error"] = calibration_error(scores, labels)
    return found


def counted_quality(tp: int, fp: int, fn: int, tn: int) -> dict[str, float]:
    """The counts, and what follows from them: precision, recall, accuracy and F1, with bounds.

    >>> counted_quality(1, 1, 0, 2)["accuracy"]
    0.75
    """
    found: dict[str, float] = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    for name, hits, of in (
        ("precision", tp, tp + fp),
        ("recall", tp, tp + fn),
        ("accuracy", tp + tn, tp + fp + fn + tn),
    ):
        _bounded(found, name, *share(hits, of))
    _bounded(found, "f1", *(2 * part / (1 + part) for part in share(tp, tp + fp + fn)))
    return found


def regression_quality(predictions: Numbers, labels: Numbers) -> dict[str, float]:
    """Measures of predicted numbers: ``bias`` is the mean of prediction - label; MAPE leaves labels of 0 out.

    >>> found = regression_quality(np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 4.0]))
    >>> found["mae"], found["bias"], found["mape"]
    (1.0, 1.0, 0.5)
    """
    error = predictions - labels
    found: dict[str, float] = {}
    _bounded(found, "mae", *_mean(np.abs(error), least=0.0))
    _bounded(found, "rmse", *(math.sqrt(part) for part in _mean(error**2, least=0.0)))
    known = labels != 0
    _bounded(found, "mape", *_mean(np.abs(error[known] / labels[known]), least=0.0))
    _bounded(found, "bias", *_mean(error))
    return found


def share(hits: int, of: int) -> tuple[float, float, float]:
    """``hits / of`` with Wilson's bounds; NaN where there is nothing to count.

    >>> [round(part, 3) for part in share(8, 10)]
    [0.8, 0.49, 0.943]
    """
    if not of:
        return math.nan, math.nan, math.nan
    part, z2 = hits / of, Z * Z
    middle = (part + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * math.sqrt(part * (1 - part) / of + z2 / (4 * of * of))
    return part, max(0.0, middle - half), min(1.0, middle + half)


def roc_auc(scores: Numbers, true: NDArray[np.bool_]) -> tuple[float, float, float]:
    """The share of pairs in which the positive one scores higher (ties count half), with bounds.

    From: J. A. Hanley, B. J. McNeil, *The meaning and use of the area under a ROC curve*, Radiology 143 (1982).
    """
    ones, zeros = int(true.sum()), int((~true).sum())
    if not ones or not zeros:
        return math.nan, math.nan, math.nan
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    area = float((rank[true].sum() - ones * (ones + 1) / 2) / (ones * zeros))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (ones - 1) * (q1 - area**2) + (zeros - 1) * (q2 - area**2)
    half = Z * math.sqrt(max(spread, 0.0) / (ones * zeros))
    return area, max(0.0, area - half), min(1.0, area + half)


def calibration_error(scores: Numbers, labels: Numbers) -> float:
    """The mean distance between what was promised and what came, over ten bins of the score, by their records.

    >>> calibration_error(np.array([0.75, 0.75, 0.25, 0.25]), np.array([1.0, 1.0, 0.0, 0.0]))
    0.25
    """
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=scores - labels, minlength=BINS)
    return float(np.abs(gaps).sum() / len(scores))


def _log_losses(scores: Numbers, true: NDArray[np.bool_]) -> Numbers:
    sure = np.clip(scores, _LEAST, 1 - _LEAST)
    losses: Numbers = -np.log(np.where(true, sure, 1 - sure))
    return losses


def _mean(values: Numbers, *, least: float = -math.inf) -> tuple[float, float, float]:
    if not len(values):
        return math.nan, math.nan, math.nan
    middle = float(values.mean())
    half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return middle, max(least, middle - half) if half == half else math.nan, middle + half  # noqa: PLR0124  NaN


def _bounded(found: dict[str, float], name: str, value: float, lower: float, upper: float) -> None:
    found[name], found[f"{name}_lower"], found[f"{name}_upper"] = value, lower, upper


Measure = Callable[[Numbers, Numbers], Mapping[str, float]]
"""Predictions and labels to measures by name."""


def _names(made: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(made)


_PAIR = np.array([0.0, 1.0])
CLASSIFICATION = _names(classification_quality(_PAIR, _PAIR, 0.5))
"""The measures of a yes/no prediction, by name."""
REGRESSION = _names(regression_quality(_PAIR, _PAIR))
"""The measures of predicted numbers, by name."""
COUNTS = frozenset({"tp", "fp", "fn", "tn"})
"""Those that are whole numbers."""
