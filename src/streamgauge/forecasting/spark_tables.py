"""Tables that Spark reads, wherever it can: by the ending of their path."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from streamgauge.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PACKED: Final = frozenset({".gz", ".zst", ".bz2", ".snappy"})


def read_path(spark: SparkSession, path: str) -> DataFrame:
    """A file, a folder or a pattern; a path without an ending is a folder of Parquet.

    Raises:
        SourceError: another ending.
    """
    endings = [ending for ending in PurePosixPath(path).suffixes if ending not in _PACKED]
    match endings[-1].lower() if endings else ".parquet":
        case ".parquet":
            return spark.read.parquet(path)
        case ".csv":
            return spark.read.csv(path, header=True, inferSchema=True)
        case ".ndjson" | ".jsonl" | ".json":
            return spark.read.json(path, mode="DROPMALFORMED")
        case _:
            raise SourceError(f"{path}: expected .parquet, .csv or .ndjson (.jsonl, .json)")


def order_of_records() -> dict[str, Any]:
    """Columns by name that put the records of files into the order in which they stand there."""
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    return {
        "path": F.col("_metadata.file_path"),
        "block": F.col("_metadata.file_block_start"),
        "line": F.monotonically_increasing_id(),
    }


def said(error: Exception) -> str:
    """The line of Spark's long text that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error:" in line or "Exception:" in line]
    return (told or lines or [type(error).__name__])[-1 if told else 0][:500]
