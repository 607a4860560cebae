"""Frames (CSV, Parquet, a table in memory) to batches, column by column.

Polars casts each column; a value that the cast loses goes through the plain rule in :mod:`.values`, which
accepts it after all or says why not. So frames and messages agree on every value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streamgauge.batch import Batch, Column, FieldKind, polars_type
from streamgauge.formats.assembly import Sieve, time_problems
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.formats.event_time import Moments, moments
from streamgauge.formats.values import UnfitError, fit
from streamgauge.sources.contract import Slice

if TYPE_CHECKING:
    import polars as pl


def decode_frame(layout: Layout, piece: Slice, now: int, *, texts: bool) -> Batch:
    """Every row of ``piece.frame`` as a row of the batch or one of its bad records.

    Args:
        layout: what to find; a path is a column's name as it stands, else it walks into struct columns.
        piece: a slice with a frame.
        now: wall clock at reading in microseconds.
        texts: whether text may stand for numbers and booleans (CSV).
    """
    whole = piece.frame
    assert whole is not None
    sieve = Sieve(piece, lambda position: _row_as_json(whole, position))
    frame = whole[sieve.positions()] if piece.unreadable else whole
    times: dict[str, Moments] = {}
    columns: dict[str, Column] = {}
    problems: dict[int, str] = {}
    for name, spec in layout.fields.items():
        series = _find(frame, spec)
        if spec.kind == "timestamp":
            times[name] = _moments(series, spec, texts=texts)
        else:
            values, unfit = _cast(series, spec, texts=texts)
            columns[name] = Column(spec.kind, series=values)
            problems = unfit | problems
    problems |= time_problems(layout, times, sieve, trusted=piece.trusted, now=now)
    if problems:
        keep = sieve.drop_rows(problems)
        times = {name: column.only(keep) for name, column in times.items()}
        columns = {name: column.take(np.flatnonzero(keep)) for name, column in columns.items()}
    columns |= {name: column.column() for name, column in times.items()}
    event_times = sieve.timestamps() if layout.time is None else times[layout.time].micros
    return sieve.batch(layout.stream, event_times, {name: columns[name] for name in layout.fields})


def _find(frame: pl.DataFrame, spec: FieldSpec) -> pl.Series:
    """The column of a field; all null where there is none, as an absent key of JSON is missing."""
    import polars as pl

    literal = spec.path or spec.name
    if literal in frame.columns:
        return frame[literal]
    absent = pl.Series(literal, [None] * frame.height, dtype=polars_type(spec.kind))
    first, *rest = spec.steps
    if first not in frame.columns:
        return absent
    series = frame[first]
    for step in rest:
        if not isinstance(series.dtype, pl.Struct) or step not in series.struct.schema:
            return absent
        series = series.struct.field(step)
    return series


def _cast(series: pl.Series, spec: FieldSpec, *, texts: bool) -> tuple[pl.Series, dict[int, str]]:
    """The column in its type, null where missing, and the rows whose value does not fit."""
    import polars as pl

    wanted = polars_type(spec.kind)
    if _castable(series.dtype, spec.kind, texts=texts):
        values = series.cast(wanted, strict=False)
    else:
        values = pl.Series(series.name, [None] * len(series), dtype=wanted)
    if spec.kind == "float":
        values = values.set(~values.is_finite(), None)
    if spec.min is not None:
        values = values.set(values < spec.min, None)
    if spec.max is not None:
        values = values.set(values > spec.max, None)
    doubtful = values.is_null() if spec.required else values.is_null() & series.is_not_null()
    problems: dict[int, str] = {}
    mended: dict[int, Any] = {}
    for row in np.flatnonzero(doubtful.to_numpy()).tolist():
        try:
            mended[row] = fit(spec, series.slice(row, 1).to_list()[0], texts=texts)
        except UnfitError as error:
            problems[row] = str(error)
    found = {row: value for row, value in mended.items() if value is not None}
    if found:
        values = values.scatter(list(found), list(found.values()))
    return values, problems


def _castable(dtype: pl.DataType, kind: FieldKind, *, texts: bool) -> bool:
    """Whether Polars' cast means what :func:`~.values.fit` means (up to values that it turns to null)."""
    import polars as pl

    if kind == "string":
        return dtype in (pl.String, pl.Categorical, pl.Enum)
    if dtype == pl.String:
        return texts and kind != "bool"
    if kind == "int":
        return dtype.is_integer()
    return dtype.is_numeric() if kind == "float" else dtype == pl.Boolean


def _moments(series: pl.Series, spec: FieldSpec, *, texts: bool) -> Moments:
    import polars as pl

    if series.dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    if isinstance(series.dtype, pl.Datetime):
        missing = series.is_null()
        micros = series.dt.cast_time_unit("us").to_physical().fill_null(0).to_numpy()
        return Moments(micros, missing.to_numpy() if missing.any() else None)
    return moments(series.to_list(), spec.unit, empty_is_missing=texts)


def _row_as_json(frame: pl.DataFrame, position: int) -> bytes:
    """A row for the dead-letter: an object that names its columns, which every format here reads back."""
    return msgspec.json.encode(frame.row(position, named=True), enc_hook=str)
