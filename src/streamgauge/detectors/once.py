"""Two tables compared once, as the drift detectors compare windows: for notebooks, batches and the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.detectors.against_reference import Family, Judged, ReferenceConfig, chosen_of, judge
from streamgauge.errors import ConfigError
from streamgauge.kernels.samples import kolmogorov_smirnov, wasserstein
from streamgauge.settings import nearest
from streamgauge.statistics.binning import Categories, counts_of
from streamgauge.statistics.columns import Table, table
from streamgauge.statistics.comparison import CellComparison, Comparison, NormalComparison, Seen
from streamgauge.statistics.gaussian import moments
from streamgauge.statistics.reference import Feature, Recipe, Reference, build
from streamgauge.verdict import Severity

if TYPE_CHECKING:
    import polars as pl

METHODS = (
    "psi", "jensen_shannon", "hellinger", "chi_square", "kolmogorov_smirnov", "wasserstein", "gaussian",
)  # fmt: skip


@dataclass(frozen=True)
class Drift:
    """What a comparison found.

    Attributes:
        method: how it was compared.
        rows: one mapping per feature: feature, value, severity, state, floor, rows, and what moved.
        overall: severity, worst (feature), value (its), drifted (the share of features above ``warning``),
            mean (of all values), rows, features (how many), not_compared (columns that only the current table
            has), not_numbers (which the method cannot compare), and left_out (of two tables: moments, and texts of
            which nearly each row has its own; name them in ``features`` to have them).
    """

    method: str
    rows: Sequence[Mapping[str, Any]]
    overall: Mapping[str, Any]

    @property
    def frame(self) -> pl.DataFrame:
        """A Polars frame with feature, value, severity, floor and rows."""
        import polars as pl

        kinds = {
            "feature": pl.String,
            "value": pl.Float64,
            "severity": pl.String,
            "floor": pl.Float64,
            "rows": pl.Int64,
        }
        return pl.DataFrame([{name: row[name] for name in kinds} for row in self.rows], schema=kinds)

    def __getitem__(self, feature: str) -> Mapping[str, Any]:
        """The row of one feature."""
        found = next((row for row in self.rows if row["feature"] == feature), None)
        if found is None:
            raise KeyError(feature)
        return found

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def compared(
    reference: Any, current: Any, method: str = "psi", recipe: Recipe | None = None, **config: Any
) -> Drift:
    """Compare ``current`` with ``reference``; see :func:`streamgauge.drift`."""
    family, asked = _family(method, config)
    given = table(current)
    left_out: list[str] = []
    if isinstance(reference, Reference):
        if recipe is not None and recipe != reference.recipe:
            raise ConfigError("the reference was built with its own bins; build it again to have others")
        known, raw, there = reference, None, set(reference.features)
    else:
        whole = table(reference)
        there = set(whole.columns)
        raw, left_out = _compared_of(whole, asked)
        known = build(raw.columns, recipe or Recipe(), raw.booleans)
    features = chosen_of(known, asked, family)
    columns = {feature.name: fitting(feature, given) for feature in features}
    seen = _seen(family, features, columns, given.length)
    comparison = _prepared(known, family, features)
    if raw is not None and isinstance(comparison, CellComparison):
        comparison = _Exact(comparison, _exact(comparison, raw, columns, comparison.values(seen)))
    judged = judge(comparison, seen, asked.warning, asked.critical)  # type: ignore[attr-defined]
    beside = {
        "not_compared": sorted(set(given.columns) - there),
        "not_numbers": []
        if asked.features
        else sorted(set(known.features) - {each.name for each in features}),
        "left_out": left_out,
    }
    return _told(method, comparison, judged, seen, asked, beside)


def _compared_of(reference: Table, asked: ReferenceConfig) -> tuple[Table, list[str]]:
    """The columns of a reference table that are compared, and those left out since they never come again.

    Raises:
        ConfigError: it has no rows, or lacks a feature that is asked for.
    """
    if not reference.length:
        raise ConfigError("the reference table has no rows")
    if asked.features is not None:
        return reference.chosen(asked.features), []
    left_out = reference.passing()
    kept = [name for name in reference.columns if name not in left_out]
    if not kept:  # nobody gives such columns alone unless they are meant
        return reference, []
    return reference.chosen(kept), left_out


def _prepared(reference: Reference, family: Family, features: Sequence[Feature]) -> Comparison:
    """The comparison, with the floors that it has looked up before."""
    names = family.name, tuple(feature.name for feature in features)
    if names not in reference.prepared:
        reference.prepared[names] = family.compare(features)
    found: Comparison = reference.prepared[names]
    return found


def _family(method: str, config: Mapping[str, Any]) -> tuple[Family, ReferenceConfig]:
    if not isinstance(method, str) or method not in METHODS:
        raise ConfigError(f"there is no method `{method}`; {nearest(str(method), METHODS)}")
    from pydantic import ValidationError

    module = import_module(f"streamgauge.detectors.{method}")
    try:
        asked = module.Config.model_validate({"type": method, "reference": "given", **config})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{where}: {first['msg']}" if where else first["msg"]) from error
    return module.FAMILY, asked


def fitting(feature: Feature, given: Table) -> FloatArray | list[Any]:
    """The column of a feature, as its reference counts it.

    Raises:
        ConfigError: there is none, or it is of another kind.
    """
    if feature.name not in given.columns:
        there = ", ".join(list(given.columns)[:20])
        raise ConfigError(
            f"the current table has no column `{feature.name}`, which the reference has; it has {there}"
        )
    column = given.columns[feature.name]
    numeric = isinstance(column, np.ndarray)
    if feature.kind == "category":
        of_numbers = not any(isinstance(value, str) for value in feature.values or ())
        if not numeric:
            return column
        if of_numbers or np.isnan(column).all():
            return given.as_categories([feature.name]).columns[feature.name]
        raise ConfigError(
            f"column `{feature.name}` is a category in the reference and holds numbers in the current table"
        )
    if numeric:
        return column
    if all(value is None for value in column):
        return np.full(len(column), np.nan)
    if feature.missing == feature.rows:
        raise ConfigError(
            f"column `{feature.name}` is missing in every row of the reference; leave it out of `features`"
        )
    raise ConfigError(
        f"column `{feature.name}` is a {feature.kind} in the reference and holds texts in the current table"
    )


def _seen(
    family: Family, features: Sequence[Feature], columns: Mapping[str, FloatArray | list[Any]], length: int
) -> Seen:
    """The current table as one window."""
    rows = np.array([length])
    if family.compare is NormalComparison:
        return _seen_normal(NormalComparison(features), columns, rows)
    counts, unseen = [], []
    for feature in features:
        bins = feature.fine[0] if family.numbers else feature.bins
        codes = bins.codes(columns[feature.name])  # type: ignore[arg-type]
        counts.append(counts_of(codes, bins.labels))
        unseen.append(_unseen(bins, codes, columns[feature.name]) if isinstance(bins, Categories) else {})
    return Seen(rows, np.concatenate(counts)[None], unseen=lambda _, feature: unseen[feature])


def _seen_normal(
    comparison: NormalComparison, columns: Mapping[str, FloatArray | list[Any]], rows: IntArray
) -> Seen:
    values = [np.asarray(columns[feature.name], np.float64) for feature in comparison.features]
    found = [moments(_known(each)) for each in values]
    known = [each[~np.isnan(each)] for each in values]
    means = [
        np.inf if np.isinf(each).any() else of.mean if of.count else np.nan
        for each, of in zip(known, found, strict=True)
    ]
    ends = [(each.min(), each.max()) if len(each) else (np.nan, np.nan) for each in known]
    none = np.empty((1, 0), np.int64)
    counts = np.array([[float(len(each)) for each in known]])
    seen = Seen(rows, none, counts, np.array([means]), np.array([[each.deviation for each in found]]))
    return comparison.without_farthest(seen, *(np.array([side]) for side in zip(*ends, strict=True)))


def _unseen(bins: Categories, codes: Any, values: Any) -> dict[str, int]:
    from collections import Counter

    at = np.nonzero(codes == len(bins.labels) + 1)[0].tolist()
    return dict(Counter(str(values[row]) for row in at).most_common(16))


def _known(column: Any) -> FloatArray:
    return np.asarray(column[np.isfinite(column)])


def _exact(
    comparison: CellComparison,
    raw: Table,
    columns: Mapping[str, FloatArray | list[Any]],
    by_cells: FloatArray,
) -> FloatArray:
    """float64[1, F]: from both samples, value by value; by cells where an infinity has no distance."""
    found = []
    for f, feature in enumerate(comparison.features):
        before, now = (np.asarray(each[feature.name]) for each in (raw.columns, columns))
        a, b = before[~np.isnan(before)], now[~np.isnan(now)]
        if comparison.method == "kolmogorov_smirnov":
            found.append(kolmogorov_smirnov(a, b).statistic)
        else:
            apart = wasserstein(a, b)
            found.append(float(by_cells[0, f]) if np.isinf(apart) else apart / comparison.unit(feature))
    return np.array([found])


class _Exact:
    """A comparison whose values are known already."""

    def __init__(self, comparison: Comparison, values: FloatArray) -> None:
        self.features = comparison.features
        self.limits, self.missing, self.moved = comparison.limits, comparison.missing, comparison.moved
        self._values = values

    def values(self, seen: Seen) -> FloatArray:
        return self._values


def _told(
    method: str,
    comparison: Comparison,
    judged: Judged,
    seen: Seen,
    asked: ReferenceConfig,
    beside: Mapping[str, list[str]],
) -> Drift:
    enough = int(seen.rows[0]) >= asked.min
    words = ("ok", "warning", "critical")
    rows = []
    for f, feature in enumerate(comparison.features):
        state = int(judged.states[0, f])
        row: dict[str, Any] = {
            "feature": feature.name,
            "value": _plain(judged.values[0, f]),
            "severity": words[state] if enough else Severity.NOT_ENOUGH_DATA.label,
            "state": ("no_drift", "possible_drift", "drift")[state] if enough else "not_enough_data",
            "floor": _plain(judged.floors[0, f]),
            "rows": int(seen.rows[0]),
        }
        if enough and state:
            row["moved"] = comparison.moved(seen, 0, f)
            if seen.unseen is not None and (names := seen.unseen(0, f)):
                row["unseen"] = names
            if judged.missing is not None and judged.gone is not None and judged.gone[0, f]:
                row["missing"] = {
                    "reference": round(feature.missing / max(1, feature.rows), 4),
                    "current": round(float(judged.missing[0, f]), 4),
                }
        rows.append(row)
    worst = rows[int(judged.worst[0])]
    finite = judged.values[0][np.isfinite(judged.values[0])]
    overall = {
        "severity": worst["severity"],
        "worst": worst["feature"],
        "value": worst["value"],
        "drifted": float((judged.states[0] > 0).mean()) if enough else None,
        "mean": float(finite.mean()) if len(finite) else None,
        "rows": int(seen.rows[0]),
        "features": len(rows),
        **beside,
    }
    return Drift(method, rows, overall)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
