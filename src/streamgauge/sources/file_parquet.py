"""Parquet files, read by row groups in batches; rows before the start are skipped by whole groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgauge.errors import SourceError
from streamgauge.sources.file_lines import unreadable
from streamgauge.sources.finite import shrunk
from streamgauge.sources.frames import FrameReader

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 8192


def open_parquet(path: Path, name: str, position: int) -> FrameReader:
    """Open a Parquet file at row ``position``.

    Raises:
        SourceError: it cannot be read, is no Parquet file, or has fewer rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(str(path))
    except (OSError, pa.ArrowException) as error:
        raise unreadable(name, error) from error
    if position > file.metadata.num_rows:
        raise shrunk(name, position, file.metadata.num_rows)
    return FrameReader(_frames(file, name, position))


def _frames(file: Any, name: str, position: int) -> Iterator[pl.DataFrame]:
    import polars as pl
    import pyarrow as pa

    first, before = _group_of(file.metadata, position)
    groups = list(range(first, file.metadata.num_row_groups))
    if not groups:
        return
    behind = position - before
    try:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=groups):
            frame = pl.DataFrame(pa.Table.from_batches([batch]))
            yield frame.slice(behind)
            behind = max(0, behind - frame.height)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{name} cannot be read to its end: {error}; it is damaged") from error
    finally:
        file.close()


def _group_of(metadata: Any, position: int) -> tuple[int, int]:
    """The row group that holds a row, and the rows before that group."""
    before = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if before + rows > position:
            return group, before
        before += rows
    return metadata.num_row_groups, before
