"""Where bins of a feature begin and end: always decided by the reference alone, never by what is compared with it.

``quantile``: edges at the reference's quantiles, deduplicated, right-closed, the outer bins open; a bin per value
where there are at most :data:`FEW` different ones; a bin of its own for any value that holds more than 1/B of the
reference, so that neither a constant nor a flood of zeros makes bins collapse. ``width``: B bins of equal width
between the reference's least and greatest value; nearly blind on skewed data. ``fixed``: the edges you give.

Values are counted by *cells*, the intervals between edges; each cell belongs to a bin. A value's own bin is the cell
between the number just below it and itself. Infinities are values (they lie in the outer cells) that move no edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import FloatArray, IntArray

Binning: TypeAlias = Literal["quantile", "width", "fixed"]
CodeArray: TypeAlias = NDArray[np.int16]

BINS = 10
"""Bins of a numeric feature, unless said otherwise; the outer and own ones included."""

FEW = 20
"""So many different values have a bin each; of categories the most frequent ones."""

MOST_BINS = 1_000

COUNTED = 16
"""Up to so many edges it is quicker to count those below a number than to search."""

OTHER, MISSING, UNSEEN = "other", "missing", "unseen"
"""What bins that are no interval and no value are called."""


@dataclass(frozen=True, eq=False)
class Cells:
    """How numbers become bins.

    Attributes:
        edges: float64[C-1], ascending; cell c holds ``edges[c-1] < x <= edges[c]``.
        table: int16[C], the bin of each cell; ``len(labels) + 1`` stands for values that the reference does not know.
        labels: the bins in words.
    """

    edges: FloatArray
    table: CodeArray
    labels: tuple[str, ...]

    def codes(self, numbers: FloatArray) -> CodeArray:
        """int16[n]: bins; K for what is missing (NaN), K + 1 for what the reference does not know."""
        below: NDArray[Any]
        if len(self.edges) <= COUNTED:
            below = np.add.reduce(numbers > self.edges[:, None], axis=0, dtype=np.int8)
        else:
            below = self.edges.searchsorted(numbers, "left")
        codes = self.table.take(below)
        missing = np.isnan(numbers)
        if missing.any():
            codes[missing] = len(self.labels)
        return codes


def cells(
    numbers: FloatArray,
    *,
    binning: Binning = "quantile",
    bins: int = BINS,
    edges: Sequence[float] = (),
    names: Sequence[str] | None = None,
) -> Cells:
    """The cells of a numeric reference.

    Args:
        numbers: float64[n]; NaN = missing.
        binning: see above.
        bins: how many, 2 to 1,000.
        edges: for ``fixed``: the inner edges; the outer bins are open.
        names: what the values 0 and 1 are called, for booleans.

    Raises:
        ValueError: too few or too many bins, or edges that do not rise.
    """
    if not 2 <= bins <= MOST_BINS:
        raise ValueError(f"bins: expected 2 to {MOST_BINS}, got {bins}")
    if binning == "fixed":
        return _between(_rising(edges))
    values = numbers[np.isfinite(numbers)]
    if binning == "width":
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        return _between(np.unique(np.linspace(low, high, bins + 1)[1:-1]))
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= FEW:
        return per_value(different, names)
    own = different[counts > len(values) / bins]
    rest = values[~np.isin(values, own)] if len(own) else values
    return with_own(inner_quantiles(rest, bins - len(own)), own)


def inner_quantiles(values: FloatArray, bins: int) -> FloatArray:
    """The edges between ``bins`` bins of equal share, deduplicated; by linear interpolation between values."""
    if bins < 2 or not len(values):
        return np.empty(0)
    return np.unique(np.quantile(values, np.arange(1, bins) / bins))


def with_own(edges: FloatArray, own: FloatArray) -> Cells:
    """Intervals between ``edges``, and a bin for each value in ``own``, which is cut out of its interval."""
    plain = _between(edges)
    every = np.unique(np.concatenate([edges, own, np.nextafter(own, -np.inf)]))
    upper = np.append(every, np.inf)
    table = plain.table[np.searchsorted(plain.edges, upper, "left")]
    place = np.searchsorted(own, upper, "left")
    is_own = np.isin(upper, own)
    table[is_own] = (len(plain.labels) + place)[is_own]
    return Cells(every, table, (*plain.labels, *(number_text(value) for value in own.tolist())))


def per_value(values: FloatArray, names: Sequence[str] | None = None) -> Cells:
    """A bin for each of ``values`` (ascending); what lies between them is unknown."""
    edges = np.unique(np.concatenate([values, np.nextafter(values, -np.inf)]))
    upper = np.append(edges, np.inf)
    table = np.full(len(upper), len(values) + 1, np.int16)
    known = np.isin(upper, values)
    table[known] = np.searchsorted(values, upper[known], "left")
    texts = [number_text(value) if names is None else names[int(value)] for value in values.tolist()]
    return Cells(edges, table, tuple(texts))


@dataclass(frozen=True, eq=False)
class Categories:
    """How texts (or other plain values) become bins.

    Attributes:
        code_of: the bin of each value that the reference knows; all but the first :data:`FEW` share ``other``.
        labels: the bins in words.
        whole: whether the reference knows all its values; else what it does not know counts as ``other``.
    """

    code_of: dict[Any, int]
    labels: tuple[str, ...]
    whole: bool = True

    def codes(self, values: Sequence[Any]) -> CodeArray:
        """int16[n]: bins; K for what is missing (None), K + 1 for what the reference does not know."""
        return np.fromiter(map(self._found.__getitem__, values), np.int16, len(values))

    @cached_property
    def _found(self) -> _Codes:
        known = len(self.labels)
        found = _Codes(self.code_of)
        found.unknown = known + 1 if self.whole else known - 1
        found[None] = known
        return found


class _Codes(dict[Any, int]):
    """A dictionary that knows an answer for what it does not hold, and is still asked at the speed of C."""

    unknown = 0

    def __missing__(self, key: Any) -> int:
        return self.unknown


def categories(counts: dict[Any, int], *, whole: bool = True) -> Categories:
    """The bins of a categorical reference: one each for the most frequent values, one for all others.

    ``counts``: how often each value was seen; ``whole``: whether none was left out.
    """
    ranked = sorted(counts, key=lambda value: (-counts[value], str(value)))
    most = ranked if len(ranked) <= FEW and whole else ranked[: FEW - 1]
    labels = [category_text(value) for value in most]
    rest = len(most) < len(ranked) or not whole
    code_of = {value: code for code, value in enumerate(most)}
    code_of |= dict.fromkeys(ranked[len(most) :], len(most))
    return Categories(code_of, (*labels, OTHER) if rest else tuple(labels), whole)


def counts_of(codes: CodeArray, labels: Sequence[str]) -> IntArray:
    """int64[K + 2]: how often each bin, what is missing and what is unknown occur."""
    return np.bincount(codes, minlength=len(labels) + 2).astype(np.int64)


def number_text(value: float) -> str:
    """A number as people write it: 3, 0.25, 1.5e+09."""
    return f"{value:.6g}"


def category_text(value: Any) -> str:
    """A category as people write it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _between(edges: FloatArray) -> Cells:
    """One bin for each interval."""
    texts = [number_text(edge) for edge in edges.tolist()]
    inner = [f"({low}, {high}]" for low, high in pairwise(texts)]
    labels = (f"<= {texts[0]}", *inner, f"> {texts[-1]}") if texts else ("any number",)
    return Cells(edges, np.arange(len(labels), dtype=np.int16), labels)


def _rising(edges: Sequence[float]) -> FloatArray:
    rising = np.asarray(edges, np.float64)
    if not len(rising) or not np.isfinite(rising).all() or (np.diff(rising) <= 0).any():
        raise ValueError(f"edges: expected numbers that rise, got {list(edges)}")
    return rising
