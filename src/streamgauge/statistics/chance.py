"""How large a divergence gets by chance alone, and which of many features stand out beyond it.

Without drift, PSI * n m / (n + m) is near chi-squared with B - 1 degrees of freedom (n rows of the reference, m rows
compared, B bins), and so are the others up to their factor. That holds where each bin expects many rows. Where it
expects few, terms are larger than that: the mean and the variance of each bin's term are then summed over its
binomial law, and a chi-squared with that mean and variance takes the place (Satterthwaite 1946). What the reference's
own sampling adds is the factor (n + m) / n in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.statistics import chi_squared
from streamgauge.statistics.divergences import Divergence

ALPHA = 0.005
"""The share of checks without drift in which any feature may stand out: half of what is promised."""

_MANY = 60.0
"""From so many expected rows on a bin follows the rule of large counts."""

_LEAST_FREEDOM = 0.05


@cache
def levels(features: int) -> IntArray:
    """int64[L]: the numbers of standing-out features at which Benjamini and Hochberg's rule is looked up.

    Powers of two up to the number of features: between them the stricter one counts, so the rule is kept.

    >>> levels(5).tolist()
    [1, 2, 4, 5]
    """
    powers = 2 ** np.arange(int(np.log2(max(1, features))) + 1)
    return np.unique(np.append(powers, features))


def tails(features: int, alpha: float = ALPHA) -> FloatArray:
    """float64[L]: the chance that a value must be below when so many features stand out."""
    return np.asarray(alpha * levels(features) / max(1, features))


def floors(
    divergence: Divergence, reference: IntArray, starts: IntArray, rows: int, alpha: float = ALPHA
) -> FloatArray:
    """float64[L, F]: how large each feature's value gets by chance, at each of the :func:`tails`.

    Args:
        divergence: which one.
        reference: int64[W], the reference's bins of all features side by side.
        starts: int64[F], where each feature's bins begin.
        rows: m, the rows compared.
        alpha: see :data:`ALPHA`.
    """
    mean, variance = law(divergence, reference, starts, rows)
    mean = np.maximum(mean, 1e-12)
    freedom = np.maximum(2 * mean**2 / np.maximum(variance, 1e-24), _LEAST_FREEDOM)
    rounded = np.asarray(np.round(freedom, 9), np.float64)
    different, place = np.unique(rounded, return_inverse=True)
    limits = chi_squared.limit(tails(len(starts), alpha)[:, None], different[None, :])[:, place]
    return divergence.shown(limits * mean / freedom)


def law(
    divergence: Divergence, reference: IntArray, starts: IntArray, rows: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a divergence (its sum, before any root) of ``rows`` rows without drift; float64[F] each."""
    widths = np.diff(np.append(starts, len(reference)))
    n = np.repeat(np.add.reduceat(reference, starts), widths).astype(np.float64)
    share = np.maximum(reference, 0.5) / n  # what was never seen may still come
    _, first, place = np.unique(reference + 1j * n, return_index=True, return_inverse=True)
    means, variances = _terms(divergence, np.column_stack([reference, n])[first], rows)
    between = 2 * (divergence.curvature / rows) ** 2
    sums = np.add.reduceat(means[place], starts)
    spread = np.add.reduceat(variances[place], starts)
    spread += between * np.maximum(0, 1 - np.add.reduceat(share**2, starts))
    wider = 1 + rows / n[starts]
    return sums * wider, spread * wider**2


def cutoffs(values: FloatArray, limits: FloatArray) -> FloatArray:
    """float64[R, F]: what each value must reach to lie beyond chance; the floor that is told beside it.

    Over all features at once (Benjamini & Hochberg 1995).

    Args:
        values: float64[R, F]; NaN never reaches it.
        limits: float64[L, F] or [R, L, F], from :func:`floors`.
    """
    needed = levels(values.shape[1])
    passing = (values[:, None, :] >= limits).sum(axis=2) >= needed
    if not passing.any():
        return np.broadcast_to(limits[..., 0, :], values.shape)
    limits = np.broadcast_to(limits, (len(values), *limits.shape[-2:]))
    chosen = np.where(passing.any(axis=1), passing.shape[1] - 1 - np.argmax(passing[:, ::-1], axis=1), 0)
    return np.asarray(limits[np.arange(len(values)), chosen])


def adjusted(chances: Sequence[float]) -> FloatArray:
    """Chances of many tests, adjusted so that a limit on them limits the share of false finds.

    >>> adjusted([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    given = np.asarray(chances, np.float64)
    order = np.argsort(given)
    scaled = given[order] * len(given) / np.arange(1, len(given) + 1)
    answer = np.empty(len(given))
    answer[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return answer


def _terms(divergence: Divergence, kinds: FloatArray, rows: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of one bin's term, for each (count in the reference, its rows)."""
    counts, n = kinds[:, 0], kinds[:, 1]
    share = np.maximum(counts, 0.5) / n
    large = divergence.curvature * (1 - share) / rows
    mean, variance = large, 2 * large**2
    few = np.nonzero(np.minimum(share, 1) * rows < _MANY)[0]
    if not len(few):
        return mean, variance
    p = share[few, None]
    k = np.arange(min(rows, int(_MANY + 10 * np.sqrt(_MANY) + 20)) + 1)
    chance = np.exp(_log_choose(rows, k) + k * np.log(p) + (rows - k) * np.log1p(-np.minimum(p, 1 - 1e-15)))
    with np.errstate(all="ignore"):
        terms = divergence.terms((counts / n)[few, None], k / rows, n[few, None], np.float64(rows) + 0 * p)
    first = (chance * terms).sum(axis=1)
    mean[few], variance[few] = first, (chance * terms**2).sum(axis=1) - first**2
    return mean, variance


def _log_choose(rows: int, k: IntArray) -> FloatArray:
    """The logarithm of how many ways there are to choose ``k`` of ``rows``."""
    steps = np.log((rows - k[1:] + 1) / k[1:])
    return np.concatenate([[0.0], np.cumsum(steps)])
