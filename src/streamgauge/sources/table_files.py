"""Files read whole, as a table: for references and comparisons, where no event time and no order count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streamgauge.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import polars as pl

_GUESS = 10_000
"""Rows of a CSV or NDJSON file from which the kinds of its columns are guessed."""


class TableRead(NamedTuple):
    """What was read, and how many lines were no record."""

    frame: pl.DataFrame
    unreadable: int = 0


def read_table(path: Path, names: Sequence[str] | None = None, rows: int | None = None) -> TableRead:
    """The columns of a Parquet, CSV or NDJSON file (CSV and NDJSON also compressed: .gz, .zst).

    Lines of NDJSON that are no JSON object are left out and counted. Fields within objects are columns called by their path, such as ``user.country``.

    Args:
        path: goes by its extension: .parquet, .csv, .ndjson, .jsonl, .json.
        names: these columns only; default: all.
        rows: no more than the first so many.

    Raises:
        SourceError: the file is missing, or cannot be read as what its name says.
        ConfigError: it has no such column.
    """
    import polars as pl

    if not path.is_file():
        raise SourceError(f"{path}: there is no such file")
    unreadable = 0
    try:
        try:
            found = _head(_scan(path), rows)
        except pl.exceptions.PolarsError:
            if _kind(path) != "ndjson":
                raise
            lines, unreadable = _records(path)
            found = _head(pl.read_ndjson(lines, infer_schema_length=_GUESS).lazy(), rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise SourceError(f"{path}: cannot be read as {_kind(path)}: {first}") from error
    if names is None:
        return TableRead(found, unreadable)
    for name in names:
        if name not in found.columns:
            raise ConfigError(f"{path} has no column `{name}`; it has {', '.join(found.columns)}")
    return TableRead(found.select(names), unreadable)


def _head(frame: pl.LazyFrame, rows: int | None) -> pl.DataFrame:
    return _flat((frame if rows is None else frame.head(rows)).collect())


def _records(path: Path) -> tuple[bytes, int]:
    """The lines of a file that are JSON objects, and how many others there are."""
    from streamgauge.sources.file_lines import open_bytes

    good, bad = [], 0
    for line in open_bytes(path, str(path)):
        try:
            is_record = isinstance(msgspec.json.decode(line), dict)
        except msgspec.DecodeError:
            is_record = False
        if is_record:
            good.append(line)
        elif line.strip():
            bad += 1
    return b"\n".join(good), bad


def _scan(path: Path) -> pl.LazyFrame:
    import polars as pl

    match _kind(path):
        case "parquet":
            return pl.scan_parquet(path)
        case "csv":
            return pl.scan_csv(path, infer_schema_length=_GUESS)
        case "ndjson":
            return pl.scan_ndjson(path, infer_schema_length=_GUESS)
        case _:
            raise SourceError(
                f"{path}: expected .parquet, .csv or .ndjson (.jsonl, .json); its name ends otherwise"
            )


def _kind(path: Path) -> str:
    endings = [ending for ending in path.suffixes if ending not in (".gz", ".zst")]
    kinds = {".jsonl": "ndjson", ".json": "ndjson"}
    last = endings[-1].lower() if endings else ""
    return kinds.get(last, last.removeprefix("."))


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Objects taken apart; lists are left out."""
    import polars as pl

    while structs := [name for name, kind in frame.schema.items() if isinstance(kind, pl.Struct)]:
        for name in structs:
            inner = frame[name].struct.unnest()
            inner = inner.rename({field: f"{name}.{field}" for field in inner.columns})
            frame = frame.drop(name).hstack(inner)
    lists = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.drop(lists)
