"""Window results, and what was judged of them, as compressed columns: appended with each commit, joined by and by, dropped when old.

A commit brings a few rows per monitor. Each :data:`JOINED` such blocks in a row become one, so that a day of
results is some thousand blocks and not a hundred thousand. Blocks that are large already stay as they are:
with many keys, joining those would be the largest thing that the process ever holds in memory.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select

from streamgauge.arrow import pyarrow
from streamgauge.batch import Column
from streamgauge.clock import to_micros
from streamgauge.stores import partitions
from streamgauge.stores.contract import HistoryBlock
from streamgauge.stores.schema import history

if TYPE_CHECKING:
    import polars as pl

JOINED = 64
LARGE = 2_000
"""Rows; a block of so many is never joined."""
AT_ONCE = 100_000
"""Rows that are decoded before those that are not wanted are let go of."""

_MARK = b"\xff\xff\xff\xff"
"""Before each message of an Arrow IPC stream; then its length in four bytes, the message, and the columns' bytes."""
_END = _MARK + bytes(4)
_PREFIX = 8


def encode(columns: Mapping[str, Any]) -> tuple[int, bytes]:
    """How many rows, and the columns as one Arrow IPC stream."""
    pa = pyarrow()
    arrays = {name: _to_arrow(column) for name, column in columns.items()}
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return batch.num_rows, sink.getvalue().to_pybytes()


def decode(blocks: Iterable[bytes]) -> pl.DataFrame:
    """The rows of several blocks; a column that a block lacks is null there."""
    import polars as pl

    frames = [pl.read_ipc_stream(data) for data in _strung(blocks)]
    # In one piece: over a thousand small ones whatever is asked of it takes three times as long.
    return pl.concat(frames, how="diagonal_relaxed").rechunk() if frames else pl.DataFrame()


def _strung(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Streams, each of one schema, of neighbouring blocks that have it.

    A thousand small streams take twice as long to read as one of a thousand batches. What a stream begins with, its schema,
    is equal byte by byte where one program wrote it; what follows up to the mark of its end can be strung together.
    """
    head, parts = b"", list[bytes]()
    for data in blocks:
        size = _PREFIX + int.from_bytes(data[_PREFIX - 4 : _PREFIX], "little")
        if not (data.startswith(_MARK) and data.endswith(_END)):
            size = len(data)  # of another form: as it is
        if parts and (data[:size] != head or size == len(data)):
            yield b"".join((*parts, _END))
            parts = []
        if size == len(data):
            yield data
            continue
        if not parts:
            head = data[:size]
            parts.append(head)
        parts.append(data[size : -len(_END)])
    if parts:
        yield b"".join((*parts, _END))


def read(
    connection: Connection,
    table: Table,
    monitor: str,
    start: int | None,
    end: int | None,
    key: str | None = None,
) -> pl.DataFrame:
    """The rows of ``monitor`` in ``table`` with ``start <= window_end < end``, in the order in which they came.

    ``key``: only those of this key text. Some blocks at a time, so that a day of many keys is never held at once.
    """
    import polars as pl

    query = select(table.c.rows, table.c.data).where(table.c.monitor == monitor).order_by(table.c.sequence)
    query = query.where(*partitions.wanted(connection, table, monitor))
    wanted: list[pl.Expr] = []
    if start is not None:
        query = query.where(table.c.last_end >= start)
        wanted.append(pl.col("window_end") >= start)
    if end is not None:
        query = query.where(table.c.first_end < end)
        wanted.append(pl.col("window_end") < end)
    if key is not None:
        wanted.append(pl.col("key") == key)
    parts = (decode(blocks) for blocks in _some_at_a_time(connection.execute(query)))
    frames = [part.filter(wanted) if wanted else part for part in parts]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _some_at_a_time(blocks: Iterable[Row[Any]]) -> Iterator[list[bytes]]:
    """Blocks in their order, together about :data:`AT_ONCE` rows: what is asked of each part costs as much as of one block."""
    some: list[bytes] = []
    count = 0
    for block in blocks:
        some.append(block.data)
        count += block.rows
        if count >= AT_ONCE:
            yield some
            some, count = [], 0
    if some:
        yield some


class History:
    """Appends blocks to one table; knows how many small ones each monitor has there."""

    def __init__(self, keep: timedelta, table: Table = history) -> None:
        self._table = table
        self._keep = keep
        self._small: Counter[str] = Counter()
        self._owed = True
        """Whether parts of the table may be there that nobody wants."""

    def write(self, connection: Connection, blocks: Sequence[HistoryBlock]) -> Counter[str]:
        """Append ``blocks``; what to give :meth:`accept` once the transaction has succeeded."""
        if not blocks:
            return self._small
        encoded: dict[int, tuple[int, bytes]] = {}  # monitors that share a window share their columns
        for block in blocks:
            if id(block.columns) not in encoded:
                encoded[id(block.columns)] = encode(block.columns)
        divided = partitions.divided(connection)
        if divided and partitions.make(
            connection, self._table, (block.last_end for block in blocks), self._keep
        ):
            self._owed = True
        connection.execute(insert(self._table), [_row(block, encoded[id(block.columns)]) for block in blocks])
        small = self._small.copy()
        newest: dict[str, int] = {}
        for block in blocks:
            large = encoded[id(block.columns)][0] >= LARGE
            small[block.monitor] = 0 if large else small[block.monitor] + 1  # joined ones lie side by side
            newest[block.monitor] = max(block.last_end, newest.get(block.monitor, block.last_end))
        joined: dict[tuple[bytes, ...], bytes] = {}
        for monitor in sorted(newest):
            if small[monitor] >= JOINED:
                _join(connection, self._table, (monitor, small.pop(monitor)), joined)
        if not divided:
            self._forget(connection, newest)
        elif self._owed:
            self._owed = not partitions.drop(connection, self._table, self._keep)
        return small

    def accept(self, small: Counter[str]) -> None:
        """The transaction has succeeded."""
        self._small = small

    def _forget(self, connection: Connection, newest: Mapping[str, int]) -> None:
        """What is older than is kept, seen from the newest end that each monitor has just written."""
        table = self._table
        mine = (table.c.monitor == bindparam("whose"), table.c.last_end < bindparam("before"))
        bounds = [
            {"whose": monitor, "before": end - to_micros(self._keep)} for monitor, end in newest.items()
        ]
        connection.execute(delete(table).where(*mine), bounds)


def _join(
    connection: Connection, table: Table, newest_of: tuple[str, int], known: dict[tuple[bytes, ...], bytes]
) -> None:
    """Make one block of the newest so many of a monitor.

    ``known``: what was joined in this commit; monitors that share a window have the same blocks.
    """
    monitor, count = newest_of
    query = select(table).where(table.c.monitor == monitor)
    newest = connection.execute(query.order_by(table.c.sequence.desc()).limit(count)).all()[::-1]
    blocks = tuple(row.data for row in newest)
    if blocks not in known:
        sink = io.BytesIO()
        decode(blocks).write_ipc_stream(sink, compression="zstd")
        known[blocks] = sink.getvalue()
    these = table.c.sequence.in_([row.sequence for row in newest])
    connection.execute(delete(table).where(these, table.c.last_end >= min(row.last_end for row in newest)))
    connection.execute(insert(table).values(_joined_row(monitor, newest, known[blocks])))


def _joined_row(monitor: str, blocks: Sequence[Row[Any]], data: bytes) -> dict[str, Any]:
    return {
        "monitor": monitor,
        "first_end": min(block.first_end for block in blocks),
        "last_end": max(block.last_end for block in blocks),
        "rows": sum(block.rows for block in blocks),
        "data": data,
    }


def _row(block: HistoryBlock, encoded: tuple[int, bytes]) -> dict[str, Any]:
    count, data = encoded
    bounds = {"first_end": block.first_end, "last_end": block.last_end}
    return {"monitor": block.monitor, **bounds, "rows": count, "data": data}


def _to_arrow(column: Any) -> Any:
    pa = pyarrow()
    if not isinstance(column, Column):
        return pa.array(column)
    if column.kind == "float":
        return pa.array(column.numbers(), from_pandas=True)  # NaN is missing
    if column.kind in ("list", "map"):  # as text: one column holds maps of many shapes
        texts = [None if v is None else msgspec.json.encode(v).decode() for v in column.values()]
        return pa.array(texts, pa.string())
    kinds = {"string": pa.string(), "int": pa.int64(), "timestamp": pa.int64(), "bool": pa.bool_()}
    return pa.array(column.values(), kinds[column.kind])
