"""The columnar slice of a stream that everything downstream works on.

A :class:`Batch` holds records of **one partition in offset order**. Nothing depends on where one batch
ends and the next begins: any split of the same records gives the same answers.

Moments in columns are int64 microseconds since 1970 (UTC); see :mod:`streamgauge.clock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

IntArray: TypeAlias = NDArray[np.int64]
SlotArray: TypeAlias = NDArray[np.int32]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
FieldKind: TypeAlias = Literal["string", "int", "float", "bool", "timestamp"]
ColumnKind: TypeAlias = FieldKind | Literal["list", "map"]
"""What a column may hold: lists and maps are results of windows only, never fields of a stream."""

NEVER: int = np.iinfo(np.int64).min // 4
"""The event time before any event; far enough from the edge that a lateness can be subtracted."""

NO_KEY: int = -1
"""The slot of a record whose key is missing: such records are left out and counted."""


_EXACT = 2**53
"""Whole numbers below have a float of their own."""

_EXACT_TYPES: dict[str, type[np.generic]] = {
    "float": np.float64,
    "int": np.int64,
    "timestamp": np.int64,
    "bool": np.bool_,
}


class Partition(NamedTuple):
    """Names one partition of a stream; partitions sort by name, then number.

    ``name`` is the topic, the path of a file or the name of a generator; ``number`` is Kafka's partition
    number and 0 elsewhere.
    """

    name: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Partition:
        """Read back what ``str`` wrote.

        >>> Partition.parse("payments:3")
        Partition(name='payments', number=3)
        """
        name, _, number = text.rpartition(":")
        return cls(name, int(number))


class Column:
    """One field of a batch or result, held as it came and converted when asked.

    A column has three faces: Python values (None = missing), float64 numbers (NaN = missing) and a Polars
    series (null = missing). Each is made once, at first use: a key column is never turned into a series
    unless an expression reads it.
    """

    __slots__ = ("_numbers", "_series", "_values", "kind")

    def __init__(
        self,
        kind: ColumnKind,
        *,
        values: list[Any] | None = None,
        numbers: FloatArray | None = None,
        series: pl.Series | None = None,
    ) -> None:
        """Take exactly one face; the others follow from it."""
        self.kind = kind
        self._values = values
        self._numbers = numbers
        self._series = series

    def __len__(self) -> int:
        for face in (self._values, self._numbers, self._series):
            if face is not None:
                return len(face)
        return 0

    @property
    def is_numeric(self) -> bool:
        """Whether it is held as numbers already, which are the cheapest to pass on."""
        return self._numbers is not None

    def values(self) -> list[Any]:
        """Python values, None where missing; timestamps are int microseconds."""
        if self._values is None:
            self._values = self._as_values()
        return self._values

    def numbers(self) -> FloatArray:
        """float64, NaN where missing; booleans are 0 and 1. Integers beyond 2**53 lose their last digits."""
        if self._numbers is None:
            self._numbers = self._as_numbers()
        return self._numbers

    def series(self) -> pl.Series:
        """A Polars series, null where missing (never NaN)."""
        if self._series is None:
            self._series = self._as_series()
        return self._series

    def take(self, index: NDArray[Any]) -> Column:
        """The rows at ``index`` (int64 positions), in that order."""
        if self._values is not None:
            values = self._values
            return type(self)(self.kind, values=list(map(values.__getitem__, index.tolist())))
        if self._numbers is not None:
            return type(self)(self.kind, numbers=self._numbers[index])
        return type(self)(self.kind, series=self.series().gather(index))

    def part(self, start: int, stop: int) -> Column:
        """Rows ``start`` to ``stop``; cheaper than :meth:`take`."""
        if self._values is not None:
            return type(self)(self.kind, values=self._values[start:stop])
        if self._numbers is not None:
            return type(self)(self.kind, numbers=self._numbers[start:stop])
        return type(self)(self.kind, series=self.series()[start:stop])

    def at(self, row: int) -> Any:
        """One value: None where missing."""
        if self._values is not None:
            return self._values[row]
        if self._numbers is not None:
            return _python_number(self.kind, float(self._numbers[row]))
        return self.series()[row]

    def _as_values(self) -> list[Any]:
        if self._series is not None:
            return self._series.to_list()
        kind, numbers = self.kind, self.numbers()
        if kind in _EXACT_TYPES and np.abs(numbers).max(initial=0) < _EXACT:  # not where one is missing
            exact: list[Any] = numbers.astype(_EXACT_TYPES[kind]).tolist()
            return exact
        return [_python_number(kind, number) for number in numbers.tolist()]

    def _as_numbers(self) -> FloatArray:
        if self._series is not None:
            import polars as pl

            return self._series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        values = self.values()
        try:
            return np.fromiter(values, np.float64, len(values))
        except TypeError:  # a None among them
            nan = float("nan")
            return np.fromiter((nan if v is None else v for v in values), np.float64, len(values))

    def _as_series(self) -> pl.Series:
        import polars as pl

        if self._values is not None and self.kind in ("list", "map"):
            return _nested(self._values)
        if self._values is not None:
            return pl.Series(self._values, dtype=polars_type(self.kind), strict=False)
        series = pl.Series(self.numbers()).fill_nan(None)
        return series if self.kind == "float" else series.cast(polars_type(self.kind))

    @classmethod
    def join(cls, parts: Sequence[Column]) -> Column:
        """The rows of ``parts`` (at least one, all of one kind) after each other."""
        first = parts[0]
        if len(parts) == 1:
            return first
        if any(isinstance(part, Coded) for part in parts) or all(part._values is not None for part in parts):
            return cls(first.kind, values=[value for part in parts for value in part.values()])
        if all(part._numbers is not None for part in parts):
            return cls(first.kind, numbers=np.concatenate([part.numbers() for part in parts]))
        import polars as pl

        return cls(first.kind, series=pl.concat([part.series() for part in parts]))


class Coded(Column):
    """A column of texts of which each is held once: what reads it looks at a text once, not at each row.

    Args:
        known: no text twice; None among them where some are missing.
        codes: int32[n], which of them stands in each row.
    """

    __slots__ = ("codes", "known")

    def __init__(self, known: list[str | None], codes: SlotArray) -> None:
        super().__init__("string")
        self.known = known
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, index: NDArray[Any]) -> Coded:
        """See :meth:`Column.take`."""
        return Coded(self.known, self.codes[index])

    def part(self, start: int, stop: int) -> Coded:
        """See :meth:`Column.part`."""
        return Coded(self.known, self.codes[start:stop])

    def at(self, row: int) -> str | None:
        """See :meth:`Column.at`."""
        return self.known[int(self.codes[row])]

    def _as_values(self) -> list[Any]:
        return list(map(self.known.__getitem__, self.codes.tolist()))

    def _as_numbers(self) -> FloatArray:
        return Column("string", values=self.values()).numbers()

    def _as_series(self) -> pl.Series:
        import polars as pl

        return pl.Series(self.known, dtype=pl.String()).gather(self.codes)


class Aside(Column):
    """What stands beside another column of results where something must be said about it.

    A bound of an estimate, or how much was left out. Its name is the other's with an ending (``p95_lower``).
    Where it is missing there is nothing to say, and people are not shown it.
    """

    __slots__ = ()


class AtClose(Column):
    """What is known only when its window has closed: where an early row lacks it, people are not shown it."""

    __slots__ = ()


def _nested(values: list[Any]) -> pl.Series:
    """Lists as they are, maps as lists of key and value."""
    import polars as pl

    pairs = [
        [{"key": key, "value": item} for key, item in value.items()] if isinstance(value, dict) else value
        for value in values
    ]
    series = pl.Series(pairs, strict=False)
    return series if isinstance(series.dtype, pl.List) else series.cast(polars_type("list"))


def polars_type(kind: ColumnKind) -> pl.DataType:
    """The Polars type that a kind is held in; timestamps stay int64 microseconds.

    Of lists and maps it is what holds nothing yet: what they hold is known only from values.
    """
    import polars as pl

    types: dict[str, pl.DataType] = {
        "string": pl.String(),
        "int": pl.Int64(),
        "float": pl.Float64(),
        "bool": pl.Boolean(),
        "timestamp": pl.Int64(),
        "list": pl.List(pl.Null()),
        "map": pl.List(pl.Null()),
    }
    return types[kind]


def _python_number(kind: ColumnKind, number: float) -> float | int | bool | None:
    if number != number:  # NaN is the only value unequal to itself  # noqa: PLR0124
        return None
    if kind == "float":
        return number
    return bool(number) if kind == "bool" else int(number)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be used: it goes to the dead-letter and the stream goes on.

    ``reason`` is one sentence for people. ``at`` is the moment it counts for (microseconds). ``truncated``:
    ``payload`` holds its beginning only.
    """

    partition: Partition
    offset: int
    reason: str
    payload: bytes | None
    at: int
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in offset order, columns of one length.

    Attributes:
        stream: the stream's name.
        partition: where they were read.
        offsets: int64[n], increasing; gaps are normal (compaction, transactions).
        times: int64[n], event time in microseconds; out of order is normal.
        columns: the fields that some monitor uses, by name.
        next_offset: where reading goes on; beyond the last offset, also when n = 0.
        bad: the records between that could not be used, in offset order.
    """

    stream: str
    partition: Partition
    offsets: IntArray
    times: IntArray
    columns: Mapping[str, Column]
    next_offset: int
    bad: Sequence[BadRecord] = field(default=())

    def __len__(self) -> int:
        return len(self.offsets)

    def record(self, row: int, *, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """One record as a plain mapping, for samples shown to people."""
        names = self.columns if fields is None else fields
        return {name: self.columns[name].at(row) for name in names}

    def part(self, start: int, stop: int) -> Batch:
        """Rows ``start`` to ``stop``; bad records go with the first part that passes them."""
        last = stop >= len(self)
        next_offset = self.next_offset if last else int(self.offsets[stop])
        lower = NEVER if start == 0 else int(self.offsets[start]) if start < len(self) else self.next_offset
        return Batch(
            self.stream,
            self.partition,
            self.offsets[start:stop],
            self.times[start:stop],
            {name: column.part(start, stop) for name, column in self.columns.items()},
            next_offset,
            tuple(bad for bad in self.bad if lower <= bad.offset < next_offset),
        )

    @classmethod
    def join(cls, parts: Sequence[Batch]) -> Batch:
        """``parts`` of one partition after each other (at least one)."""
        first, last = parts[0], parts[-1]
        return cls(
            first.stream,
            first.partition,
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.times for part in parts]),
            {name: Column.join([part.columns[name] for part in parts]) for name in first.columns},
            last.next_offset,
            tuple(bad for part in parts for bad in part.bad),
        )
