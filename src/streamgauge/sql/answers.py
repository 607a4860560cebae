"""What a query answers: rows in columns, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import BoolArray, Column, ColumnKind, polars_type
from streamgauge.clock import iso
from streamgauge.sql.queries import Query

if TYPE_CHECKING:
    import polars as pl

DELETED = "deleted"
"""The column of tombstones: rows that were shown and hold no more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one query.

    Attributes:
        name: of the table or stream it makes; None for a bare SELECT.
        rows: its columns in order; timestamps are int64 microseconds.
        kinds: of the columns.
        records, late, dead_letters: how many were read, came too late, could not be read.
        deleted: bool[n], which rows are tombstones; None where there can be none.
        keys: what a tombstone still says: grouping columns and bounds.
        asides: by column, what must be said beside it, by name: bounds of an estimate (``p95_lower``), how much a list
            left out. A value per row; None where there is nothing to say.
    """

    name: str | None
    rows: pl.DataFrame
    kinds: Mapping[str, ColumnKind]
    records: int
    late: int = 0
    dead_letters: int = 0
    deleted: BoolArray | None = None
    keys: frozenset[str] = frozenset()
    asides: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The rows as plain values; timestamps as ISO 8601 in UTC; of a tombstone its key only.

        An aside stands in those rows only that have something to say, behind its column.
        """
        moments = [name for name, kind in self.kinds.items() if kind == "timestamp"]
        maps = [name for name, kind in self.kinds.items() if kind == "map"]
        gone = np.zeros(self.rows.height, np.bool_) if self.deleted is None else self.deleted
        rows, told = self.rows.select(list(self.kinds)).iter_rows(named=True), _Told()
        for number, (row, is_gone) in enumerate(zip(rows, gone, strict=True)):
            line = {**row, **{name: told[row[name]] for name in moments}}
            line |= {name: None if row[name] is None else _map(row[name]) for name in maps}
            if is_gone:
                line = {name: value for name, value in line.items() if name in self.keys} | {DELETED: True}
            elif self.asides:
                line = self._with_asides(line, number)
            yield line

    def _with_asides(self, line: Mapping[str, Any], number: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in line.items():
            made[name] = value
            for aside, values in self.asides.get(name, {}).items():
                made |= {} if values[number] is None else {aside: values[number]}
        return made

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of a table of them, that of tombstones too where there can be any."""
        names = [one for name in self.kinds for one in (name, *self.asides.get(name, ()))]
        return (*names, *(() if self.deleted is None else (DELETED,)))

    def kept(self) -> pl.DataFrame:
        """The rows that later statements read: no tombstones."""
        import polars as pl

        return self.rows if self.deleted is None else self.rows.filter(pl.Series(~self.deleted))


class _Told(dict[int | None, str | None]):
    """Moments as text; many rows share the bounds of a window."""

    def __missing__(self, moment: int | None) -> str | None:
        self[moment] = text = iso(moment)
        return text


def _map(pairs: list[dict[str, Any]]) -> dict[Any, Any]:
    return {pair["key"]: pair["value"] for pair in pairs}


def projected(query: Query, columns: Mapping[str, Column], length: int, held: Any) -> pl.DataFrame:
    """The columns that come out, of the rows that are ``held`` (None: all)."""
    import polars as pl

    made = {}
    for output in query.outputs:
        column = output.expression.evaluate(columns, length)
        if held is not None:
            column = column.take(np.flatnonzero(held))
        series, kind = column.series(), query.kinds[output.name]
        if kind != "list" and kind != "map":  # noqa: PLR1714  # mypy narrows by this form
            series = series.cast(polars_type(kind))
        made[output.name] = series.alias(output.name)
    return pl.DataFrame(list(made.values()))


def limited(query: Query, rows: pl.DataFrame) -> pl.DataFrame:
    """As many rows as LIMIT allows."""
    return rows if query.select.limit is None else rows.head(query.select.limit)
