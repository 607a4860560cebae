"""Series carried on by Spark: records are grouped by key, and each key's series is fitted where its records are.

A grouped map: what is fitted together (the records of one key) lies in one place while it is, the newest 200,000 steps.
The fit is the one of this process and of worker processes, so are its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgauge.arrow import pyarrow
from streamgauge.errors import ConfigError, SourceError
from streamgauge.forecasting.choosing import LEAST
from streamgauge.forecasting.fitting import Asked, Fitted
from streamgauge.forecasting.refit import LONG, Found, How, steps_of
from streamgauge.forecasting.spark_tables import order_of_records, read_path, said
from streamgauge.forecasting.tables import chosen_columns, plain, series_of
from streamgauge.kernels import jit

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import Column, DataFrame, SparkSession

SCHEMA: Final = "key string, known bigint, fitted binary, refused string"
"""Of what a group comes to: a row, or none where it has no moment."""
TASKS_PER_CORE: Final = 4
"""So many tasks for each core: series are not alike, and a core that is done takes the next task."""
_ORDER: Final = ("_path", "_block", "_line")
"""In which order records stand in their files: values of one step are added in it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is carried on, and how.

    Attributes:
        value, time, key: columns, as of :func:`~streamgauge.forecasting.tables.plain`.
        step: microseconds between values; None: what is usual for each key.
        how: horizon, model and band; its workers do not count here.
    """

    value: str | None
    time: str | None
    key: tuple[str, ...]
    step: int | None
    how: How


def frame_of(spark: SparkSession, path: str, wanted: Wanted) -> tuple[DataFrame, Wanted]:
    """The records of a path as Spark takes it, their columns chosen.

    Raises:
        ConfigError: a column is missing, or it is not clear which is meant.
        SourceError: it cannot be read.
    """
    import polars as pl
    from pyspark.errors import PySparkException

    try:
        read = read_path(spark, path)
        head = pl.DataFrame(read.limit(0).toArrow())
    except PySparkException as error:
        raise SourceError(f"{path} cannot be read by Spark: {said(error)}") from error
    time, value = chosen_columns(head, value=wanted.value, time=wanted.time, key=wanted.key)
    names = dict.fromkeys((time, value, *wanted.key))
    order = {f"_{name}": column for name, column in order_of_records().items()}
    columns = [*(_named(name) for name in names), *(c.alias(name) for name, c in order.items())]
    return read.select(*columns), Wanted(value, time, wanted.key, wanted.step, wanted.how)


def records_of(frame: DataFrame, wanted: Wanted) -> pl.DataFrame:
    """All records here, as of :func:`~streamgauge.forecasting.tables.plain`.

    Raises:
        SourceError: they cannot be read.
    """
    import polars as pl
    from pyspark.errors import PySparkException

    try:
        found = pl.DataFrame(frame.toArrow())
    except PySparkException as error:
        raise SourceError(f"Spark: {said(error)}") from error
    return plain(found.sort(*_ORDER), value=wanted.value, time=wanted.time, key=wanted.key)


def frame_from(
    spark: SparkSession, records: pl.DataFrame, step: int | None, how: How
) -> tuple[DataFrame, Wanted]:
    """Records that are here, as of :func:`~streamgauge.forecasting.tables.plain`, for Spark."""
    import polars as pl

    ordered = records.with_row_index("_line").with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC")),
        pl.lit("").alias("_path"),
        pl.lit(0, pl.Int64).alias("_block"),
        pl.col("_line").cast(pl.Int64),
    )
    return spark.createDataFrame(ordered.to_arrow()), Wanted("y", "at", ("key",), step, how)


def carried_on(frame: DataFrame, wanted: Wanted) -> list[Found]:
    """What came of each series, in the order of their keys.

    Raises:
        ConfigError: the horizon has too many steps.
        SourceError: the records cannot be read, or a fit failed each time it was tried.
    """
    from pyspark.errors import PySparkException

    tasks = TASKS_PER_CORE * frame.sparkSession.sparkContext.defaultParallelism
    grouped = frame.withColumn("_group", _group(wanted.key)).repartition(tasks, "_group").groupBy("_group")
    try:
        rows = grouped.applyInArrow(carrying(wanted), SCHEMA).collect()
    except PySparkException as error:
        raise SourceError(f"Spark: {said(error)}") from error
    found = [_found(row.asDict()) for row in rows]
    return sorted(found, key=lambda one: (one.key is not None, one.key or ""))


def carrying(wanted: Wanted) -> Callable[[Any], Any]:
    """What a worker does with the records of one key: an Arrow table in, one of :data:`SCHEMA` out."""

    def carry(table: Any) -> Any:
        import polars as pl

        frame = pl.DataFrame(table).sort(*_ORDER)
        records = plain(frame, value=wanted.value, time=wanted.time, key=wanted.key)
        return _arrow([_fit(key, series, wanted.how) for key, series in series_of(records, wanted.step)])

    return carry


def _fit(key: str | None, series: Any, how: How) -> dict[str, Any]:
    known = 0 if series is None else series.known
    row: dict[str, Any] = {"key": key, "known": known, "fitted": None, "refused": None}
    if known < LEAST:
        return row
    _SEEN.values += len(series)
    jit.choose(live=_SEEN.values > LONG)
    try:
        steps = steps_of(series, how.horizon)
    except ConfigError as error:
        return row | {"refused": str(error)}
    answer = Asked.of(0, series, steps, (how.model, how.interval)).answer()
    return row | {
        "known": answer.known,
        "fitted": None if answer.fitted is None else msgspec.msgpack.encode(answer.fitted),
    }


def _arrow(rows: list[dict[str, Any]]) -> Any:
    pa = pyarrow()
    kinds = {"key": pa.string(), "known": pa.int64(), "fitted": pa.binary(), "refused": pa.string()}
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _found(row: Mapping[str, Any]) -> Found:
    if row["refused"] is not None:
        raise ConfigError(row["refused"])
    fitted = row["fitted"]
    forecast = None if fitted is None else msgspec.msgpack.decode(bytes(fitted), type=Fitted).forecast()
    return Found(row["key"], forecast, int(row["known"]))


def _group(key: tuple[str, ...]) -> Column:
    """One text per series; as a key of several columns none where one of them is missing."""
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    between = F.lit(" · ")
    texts: Iterator[Column] = (_named(name).cast("string") for name in key)
    parts = [piece for text in texts for piece in (between, text)]
    return F.concat(F.lit(""), *parts)


def _named(name: str) -> Column:
    """A column by its name, whatever stands in it."""
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    return F.col("`" + name.replace("`", "``") + "`")


@dataclass(slots=True)
class _Seen:
    """How many values this process has fitted: kernels are compiled where there are many."""

    values: int = 0


_SEEN = _Seen()
