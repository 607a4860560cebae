"""Rows as Parquet files in a folder: each whole from the moment it can be seen, each row once.

.. code-block:: yaml

    streams:
      payments:
        source: {type: kafka, brokers: "localhost:9092", topic: payments}
        write: {type: files, path: lake/payments, partition_by: [country, day(at)]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from streamgauge.batch import ColumnKind
from streamgauge.settings import FileName, Names, PositiveDuration, nearest, wrong
from streamgauge.sinks.contract import Outcome, SinkConfig, SpooledRow
from streamgauge.sinks.published import Published, Span, span_of

if TYPE_CHECKING:
    import polars as pl

ID = "_id"
"""The column that names each row for good."""

NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""The folder of rows without a value, as Hive calls it."""

_CUTS = {"month": 7, "day": 10, "hour": 13}
"""How many characters of an ISO 8601 moment name it."""
_BY = re.compile(rf"(?:({'|'.join(_CUTS)})\((\w+)\)|(\w+))")


class Config(SinkConfig):
    """What may be written beside ``type: files``."""

    type: Literal["files"] = "files"
    path: Annotated[FileName, Field(min_length=1)]
    """The folder; it is made if it is missing."""
    partition_by: Names = ()
    """Columns that become folders, Hive's way: `country`, or a moment cut down: `day(at)`, `hour(at)`, `month(at)`."""
    rows: Annotated[int, Field(gt=0)] = 50_000
    """A file is written once so many rows wait."""
    every: PositiveDuration = timedelta(minutes=1)
    """And when the oldest has waited so long."""

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.rows > self.spool:
            raise wrong("rows", f"a file of {self.rows} rows cannot wait in a `spool` of {self.spool}")
        return self

    def mistakes(self, columns: Mapping[str, ColumnKind], *, revises: bool) -> Iterator[tuple[str, str]]:
        """Columns that are not there, and rows that change."""
        if revises:
            message = (
                "a file that is written stays as it is, and with `emit: changes` rows change; write closed windows "
                "(`emit: final`), or to a sink of type kafka"
            )
            yield "type", message
        for text in self.partition_by:
            found = _BY.fullmatch(text)
            name = "" if found is None else found[2] or found[3]
            if found is None:
                yield "partition_by", f"`{text}` is not understood; write a column, or day(column)"
            elif name not in columns:
                yield "partition_by", f"`{name}` is no column of the rows; {nearest(name, columns)}"
            elif found[1] and columns[name] != "timestamp":
                yield "partition_by", f"`{name}` is a {columns[name]}; {found[1]}() takes a timestamp"
            elif columns[name] in ("list", "map"):
                yield "partition_by", f"`{name}` is a {columns[name]}, which cannot name a folder"


class FilesSink:
    """Writes what it is given as one file per folder and partition.

    A file is written beside under a hidden name, forced to the disk, and renamed. A row that comes again (the
    process died between the renaming and its being noted) is found in the file that has it, and left out.
    """

    def __init__(self, config: Config, name: str, columns: Mapping[str, ColumnKind]) -> None:
        self.at_once = config.rows
        self.within = config.every
        self._name = name
        self._columns = columns
        self._by = [_Cut(text) for text in config.partition_by]
        self._root = Path(config.path)
        self._published = Published(self._root)

    def __repr__(self) -> str:
        return f"FilesSink({self._root})"

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        """Publish those that no file has; all rows of a file arrive, or none."""
        written: list[int] = []
        try:
            for (folders, group), piece in self._pieces(rows).items():
                self._publish(self._root.joinpath(*folders), group, piece)
                written += [row.sequence for row, _, _ in piece]
        except OSError as error:
            place = error.filename or self._root
            return Outcome(
                written, trouble=f"{place} cannot be written: {(error.strerror or str(error)).lower()}"
            )
        return Outcome(written)

    def close(self) -> None:
        """Nothing is held."""

    def _pieces(self, rows: Sequence[SpooledRow]) -> dict[tuple[tuple[str, ...], str], list[_Row]]:
        """The rows of each file: by folder, and by the partition they came from."""
        import msgspec

        decode = msgspec.json.Decoder(dict[str, Any]).decode
        pieces: dict[tuple[tuple[str, ...], str], list[_Row]] = {}
        for row in rows:
            body = decode(row.body)
            folders = tuple([cut.folder(body) for cut in self._by])
            group, place, _ = span_of(self._name, row.id)
            pieces.setdefault((folders, group), []).append((row, body, place))
        return pieces

    def _publish(self, folder: Path, group: str, piece: Sequence[_Row]) -> None:
        places = [place for _, _, place in piece]
        there = self._published.ids(folder, Span(group, min(places), max(places)))
        fresh = [(row, body, place) for row, body, place in piece if row.id not in there]
        if not fresh:
            return
        ends = [at for _, _, at in fresh]
        frame = self._frame([row.id for row, _, _ in fresh], [body for _, body, _ in fresh])
        self._published.publish(folder, Span(group, min(ends), max(ends)), frame)

    def _frame(self, ids: Sequence[str], bodies: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        """The rows as columns: those that are always there, and what some rows have beside."""
        import polars as pl

        in_folders = {cut.column for cut in self._by if cut.unit is None}
        kinds = {name: kind for name, kind in self._columns.items() if name not in in_folders}
        for body in bodies:
            for name, value in body.items():
                if name not in kinds and name not in in_folders:
                    kinds[name] = _kind_of(value)
        return pl.DataFrame(
            [
                pl.Series(ID, ids, pl.String),
                *(_series(name, kind, [body.get(name) for body in bodies]) for name, kind in kinds.items()),
            ]
        )


_Row = tuple[SpooledRow, dict[str, Any], str]
"""A row, what it holds, and its place among the rows of its file."""


class _Cut:
    """One level of folders."""

    def __init__(self, text: str) -> None:
        found = _BY.fullmatch(text)
        assert found is not None
        self.unit: str | None = found[1]
        self.column: str = found[2] or found[3]

    def folder(self, body: Mapping[str, Any]) -> str:
        """The folder of a row at this level."""
        value = body.get(self.column)
        if self.unit is None:
            text = json.dumps(value) if isinstance(value, bool | float) else str(value)
            return f"{self.column}={NOTHING if value is None else quote(text, safe=' ')}"
        text = NOTHING if value is None else value[: _CUTS[self.unit]].replace("T", "-")
        return f"{self.column}_{self.unit}={text}"


def open_sink(config: Config, name: str, columns: Mapping[str, ColumnKind]) -> FilesSink:
    """The sink of ``config``; the folder is looked at with the first rows."""
    return FilesSink(config, name, columns)


def _series(name: str, kind: ColumnKind, values: list[Any]) -> pl.Series:
    import polars as pl

    if kind == "timestamp":
        return pl.Series(name, values, pl.String).str.to_datetime(
            time_unit="us", time_zone="UTC", strict=False
        )
    if kind in ("list", "map"):
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    types: dict[str, Any] = {"int": pl.Int64, "float": pl.Float64, "bool": pl.Boolean}
    return pl.Series(name, values, types.get(kind, pl.String), strict=False)


def _kind_of(value: Any) -> ColumnKind:
    """Of what only some rows have: marks, bounds of estimates."""
    kinds: dict[type, ColumnKind] = {bool: "bool", int: "int", float: "float"}
    return kinds.get(type(value), "string")
