"""From a table of records to one series per key, and from forecasts to rows ``key, ds, y, yhat, …``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.clock import iso
from streamgauge.errors import ConfigError, SourceError
from streamgauge.forecasting.choosing import Forecast
from streamgauge.forecasting.series import Series, regular

if TYPE_CHECKING:
    import polars as pl

TIMES = ("time", "timestamp", "ts", "at", "ds", "date", "datetime", "window_end")
COLUMNS = ("key", "ds", "y", "yhat", "yhat_lower", "yhat_upper", "model")
"""Of the rows that a forecast is told as; ``y`` is what came, where it is known."""
_READERS = {".csv": "read_csv", ".parquet": "read_parquet", ".ndjson": "read_ndjson", ".jsonl": "read_ndjson"}
_WRITERS = {
    ".csv": "write_csv",
    ".parquet": "write_parquet",
    ".ndjson": "write_ndjson",
    ".jsonl": "write_ndjson",
}


def read_table(path: Path) -> pl.DataFrame:
    """A file of records: ``.csv``, ``.parquet``, ``.ndjson``, also ``.gz``; what cannot be read in it is missing.

    Raises:
        ConfigError: another ending.
        SourceError: it cannot be read.
    """
    import polars as pl

    reader = _READERS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if reader is None:
        raise ConfigError(f"{path}: files end in {', '.join(_READERS)}")
    try:
        if reader == "read_ndjson":
            return pl.from_dicts(list(_lines(path)), infer_schema_length=None, strict=False)
        lenient = {"ignore_errors": True, "infer_schema_length": 10_000} if reader == "read_csv" else {}
        frame: pl.DataFrame = getattr(pl, reader)(path, **lenient)
    except (OSError, pl.exceptions.PolarsError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    return frame


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file, one per line; lines that hold none are passed over."""
    import gzip

    import msgspec

    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        for line in file:
            try:
                found = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(found, dict):
                yield found


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of a forecast into a file, by its ending; by rename, so that nobody reads half of it.

    Raises:
        ConfigError: another ending.
        SourceError: it cannot be written.
    """
    import polars as pl

    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ConfigError(f"{path}: files end in {', '.join(_WRITERS)}")
    kinds = {name: pl.String if name in ("key", "ds", "model") else pl.Float64 for name in COLUMNS}
    beside = path.with_name(f"{path.name}.new")
    try:
        getattr(
            pl.DataFrame([[row[name] for name in COLUMNS] for row in rows], schema=kinds, orient="row"),
            writer,
        )(beside)
        beside.replace(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error}") from error


def plain(frame: pl.DataFrame, *, value: str | None, time: str | None, key: Sequence[str]) -> pl.DataFrame:
    """Records as ``at`` (int64 microseconds), ``y`` (float64) and ``key`` (text, null where there is none).

    Args:
        frame: the records.
        value: the column of numbers; default: the only one.
        time: the column of moments; default: the first that is called as one.
        key: columns that name a series; none: all is one.

    Raises:
        ConfigError: a column is missing, or it is not clear which is meant.
    """
    import polars as pl

    at, numbers = chosen_columns(frame, value=value, time=time, key=key)
    names = (
        pl.concat_str([pl.col(name).cast(pl.String) for name in key], separator=" · ")
        if key
        else pl.lit(None, pl.String)
    )
    found = frame.select(moments(frame, at), pl.col(numbers).cast(pl.Float64).alias("y"), names.alias("key"))
    return found.drop_nulls("at")


def chosen_columns(
    frame: pl.DataFrame, *, value: str | None, time: str | None, key: Sequence[str]
) -> tuple[str, str]:
    """The columns of moments and of numbers; arguments and errors as of :func:`plain`."""
    at = _chosen("--time", time, [name for name in TIMES if name in frame.columns][:1], frame)
    left = [name for name in frame.columns if name not in (at, *key) and frame.schema[name].is_numeric()]
    numbers = _chosen("--value", value, left, frame)
    for name in key:
        _chosen("--key", name, [], frame)
    if not frame.schema[numbers].is_numeric():
        raise ConfigError(
            f"--value: `{numbers}` is {frame.schema[numbers]}, and only numbers can be carried on"
        )
    return at, numbers


def series_of(records: pl.DataFrame, step: int | None) -> Iterator[tuple[str | None, Series | None]]:
    """One series per key, in the order of the keys; None where a key has no series.

    Args:
        records: see :func:`plain`.
        step: microseconds between values; default: what is usual for each key.
    """
    ordered = records.sort("key", maintain_order=True, nulls_last=False)
    names, at = ordered["key"].to_list(), ordered["at"].to_numpy()
    y = ordered["y"].fill_null(float("nan")).to_numpy()
    start = 0
    for length in ordered["key"].rle().struct.field("len").to_list():
        stop = start + length
        yield names[start], _series(at[start:stop], y[start:stop], step)
        start = stop


def _series(at: IntArray, y: FloatArray, step: int | None) -> Series | None:
    if len(at) < 2 and step is None:  # a million keys with one record each are told apart quickly
        return None
    try:
        return regular(at, y, step)
    except ValueError:
        return None


def rows_of(key: str | None, found: Forecast) -> Iterator[dict[str, Any]]:
    """A forecast as rows."""
    columns = (found.moments.tolist(), found.expected.tolist(), found.lower.tolist(), found.upper.tolist())
    for at, *numbers in zip(*columns, strict=True):
        yhat, lower, upper = (None if np.isnan(number) else round(number, 6) for number in numbers)
        row = (key, iso(at), None, yhat, lower, upper, found.model)
        yield dict(zip(COLUMNS, row, strict=True))


def _chosen(option: str, given: str | None, candidates: Sequence[str], frame: pl.DataFrame) -> str:
    """The column that is meant."""
    there = f"there are: {', '.join(frame.columns)}"
    if given is not None:
        if given not in frame.columns:
            raise ConfigError(f"{option}: there is no column `{given}`; {there}")
        return given
    if len(candidates) != 1:
        raise ConfigError(f"say which column with `{option} NAME`; {there}")
    return candidates[0]


def moments(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column of moments as int64 microseconds: texts in ISO 8601, dates, or numbers since 1970 by their size."""
    import polars as pl

    column, kind = pl.col(name), frame.schema[name]
    if kind == pl.String:
        moments = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False, ambiguous="null")
        return moments.dt.epoch("us").alias("at")
    if kind.is_temporal():
        return column.cast(pl.Datetime("us")).dt.epoch("us").alias("at")
    if not kind.is_numeric():
        raise ConfigError(
            f"--time: `{name}` is {kind}; write ISO 8601, or a number of seconds or milliseconds"
        )
    size = column.cast(pl.Float64).abs()
    scale = pl.when(size < 1e11).then(1_000_000.0).when(size < 1e14).then(1_000.0).otherwise(1.0)
    return (column.cast(pl.Float64) * scale).cast(pl.Int64).alias("at")
