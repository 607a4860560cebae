"""Windows against a reference, many features at once: how far apart each is, and how far chance alone may take it.

Three ways, one shape. :class:`BinComparison` counts bins (PSI and its kin), :class:`CellComparison` counts narrow cells
that stand for the whole distribution (Kolmogorov-Smirnov, Wasserstein), :class:`NormalComparison` takes means and
deviations. R windows, F features, L levels of :mod:`streamgauge.statistics.chance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal, Protocol

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.statistics import chance, gaussian
from streamgauge.statistics.binning import Categories, Cells
from streamgauge.statistics.chi_squared import limit
from streamgauge.statistics.divergences import PSI, Divergence, shares
from streamgauge.statistics.gaussian import Moments
from streamgauge.statistics.reference import Feature
from streamgauge.statistics.two_samples import kolmogorov_limit

CAUTION = 5
"""Tails of laws that are matched by two moments only are taken so many times smaller: the true ones are heavier."""

MOVED = 3
"""So many bins are told per feature."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What windows hold.

    Attributes:
        rows: int64[R].
        counts: int64[R, W]: bins, missing and unknown of all features side by side; empty for normals.
        known, means, deviations: float64[R, F], for normals: values that are not missing, their mean and deviation.
        unseen: tells the unknown categories of one feature in one window, with how often each came.
    """

    rows: IntArray
    counts: IntArray
    known: FloatArray | None = None
    means: FloatArray | None = None
    deviations: FloatArray | None = None
    unseen: Callable[[int, int], dict[str, int]] | None = None

    def flat(self) -> FloatArray:
        """float64[R, 1 + W]: rows and counts; of normals rows, values that are not missing, means and deviations."""
        if self.known is None or self.means is None or self.deviations is None:
            return np.column_stack([self.rows, self.counts]).astype(np.float64)
        return np.column_stack([self.rows, self.known, self.means, self.deviations])

    @classmethod
    def from_flat(cls, table: FloatArray, *, normals: bool) -> Seen:
        """Read back what :meth:`flat` wrote; unknown categories have lost their names."""
        rows, rest = table[:, 0].astype(np.int64), table[:, 1:]
        if not normals:
            return cls(rows, rest.astype(np.int64))
        known, means, deviations = np.split(rest, 3, axis=1)
        return cls(rows, np.empty((len(rows), 0), np.int64), known, means, deviations)


class Comparison(Protocol):
    """One way of comparing."""

    @property
    def features(self) -> Sequence[Feature]:
        """The reference of each feature, in order."""
        ...

    def values(self, seen: Seen) -> FloatArray:
        """float64[R, F]; NaN where a window holds nothing to compare."""
        ...

    def limits(self, seen: Seen) -> FloatArray:
        """float64[R, L, F], or [1, L, F] where it is the same for all: what values reach by chance."""
        ...

    def missing(self, seen: Seen) -> FloatArray | None:
        """float64[R, F]: the share that is missing; None where missing values are among the bins."""
        ...

    def moved(self, seen: Seen, row: int, feature: int) -> list[dict[str, Any]]:
        """What moved most in one feature of one window."""
        ...


class BinComparison:
    """By a divergence over the reference's own bins; missing values and unknown ones are bins too."""

    def __init__(self, features: Sequence[Feature], divergence: Divergence) -> None:
        self.features = features
        self.divergence = divergence
        self.bins: tuple[Cells | Categories, ...] = tuple(feature.bins for feature in features)
        self.reference = np.concatenate([feature.counts for feature in features])
        self.starts = starts_of(self.bins)
        self._shares, self._rows = shares(self.reference[None], self.starts)
        self._floors: dict[int, FloatArray] = {}
        self._ends = [*self.starts.tolist(), len(self.reference)]
        self._before = [feature.counts.tolist() for feature in features]
        self._labels = [[*bins.labels, "missing", "unseen"] for bins in self.bins]
        self._last: tuple[Seen, FloatArray] | None = None

    def values(self, seen: Seen) -> FloatArray:
        """See :class:`Comparison`."""
        sums = np.add.reduceat(self._terms(seen), self.starts, axis=1)
        return self.divergence.shown(sums)

    def limits(self, seen: Seen) -> FloatArray:
        """Looked up at the next lower number of two digits: a floor that is a little too high."""
        if not len(seen.rows):
            return np.empty((0, len(chance.levels(len(self.features))), len(self.features)))
        if (seen.rows == seen.rows[0]).all():
            return self._at(int(_two_digits(seen.rows[:1])[0]))[None]
        sizes, place = np.unique(_two_digits(seen.rows), return_inverse=True)
        return np.stack([self._at(size) for size in sizes.tolist()])[place]

    def missing(self, seen: Seen) -> None:
        """They are a bin."""

    def moved(self, seen: Seen, row: int, feature: int) -> list[dict[str, Any]]:
        """The bins that add most, with their shares."""
        low, high = self._ends[feature], self._ends[feature + 1]
        terms = self._terms(seen)[row, low:high].tolist()
        now = seen.counts[row, low:high].tolist()
        before, n, m = self._before[feature], max(1, sum(self._before[feature])), max(1, sum(now))
        labels = self._labels[feature]
        return [
            {"bin": labels[b], "reference": _rounded(before[b] / n), "current": _rounded(now[b] / m)}
            for b in sorted(range(len(terms)), key=terms.__getitem__, reverse=True)[:MOVED]
            if terms[b] > 0
        ]

    def _terms(self, seen: Seen) -> FloatArray:
        """float64[R, W]: what each bin adds; kept for the windows that were seen last."""
        last = self._last
        if last is None or last[0] is not seen:
            rows = seen.rows[:, None].astype(np.float64)
            with np.errstate(all="ignore"):
                terms = self.divergence.terms(self._shares, seen.counts / rows, self._rows, rows)
            self._last = last = seen, terms
        return last[1]

    def _at(self, rows: int) -> FloatArray:
        if rows not in self._floors:
            if len(self._floors) > 1_000:
                self._floors.clear()
            self._floors[rows] = chance.floors(self.divergence, self.reference, self.starts, max(1, rows))
        return self._floors[rows]


class CellComparison:
    """By distribution functions over narrow cells, of the values that are not missing.

    Between a cell's edges a distribution is taken as even. That costs Kolmogorov-Smirnov's distance at most the
    reference's share of one cell, half a point, where its values are continuous, and nothing elsewhere.
    Wasserstein's distance is in units of the reference's standard deviation (of the value, where that is 0).
    """

    def __init__(
        self, features: Sequence[Feature], method: Literal["kolmogorov_smirnov", "wasserstein"]
    ) -> None:
        self.features = features
        self.method = method
        self.bins: tuple[Cells, ...] = tuple(feature.fine[0] for feature in features)
        self.starts = starts_of(self.bins)
        self._known = np.flatnonzero(np.concatenate([_known(bins) for bins in self.bins]))
        self._cells = np.concatenate([[0], np.cumsum([len(bins.labels) for bins in self.bins])])
        held = [feature.fine[1] for feature in features]
        self._rows = np.array([each.sum() for each in held])
        self._upto = np.concatenate([np.cumsum(each) / each.sum() for each in held])
        self._last: tuple[Seen, FloatArray, IntArray] | None = None

    def values(self, seen: Seen) -> FloatArray:
        """See :class:`Comparison`."""
        apart, _ = self._apart(seen)
        starts = self._cells[:-1]
        if self.method == "kolmogorov_smirnov":
            return np.asarray(np.maximum.reduceat(np.abs(apart), starts, axis=1))
        before = np.concatenate([np.zeros((len(apart), 1)), apart[:, :-1]], axis=1)
        before[:, starts] = 0
        return np.asarray(np.add.reduceat(_area(before, apart) * self._widths, starts, axis=1))

    def limits(self, seen: Seen) -> FloatArray:
        """Kolmogorov's limit law; for Wasserstein a gamma law with the mean and variance of a Brownian bridge."""
        known = np.maximum(self._apart(seen)[1], 1)
        wider = np.sqrt(1 / known + 1 / self._rows)
        return np.asarray(wider[:, None, :] * self._base[None])

    def missing(self, seen: Seen) -> FloatArray:
        """See :class:`Comparison`."""
        return np.asarray(1 - self._apart(seen)[1] / np.maximum(seen.rows, 1)[:, None])

    def moved(self, seen: Seen, row: int, feature: int) -> list[dict[str, Any]]:
        """Where the two distribution functions lie furthest apart."""
        low, high = int(self._cells[feature]), int(self._cells[feature + 1])
        apart = self._apart(seen)[0][row, low:high]
        if not np.isfinite(apart).all():
            return []
        at = int(np.argmax(np.abs(apart[:-1]))) if high - low > 1 else 0
        before = float(self._upto[low + at])
        return [
            {
                "at_most": float(f"{self.bins[feature].edges[at]:.6g}"),
                "reference": _rounded(before),
                "current": _rounded(before + float(apart[at])),
            }
        ]

    def _apart(self, seen: Seen) -> tuple[FloatArray, IntArray]:
        """float64[R, C]: current less reference, at each cell's upper edge; int64[R, F]: values that are not missing.

        Both are kept for the windows that were seen last.
        """
        last = self._last
        if last is not None and last[0] is seen:
            return last[1], last[2]
        upto = np.cumsum(seen.counts.take(self._known, axis=1), axis=1)
        ends = np.concatenate([np.zeros((len(upto), 1), np.int64), upto], axis=1).take(self._cells, axis=1)
        counted = np.diff(ends, axis=1)
        before, total = ends.take(self._whose, axis=1), counted.take(self._whose, axis=1)
        with np.errstate(all="ignore"):
            apart = np.asarray((upto - before) / total - self._upto)
        self._last = seen, apart, counted
        return apart, counted

    @cached_property
    def _whose(self) -> IntArray:
        """int64[C]: the feature of each cell."""
        return np.repeat(np.arange(len(self.bins)), np.diff(self._cells))

    @cached_property
    def _widths(self) -> FloatArray:
        """float64[C]: of each cell in deviations; open cells have none."""
        parts = []
        for feature, bins in zip(self.features, self.bins, strict=True):
            parts.append(np.concatenate([[0.0], np.diff(bins.edges) / self.unit(feature), [0.0]]))
        return np.concatenate(parts)

    def unit(self, feature: Feature) -> float:
        """What Wasserstein's distance is told in: the reference's standard deviation, if it has one."""
        assert feature.moments is not None
        return feature.moments.deviation or abs(feature.moments.mean) or 1.0

    @cached_property
    def _base(self) -> FloatArray:
        """float64[L, F]: limits for one row on each side taken together."""
        tails = chance.tails(len(self.features))
        if self.method == "kolmogorov_smirnov":
            return np.repeat(kolmogorov_limit(tails)[:, None], len(self.features), axis=1)
        parts = zip(self._cells[:-1].tolist(), self._cells[1:].tolist(), strict=True)
        laws = [_bridge(self._upto[low:high], self._widths[low:high]) for low, high in parts]
        mean, variance = np.array(laws).T
        freedom = np.maximum(2 * mean**2 / np.maximum(variance, 1e-24), 0.05)
        return np.asarray(limit(tails[:, None] / CAUTION, freedom[None, :]) * mean / freedom)


class NormalComparison:
    """By the distance of fitted normals, of the values that are not missing."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features
        self._moments = [feature.moments or Moments(0) for feature in features]
        self._means = np.array([each.mean for each in self._moments])
        self._spreads = np.array([each.deviation for each in self._moments])

    def values(self, seen: Seen) -> FloatArray:
        """See :class:`Comparison`."""
        assert seen.means is not None
        assert seen.deviations is not None
        return gaussian.distance(seen.means, seen.deviations, self._means, self._spreads)

    def without_farthest(self, seen: Seen, lowest: FloatArray, highest: FloatArray) -> Seen:
        """Without each feature's value that lies farthest from the reference's mean; both ends are float64[R, F]."""
        assert seen.known is not None
        assert seen.means is not None
        assert seen.deviations is not None
        low = self._means - lowest > highest - self._means
        farthest = np.where(low, lowest, highest)
        means, deviations = gaussian.without_farthest(seen.known, seen.means, seen.deviations, farthest)
        return replace(seen, means=means, deviations=deviations)

    def limits(self, seen: Seen) -> FloatArray:
        """By the delta method from the reference's moments."""
        assert seen.known is not None
        n = np.array([max(1, each.count) for each in self._moments])
        wider = 1 / np.maximum(seen.known, 1) + 1 / n
        return np.asarray(wider[:, None, :] * self._base[None])

    @cached_property
    def _base(self) -> FloatArray:
        """float64[L, F]."""
        tails = chance.tails(len(self.features)) / CAUTION
        return np.column_stack([gaussian.law(each, tails) for each in self._moments])

    def missing(self, seen: Seen) -> FloatArray:
        """See :class:`Comparison`."""
        assert seen.known is not None
        return np.asarray(1 - seen.known / np.maximum(seen.rows, 1)[:, None])

    def moved(self, seen: Seen, row: int, feature: int) -> list[dict[str, Any]]:
        """Mean and deviation, before and now."""
        assert seen.means is not None
        assert seen.deviations is not None
        pairs = {
            "mean": (self._means[feature], seen.means[row, feature]),
            "deviation": (self._spreads[feature], seen.deviations[row, feature]),
        }
        return [
            {"of": name, "reference": float(f"{before:.6g}"), "current": float(f"{now:.6g}")}
            for name, (before, now) in pairs.items()
        ]


def missing_limits(features: Sequence[Feature], rows: IntArray) -> FloatArray:
    """float64[R, L, F]: the PSI that the share of missing values reaches by chance."""
    base = _missing_base(len(features))
    n = np.array([max(1, feature.rows) for feature in features])
    wider = 1 / np.maximum(rows, 1)[:, None] + 1 / n
    return np.asarray(base[None, :, None] * wider[:, None, :])


@cache
def _missing_base(features: int) -> FloatArray:
    return limit(chance.tails(features), 1.0)


def missing_psi(features: Sequence[Feature], shares: FloatArray, rows: IntArray) -> FloatArray:
    """float64[R, F]: the PSI of two bins, missing and not."""
    gone = np.rint(shares * rows[:, None]).astype(np.int64)
    counts = np.stack([gone, rows[:, None] - gone], axis=2).reshape(len(rows), 2 * len(features))
    reference = np.array([(each.missing, each.rows - each.missing) for each in features], np.int64).ravel()
    return PSI.total(counts, reference, np.arange(0, len(reference), 2))


def starts_of(bins: Sequence[Cells | Categories]) -> IntArray:
    """int64[F]: where each feature's counts begin, with missing and unknown at the end of each."""
    widths = [len(each.labels) + 2 for each in bins]
    return np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)


def _known(bins: Cells) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.concatenate([np.ones(len(bins.labels), np.bool_), np.zeros(2, np.bool_)])


def _two_digits(rows: IntArray) -> IntArray:
    """Rounded down to two digits.

    >>> _two_digits(np.array([0, 7, 105, 1999])).tolist()
    [0, 7, 100, 1900]
    """
    power = 10 ** np.maximum(np.floor(np.log10(np.maximum(rows, 1))).astype(np.int64) - 1, 0)
    return np.asarray(rows // power * power)


def _area(a: FloatArray, b: FloatArray) -> FloatArray:
    """The mean of the absolute value along a straight line from ``a`` to ``b``."""
    size = np.abs(a) + np.abs(b)
    with np.errstate(all="ignore"):
        crossing = np.where(size > 0, (a * a + b * b) / (2 * size), 0.0)
    return np.where(a * b >= 0, size / 2, crossing) + 0 * b


_POINTS = 100


def _bridge(upto: FloatArray, widths: FloatArray) -> tuple[float, float]:
    """Mean and variance of the area under a Brownian bridge's absolute value over the reference's distribution."""
    inner = np.nonzero((upto > 1e-9) & (upto < 1 - 1e-9))[0]
    if not len(inner):
        return 1e-12, 1e-24
    share, following = upto[inner], np.append(widths, 0.0)[inner + 1]
    own = (widths[inner] + following) / 2
    if len(inner) > _POINTS:
        groups = np.arange(len(inner)) * _POINTS // len(inner)
        total = np.bincount(groups, own)
        share = np.bincount(groups, share * own) / np.where(total > 0, total, 1)
        share, own = share[total > 0], total[total > 0]
    spread = np.sqrt(share * (1 - share))
    low, high = np.minimum.outer(share, share), np.maximum.outer(share, share)
    rho = np.clip(np.sqrt(low * (1 - high) / (high * (1 - low))), 0, 1)
    joint = 2 / np.pi * (np.sqrt(1 - rho**2) + rho * np.arcsin(rho) - 1)
    weights = own * spread
    return float(np.sqrt(2 / np.pi) * weights.sum()), float(weights @ joint @ weights)


def _rounded(share: float) -> float:
    return round(float(share), 4)
