"""Evaluation on Spark: records of many files are joined by id in as many places as there are, and measured there.

What is measured together (all, a key, a window of a key) lies in one place while it is: 16 bytes per prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from streamgauge.arrow import pyarrow
from streamgauge.errors import ConfigError, SourceError
from streamgauge.evaluation.joining import Asked
from streamgauge.evaluation.parts import KINDS, SCHEMA, measured, parts_of
from streamgauge.forecasting.spark_tables import read_path
from streamgauge.settings import nearest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

TIMES: Final = ("time", "timestamp", "ts", "at", "ds", "date", "datetime", "window_end")
_ORDER: Final = ("side", "at", "file", "path", "block", "line")
"""In which order records of one id are taken: predictions, then labels, by their moments where they have some."""
_NUMBERS: Final = frozenset({"tinyint", "smallint", "int", "bigint", "float", "double", "void"})


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the records are.

    Attributes:
        predictions: paths as Spark takes them: files, folders, patterns, ``s3a://…``.
        labels: likewise; none: they stand beside the predictions.
        time: the column of moments; None: by its name.
        span: only predictions from and before these moments (microseconds, None: open).
    """

    predictions: Sequence[str]
    labels: Sequence[str] = ()
    time: str | None = None
    span: tuple[int | None, int | None] = (None, None)


def evaluated_on(spark: SparkSession, tables: Tables, asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """Measure; rows as of :func:`~streamgauge.evaluation.joining.evaluated`, and how many labels have no prediction.

    Keys come in the order of their texts.

    Raises:
        ConfigError: a column is missing or cannot be measured.
        ExpressionError: the condition does not fit the measures.
        SourceError: a file is missing or cannot be read.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    try:
        records = _records(spark, tables, asked)
        _refuse(records, asked)
        buckets = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
        records = records.withColumn("bucket", F.pmod(F.hash(_named(asked.id)), F.lit(buckets)))
        parts = records.groupBy("bucket").applyInArrow(_joining(asked), SCHEMA).cache()
        found = _groups(parts, asked).applyInArrow(_measuring(asked), "row string").collect()
        alone = parts.agg(F.sum("alone")).collect()[0][0]
        parts.unpersist()
    except PySparkException as error:
        raise SourceError(f"Spark: {_said(error)}") from error
    if not found:
        raise ConfigError(f"there are no predictions: `{asked.prediction}` is missing in all that was read")
    return _sorted([row[0] for row in found]), int(alone or 0)


def _groups(parts: DataFrame, asked: Asked) -> Any:
    """Each part once for each row of the answer that it is in."""
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    kinds = ["overall", *["key"][: len(asked.by)], *(["window"] if asked.window is not None else [])]
    told = parts.where("size(predictions) > 0")
    told = told.withColumn("kind", F.explode(F.array(*[F.lit(kind) for kind in kinds])))
    told = told.withColumn("whose", F.expr("CASE WHEN kind <> 'overall' THEN key END"))
    told = told.withColumn("since", F.expr("CASE WHEN kind = 'window' THEN start END"))
    return told.groupBy("kind", "whose", "since")


def _sorted(lines: Sequence[str]) -> list[dict[str, Any]]:
    import msgspec

    rows: list[dict[str, Any]] = [msgspec.json.decode(line) for line in lines]
    rows.sort(key=lambda row: (KINDS.index(row["kind"]), row["window_start"] or "", row["key"] or ""))
    return rows


def _joining(asked: Asked) -> Callable[[Any], Any]:
    """What a worker does with the records of one bucket of ids."""

    def join(table: Any) -> Any:
        import polars as pl

        frame = pl.DataFrame(table).sort(*_ORDER, nulls_last=False, maintain_order=True)
        return _arrow(parts_of(frame, asked, int(frame["bucket"][0])))

    return join


def _measuring(asked: Asked) -> Callable[[Any], Any]:
    """What a worker does with the parts of one row of the answer."""

    def measure(table: Any) -> Any:
        import msgspec

        parts = table.to_pylist()
        row = measured(parts, asked, parts[0]["kind"])
        return pyarrow().table({"row": [msgspec.json.encode(row).decode()]})

    return measure


def _arrow(parts: Sequence[dict[str, Any]]) -> Any:
    pa = pyarrow()
    numbers = pa.list_(pa.float64())
    kinds = {
        "bucket": pa.int32(), "key": pa.string(), "start": pa.int64(), "predictions": numbers, "labels": numbers,
        "changed": pa.int64(), "repeated": pa.int64(), "alone": pa.int64(),
    }  # fmt: skip
    return pa.Table.from_pylist(list(parts), schema=pa.schema(kinds))


def _records(spark: SparkSession, tables: Tables, asked: Asked) -> DataFrame:
    """Predictions and labels below each other, with what orders them."""
    own = () if tables.labels else (asked.label,)
    wanted = tuple(dict.fromkeys([asked.id, asked.prediction, *own, *asked.by]))
    needed = asked.window is not None or tables.span != (None, None)
    reading = _Reading(spark, tables.time)
    predictions = reading.side(tables.predictions, wanted, ("the predictions", 0), timed=needed)
    predictions = _within(predictions, tables.span, asked.prediction)
    if not tables.labels:
        return predictions
    labels = reading.side(tables.labels, (asked.id, asked.label), ("the labels", 1), timed=False)
    return predictions.unionByName(labels, allowMissingColumns=True)


def _within(frame: DataFrame, span: tuple[int | None, int | None], prediction: str) -> DataFrame:
    """Those of the span; a label may come when it likes."""
    since, until = span
    if since is not None:
        frame = frame.where(f"at >= {since} OR `{prediction}` IS NULL")
    if until is not None:
        frame = frame.where(f"at < {until} OR `{prediction}` IS NULL")
    return frame


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads files by their endings.

    Attributes:
        time: the column of moments; None: by its name.
    """

    spark: SparkSession
    time: str | None

    def side(
        self, paths: Sequence[str], names: Sequence[str], whose: tuple[str, int], *, timed: bool
    ) -> DataFrame:
        """The columns that are wanted of some paths, one below the other; the first one names a record."""
        found = [self._one(path, names, (*whose, number), timed=timed) for number, path in enumerate(paths)]
        return reduce(lambda above, below: above.unionByName(below), found)

    def _one(self, path: str, names: Sequence[str], whose: tuple[str, int, int], *, timed: bool) -> DataFrame:
        from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

        frame = read_path(self.spark, path)
        words, side, number = whose
        columns = {name: _wanted(frame, name, words) for name in names}
        columns[names[0]] = columns[names[0]].cast("string")
        columns["at"] = self._moment(frame, timed=timed)
        columns |= {
            "side": F.lit(side), "file": F.lit(number), "path": F.col("_metadata.file_path"),
            "block": F.col("_metadata.file_block_start"), "line": F.monotonically_increasing_id(),
        }  # fmt: skip
        return frame.select(*[column.alias(name) for name, column in columns.items()])

    def _moment(self, frame: DataFrame, *, timed: bool) -> Column:
        """Microseconds, null where there are none: of timestamps, texts in ISO 8601, or numbers by their size."""
        from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

        names = TIMES if self.time is None else (self.time,)
        name = next((name for name in names if name in frame.columns), None)
        if name is None:
            if timed:
                there = ", ".join(frame.columns)
                raise ConfigError(f"--time: say which column of {there} tells when a prediction was made")
            return F.lit(None).cast("bigint")
        if _kind(frame, _named(name)) not in _NUMBERS:
            return F.expr(f"unix_micros(try_cast(`{name}` AS timestamp))")
        size = f"abs(cast(`{name}` AS double))"
        scale = f"CASE WHEN {size} < 1e11 THEN 1e6 WHEN {size} < 1e14 THEN 1e3 ELSE 1e0 END"
        return F.expr(f"cast(cast(`{name}` AS double) * {scale} AS bigint)")


def _wanted(frame: DataFrame, name: str, whose: str) -> Column:
    """A column, or a field within one; as a kind that can be measured.

    Raises:
        ConfigError: it is not there, or holds something else.
    """
    from pyspark.errors import AnalysisException

    column = _named(name)
    if name not in frame.columns:
        from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

        column = F.col(name)
        try:
            _kind(frame, column)
        except AnalysisException:
            raise ConfigError(f"{whose} have no column `{name}`; {nearest(name, frame.columns)}") from None
    kind = _kind(frame, column)
    if kind.startswith("decimal") or kind == "void":
        return column.cast("double")
    if kind not in _NUMBERS and kind not in ("string", "boolean"):
        raise ConfigError(f"`{name}` holds {kind}; expected numbers, texts, or true and false")
    return column


def _named(name: str) -> Column:
    """A column by its name, whatever stands in it."""
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    return F.col(f"`{name}`")


def _kind(frame: DataFrame, column: Column) -> str:
    kind: str = frame.select(column).schema.fields[0].dataType.simpleString()
    return kind


def _refuse(records: DataFrame, asked: Asked) -> None:
    """Say here, before any worker does, what cannot be measured."""
    import polars as pl

    kinds = {"string": pl.String, "boolean": pl.Boolean, "float": pl.Float64, "double": pl.Float64}
    found = {field.name: field.dataType.simpleString() for field in records.schema.fields}
    parts_of(pl.DataFrame(schema={name: kinds.get(kind, pl.Int64) for name, kind in found.items()}), asked, 0)


def _said(error: Exception) -> str:
    """Its first line, without Java's trace."""
    return str(error).strip().partition("\n")[0][:300]
