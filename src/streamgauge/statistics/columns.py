"""Columns of tables as references and comparisons take them: from frames, mappings of arrays, lists of values.

Numbers become float64 with NaN for what is missing, moments in time microseconds, booleans 0 and 1; everything else
becomes a list with None for what is missing, and is counted by category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.errors import ConfigError
from streamgauge.statistics.binning import FEW
from streamgauge.statistics.reference import Feature, Recipe, Reference, build

Given: TypeAlias = Any
"""A Polars or pandas frame, or a mapping of names to arrays, series or lists."""


OWN = 0.5
"""A text column in which more than this share of rows have a text of their own names records, and has no distribution."""


@dataclass(frozen=True)
class Table:
    """Columns of one length.

    Attributes:
        columns: float64[n] with NaN, or lists with None, by name.
        booleans: which of the numeric ones hold booleans.
        length: n.
        moments: which of the numeric ones hold moments in time.
    """

    columns: Mapping[str, FloatArray | list[Any]]
    booleans: frozenset[str] = field(default_factory=frozenset)
    length: int = 0
    moments: frozenset[str] = field(default_factory=frozenset)

    def chosen(self, names: Sequence[str] | None) -> Table:
        """With these columns only.

        Raises:
            ConfigError: one is not there.
        """
        if names is None:
            return self
        for name in names:
            if name not in self.columns:
                raise ConfigError(
                    f"there is no column `{name}`; there are {', '.join(self.columns) or 'none'}"
                )
        kept = set(names)
        columns = {name: self.columns[name] for name in names}
        return Table(columns, self.booleans & kept, self.length, self.moments & kept)

    def passing(self, kept: Sequence[str] = ()) -> list[str]:
        """Columns that are never again what they were: moments in time, and texts of which nearly each row has its own.

        ``kept``: columns that somebody named, which are not among them.
        """
        return [
            name
            for name, column in self.columns.items()
            if name not in kept and (name in self.moments or _own_each(column))
        ]

    def as_categories(self, names: Sequence[str]) -> Table:
        """With these columns counted by value whatever they hold; whole numbers stay whole."""
        columns = dict(self.columns)
        for name in names:
            column = self.chosen([name]).columns[name]
            if isinstance(column, np.ndarray):
                columns[name] = [
                    None if np.isnan(value) else int(value) if value.is_integer() else value
                    for value in column.tolist()
                ]
        return Table(columns, self.booleans - set(names), self.length, self.moments - set(names))


def _own_each(column: FloatArray | list[Any]) -> bool:
    return isinstance(column, list) and len(column) > FEW and len(set(column)) > OWN * len(column)


def table(given: Given) -> Table:
    """Read a frame or a mapping.

    Raises:
        ConfigError: the columns differ in length, two have one name, or it is neither.
    """
    names = list(given) if isinstance(given, Mapping) else list(getattr(given, "columns", ()))
    if not names:
        raise ConfigError("expected a frame or a mapping of names to values, with at least one column")
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise ConfigError(f"two columns are called `{twice[0]}`; rename one")
    read: dict[str, FloatArray | list[Any]] = {}
    booleans, moments = set(), set()
    for name in names:
        values = given[name]
        if np.ndim(values) == 0 and not hasattr(values, "to_physical"):
            raise ConfigError(f"column `{name}` is one value; expected an array, a list or a series")
        read[str(name)], boolean = column(values)
        if boolean:
            booleans.add(str(name))
        if _are_moments(values):
            moments.add(str(name))
    lengths = {name: len(each) for name, each in read.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:5])
        raise ConfigError(f"the columns differ in length: {told}")
    return Table(read, frozenset(booleans), next(iter(lengths.values())), frozenset(moments))


def _are_moments(values: Any) -> bool:
    """Whether a column is of a type of moments (durations and times of day come again)."""
    if hasattr(values, "to_physical"):  # Polars
        import polars as pl

        return bool(values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime))
    return getattr(getattr(values, "dtype", None), "kind", "") == "M"


def column(values: Any) -> tuple[FloatArray | list[Any], bool]:
    """One column as it is counted, and whether it holds booleans."""
    if hasattr(values, "to_physical"):  # Polars
        return _of_polars(values)
    array = np.asarray(values)
    if array.dtype == np.bool_:
        return array.astype(np.float64), True
    if array.dtype.kind in "iuf":
        return array.astype(np.float64), False
    if array.dtype.kind == "M":
        micros = array.astype("datetime64[us]").astype(np.float64)
        return np.where(np.isnat(array), np.nan, micros), False
    return _of_objects(array.tolist())


def reference_of(values: Mapping[str, Sequence[Any]]) -> Reference:
    """A reference of a few values written down, each feature with as many as it has."""
    features: dict[str, Feature] = {}
    for name, each in values.items():
        read, boolean = column(list(each))
        features |= build({name: read}, booleans=frozenset([name] if boolean else [])).features
    return Reference(features, Recipe())


def _of_polars(series: Any) -> tuple[FloatArray | list[Any], bool]:
    import polars as pl

    if series.dtype == pl.Boolean or series.dtype.is_numeric() or series.dtype.is_temporal():
        numbers = series.cast(pl.Datetime("us")) if series.dtype == pl.Date else series
        if numbers.dtype.is_temporal():
            if isinstance(numbers.dtype, pl.Datetime):
                numbers = numbers.dt.cast_time_unit("us")
            numbers = numbers.to_physical()
        plain = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.array(plain, np.float64), series.dtype == pl.Boolean
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        return series.cast(pl.String).to_list(), False
    return _of_objects(series.to_list())


def _of_objects(values: list[Any]) -> tuple[FloatArray | list[Any], bool]:
    """Numbers with gaps are numbers; all else is a category."""
    known = {type(value) for value in values if value is not None and value == value}  # noqa: PLR0124  NaN
    if known <= {int, float, bool, np.float64, np.int64, np.bool_}:
        plain = [np.nan if value is None else float(value) for value in values]
        return np.array(plain, np.float64), bool(known) and known <= {bool, np.bool_}
    missing_or_text = (str, int, float, bool, type(None))
    return [
        None if value is None or value != value  # noqa: PLR0124  NaN
        else value if isinstance(value, missing_or_text) else str(value)
        for value in values
    ], False  # fmt: skip
