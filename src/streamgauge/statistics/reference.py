"""What drift is measured against: each feature's bins, their counts and an outline of its distribution; no raw rows.

Build one from columns (:func:`build`), several into one (:func:`merged`). It is a few kB per feature however many
rows it was made from. What counts without error in a merged one: rows, missing values, moments, counts of categories
(up to :data:`CATEGORIES`) and of frequent values (as long as all outlines agree which these are); features of at most
64 different values come out exactly as if built from all rows. Edges and shares of other numeric features lie within
a point (1 % of the rows) of those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.errors import ConfigError
from streamgauge.statistics.binning import (
    BINS,
    FEW,
    Binning,
    Categories,
    Cells,
    categories,
    cells,
    counts_of,
    inner_quantiles,
    per_value,
    with_own,
)
from streamgauge.statistics.gaussian import Moments, moments
from streamgauge.statistics.outline import Outline, outline_of
from streamgauge.statistics.outline import merged as merged_outline

CATEGORIES = 1_000
"""So many categories of a feature are known by name, the most frequent ones."""

Kind: TypeAlias = Literal["number", "boolean", "category"]


@dataclass(frozen=True, eq=False)
class Feature:
    """The reference of one feature.

    Attributes:
        name: the column's.
        kind: numbers (moments in time are microseconds), booleans (counted as 0 and 1), or categories.
        rows: how many rows it was made from, missing values included.
        missing: how many of them are missing.
        bins: how values become bins.
        counts: int64[K + 2]: rows by bin, missing, unknown.
        outline, moments: of finite numbers; None for categories.
        values: how often each category was seen; None for numbers.
        whole: whether ``values`` holds all of them.
        infinite: how many numbers are -inf and inf.
    """

    name: str
    kind: Kind
    rows: int
    missing: int
    bins: Cells | Categories
    counts: IntArray
    outline: Outline | None = None
    moments: Moments | None = None
    values: Mapping[Any, int] | None = None
    whole: bool = True
    infinite: tuple[int, int] = (0, 0)

    @cached_property
    def fine(self) -> tuple[Cells, FloatArray]:
        """Cells narrow enough to stand for the distribution, and how many known values each holds (float64[C])."""
        assert self.outline is not None
        cells, held = fine_cells(self.outline)
        held[[0, -1]] += self.infinite
        return cells, held


@dataclass(frozen=True)
class Recipe:
    """How bins are made: see :mod:`streamgauge.statistics.binning`."""

    binning: Binning = "quantile"
    bins: int = BINS
    edges: Mapping[str, Sequence[float]] | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """The features by name, and how their bins were made."""

    features: Mapping[str, Feature]
    recipe: Recipe = Recipe()

    @cached_property
    def prepared(self) -> dict[Any, Any]:
        """Comparisons that were made of it, by whoever wants to use them again."""
        return {}

    def chosen(self, names: Sequence[str] | None) -> Reference:
        """With these features only, in this order; all of them for None.

        Raises:
            ConfigError: one of them is not in it, by name.
        """
        if names is None:
            return self
        for name in names:
            if name not in self.features:
                known = ", ".join(list(self.features)[:20]) or "none"
                raise ConfigError(f"the reference has no column `{name}`; it has {known}")
        return replace(self, features={name: self.features[name] for name in names})


def build(
    columns: Mapping[str, FloatArray | Sequence[Any]],
    recipe: Recipe = Recipe(),
    booleans: frozenset[str] = frozenset(),
    begins: Callable[[str], None] = lambda _name: None,
) -> Reference:
    """A reference of columns of one length.

    Args:
        columns: float64[n], NaN = missing, of numbers; lists, None = missing, of categories.
        recipe: how bins are made.
        booleans: which numeric columns hold 0 for false and 1 for true.
        begins: told the name of each column when its turn has come.

    Raises:
        ValueError: the recipe does not fit.
    """
    _fits(recipe, columns)
    features = {}
    for name, column in columns.items():
        begins(name)
        features[name] = (
            _numeric(name, column, recipe, boolean=name in booleans)
            if isinstance(column, np.ndarray) and column.dtype == np.float64
            else _categorical(name, Counter(column))
        )
    return Reference(features, recipe)


def _fits(recipe: Recipe, columns: Mapping[str, FloatArray | Sequence[Any]]) -> None:
    """Refuse what would be passed over in silence."""
    if recipe.binning not in get_args(Binning):
        raise ValueError(f"binning: expected {', '.join(get_args(Binning))}, got {recipe.binning!r}")
    if recipe.edges and recipe.binning != "fixed":
        raise ValueError(f"edges: they hold for the binning `fixed` alone, not for `{recipe.binning}`")
    if recipe.binning == "fixed" and not recipe.edges:
        raise ValueError("binning: `fixed` needs the edges of some column")
    for name in recipe.edges or {}:
        if name not in columns:
            raise ValueError(f"edges: there is no column `{name}`; there are {', '.join(list(columns)[:20])}")
        if not isinstance(columns[name], np.ndarray):
            raise ValueError(  # noqa: TRY004  the recipe does not fit; nobody's type is wrong
                f"edges: column `{name}` holds no numbers"
            )


def merged(references: Sequence[Reference]) -> Reference:
    """One reference of several (at least one); see the module's text for what is exact in it.

    Raises:
        ConfigError: they differ in columns, kinds or in how bins were made.
    """
    first = references[0]
    for other in references[1:]:
        if set(other.features) != set(first.features):
            odd = sorted(set(other.features) ^ set(first.features))
            raise ConfigError(
                f"only one of the references has the column `{odd[0]}`; build both from the same columns"
            )
        if other.recipe != first.recipe:
            raise ConfigError(
                "the references differ in how their bins were made; build both with the same options"
            )
        for name, feature in other.features.items():
            if feature.kind != (kind := first.features[name].kind):
                raise ConfigError(
                    f"column `{name}` is a {kind} in one reference and a {feature.kind} in another"
                )
    if len(references) == 1:
        return first
    return Reference(
        {
            name: _merged([each.features[name] for each in references], first.recipe)
            for name in first.features
        },
        first.recipe,
    )


def _numeric(name: str, column: FloatArray, recipe: Recipe, *, boolean: bool) -> Feature:
    ordered = np.sort(column)  # NaN last
    ordered = ordered[: len(ordered) - int(np.isnan(ordered).sum())]
    finite = ordered[np.isfinite(ordered)] if len(ordered) else ordered
    edges = (recipe.edges or {}).get(name, ())
    binning: Binning = "quantile" if recipe.binning == "fixed" and not edges else recipe.binning
    bins = cells(
        finite, binning=binning, bins=recipe.bins, edges=edges, names=("false", "true") if boolean else None
    )
    codes = bins.codes(ordered)
    counts = counts_of(codes, bins.labels)
    counts[len(bins.labels)] = len(column) - len(ordered)
    kind: Kind = "boolean" if boolean else "number"
    missing = len(column) - len(ordered)
    infinite = int((ordered == -np.inf).sum()), int((ordered == np.inf).sum())
    outline, found = outline_of(finite), moments(finite)
    return Feature(name, kind, len(column), missing, bins, counts, outline, found, infinite=infinite)


def _categorical(name: str, seen: Mapping[Any, int], left_out: int = 0) -> Feature:
    counts = dict(seen)
    missing = counts.pop(None, 0)
    rows = sum(counts.values()) + missing + left_out
    ranked = sorted(counts, key=lambda value: (-counts[value], str(value)))
    known = {value: counts[value] for value in ranked[:CATEGORIES]}
    whole = len(known) == len(ranked) and not left_out
    bins = categories(known, whole=whole)
    by_bin = np.zeros(len(bins.labels) + 2, np.int64)
    for value, code in bins.code_of.items():
        by_bin[code] += known[value]
    by_bin[len(bins.labels)] = missing
    if not whole:
        by_bin[len(bins.labels) - 1] += rows - int(by_bin.sum())
    return Feature(name, "category", rows, missing, bins, by_bin, None, None, known, whole)


def _merged(parts: Sequence[Feature], recipe: Recipe) -> Feature:
    first = parts[0]
    rows, missing = sum(part.rows for part in parts), sum(part.missing for part in parts)
    if first.kind == "category":
        values: Counter[Any] = Counter()
        for part in parts:
            values.update(part.values or {})
        values[None] = missing
        return _categorical(first.name, values, rows - sum(values.values()))
    outline = merged_outline([part.outline for part in parts if part.outline is not None])
    bins = _bins_of(outline, first, recipe)
    counts = _counts_in(outline, bins)
    infinite = sum(part.infinite[0] for part in parts), sum(part.infinite[1] for part in parts)
    np.add.at(counts, bins.codes(np.array([-np.inf, np.inf])), infinite)
    counts[len(bins.labels)] = missing
    total = sum((part.moments for part in parts[1:] if part.moments), first.moments or Moments(0))
    return Feature(first.name, first.kind, rows, missing, bins, counts, outline, total, infinite=infinite)


def _bins_of(outline: Outline, like: Feature, recipe: Recipe) -> Cells:
    """As :func:`~streamgauge.statistics.binning.cells` makes them, from an outline."""
    assert isinstance(like.bins, Cells)
    names = ("false", "true") if like.kind == "boolean" else None
    edges = (recipe.edges or {}).get(like.name, ())
    if recipe.binning == "fixed" and edges:
        return like.bins
    if recipe.binning == "width":
        ends = outline.quantiles(np.array([0.0, 1.0]))
        return cells(ends, binning="width", bins=recipe.bins)
    if not outline.rest and len(outline.values) <= FEW:
        return per_value(outline.values, names)
    own = outline.values[outline.counts > outline.size / recipe.bins]
    bare = outline.without(own)
    if not bare.rest:
        return with_own(inner_quantiles(np.repeat(bare.values, bare.counts), recipe.bins - len(own)), own)
    shares = np.arange(1, recipe.bins - len(own)) / (recipe.bins - len(own))
    return with_own(np.unique(bare.quantiles(shares)), own)


def _counts_in(outline: Outline, bins: Cells) -> IntArray:
    """int64[K + 2]: whole numbers that add up to all values."""
    upto = np.append(np.rint(outline.below(bins.edges)), outline.size)
    held = np.diff(np.concatenate([[0.0], upto])).astype(np.int64)
    counts = np.zeros(len(bins.labels) + 2, np.int64)
    np.add.at(counts, bins.table, held)
    return counts


def fine_cells(outline: Outline) -> tuple[Cells, FloatArray]:
    """Cells at the outline's points and around its frequent values, and what each holds.

    Beyond both ends cells grow twofold, up to 1,024 times the range, so that far values still count by how far
    they lie.
    """
    every = np.concatenate([outline.values, outline.points])
    if not len(every):
        every = np.zeros(1)
    low, high = every.min(), every.max()
    reach = (high - low or abs(high) or 1.0) * 2.0 ** np.arange(-6, 11)
    edges = np.unique(
        np.concatenate(
            [outline.values, np.nextafter(outline.values, -np.inf), outline.points, high + reach, low - reach]
        )
    )
    edges = edges[np.isfinite(edges)]
    labels = tuple(str(cell) for cell in range(len(edges) + 1))
    held = np.diff(np.concatenate([[0.0], outline.below(edges), [float(outline.size)]]))
    return Cells(edges, np.arange(len(edges) + 1, dtype=np.int16), labels), held
