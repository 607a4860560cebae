"""A checkpoint block: parts of tables as Arrow IPC behind a header with a checksum.

Layout: ``SGCK``, format version (1 byte), CRC-32 of all that follows (4 bytes), length of the header
(4 bytes), the header as JSON, then one Arrow IPC stream per part. Numbers are little-endian. The streams are
not compressed: measured on window states, zstd costs 0.4 ms per 1,000 rows and LZ4 0.2 ms to save a third to
a half of the bytes, where writing them plain takes 0.01 ms and a commit holds a hundred such blocks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamgauge.arrow import numbers, pyarrow
from streamgauge.errors import StoreDamagedError

_MAGIC = b"SGCK"
_FORMAT = 1
_HEAD = struct.Struct("<4sBII")
_ROWS = "\x00rows"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one table.

    Attributes:
        table: the table's name.
        length: how many rows the table has afterwards.
        columns: values by name, of one length.
        rows: int32 rows they belong to; None when they stand in order from ``start``.
        start: the first row where ``rows`` is None.
    """

    table: str
    length: int
    columns: Mapping[str, NDArray[Any]]
    rows: NDArray[np.int32] | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A snapshot, or one entry of its log.

    Attributes:
        shape: the state's shape hash; a block of another shape is not ours.
        version: the state's own version.
        sequence: counts the states of one key; two blocks of one sequence lead to the same state.
        previous: the sequence that a log entry builds on; -1 for a snapshot.
        positions: text of the partition → (next offset, largest time, partial until).
        parts: what it holds.
    """

    shape: str
    version: int
    sequence: int
    previous: int
    positions: Mapping[str, tuple[int, int, int]]
    parts: Sequence[Part]

    @property
    def snapshot(self) -> bool:
        """Whether it stands alone."""
        return self.previous < 0


class _PartHead(msgspec.Struct):
    table: str
    length: int
    start: int
    listed: bool
    size: int


class _BlockHead(msgspec.Struct):
    shape: str
    version: int
    sequence: int
    previous: int
    positions: dict[str, tuple[int, int, int]]
    parts: list[_PartHead]


def encode(block: Block) -> bytes:
    """The block's bytes.

    Raises:
        TypeError: a column is not of a kind that :data:`~streamgauge.state.Table` allows.
    """
    bodies = [_part_bytes(part) for part in block.parts]
    heads = [
        _PartHead(part.table, part.length, part.start, part.rows is not None, len(body))
        for part, body in zip(block.parts, bodies, strict=True)
    ]
    positions = dict(block.positions)
    head = msgspec.json.encode(
        _BlockHead(block.shape, block.version, block.sequence, block.previous, positions, heads)
    )
    rest = struct.pack("<I", len(head)) + head
    checksum = zlib.crc32(rest)
    for body in bodies:
        checksum = zlib.crc32(body, checksum)
    return b"".join((_HEAD.pack(_MAGIC, _FORMAT, checksum, len(head)), head, *bodies))


def decode(data: bytes) -> Block:
    """Read back what :func:`encode` wrote.

    Raises:
        StoreDamagedError: the checksum does not hold, or it is no block of a known format.
    """
    if len(data) < _HEAD.size:
        raise StoreDamagedError(f"the block is cut off after {len(data)} bytes")
    magic, version, checksum, size = _HEAD.unpack_from(data)
    if zlib.crc32(memoryview(data)[_HEAD.size - 4 :]) != checksum:
        raise StoreDamagedError("the block's checksum does not hold")
    if magic != _MAGIC or version != _FORMAT:
        raise StoreDamagedError(f"the block's format is {magic!r} {version}, expected {_MAGIC!r} {_FORMAT}")
    head = msgspec.json.decode(data[_HEAD.size : _HEAD.size + size], type=_BlockHead)
    parts, at = [], _HEAD.size + size
    for part in head.parts:
        parts.append(_read_part(part, memoryview(data)[at : at + part.size]))
        at += part.size
    return Block(head.shape, head.version, head.sequence, head.previous, head.positions, parts)


def _part_bytes(part: Part) -> memoryview:
    pa = pyarrow()
    columns = {name: _to_arrow(part.table, name, column) for name, column in part.columns.items()}
    if part.rows is not None:
        columns[_ROWS] = pa.array(part.rows)
    if not columns:
        return memoryview(b"")
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _to_arrow(table: str, name: str, column: NDArray[Any]) -> Any:
    pa = pyarrow()
    if column.ndim != 1 or column.dtype.kind not in "iufbO":
        raise TypeError(
            f"column {name!r} of table {table!r} is {column.dtype}[{column.ndim}-d]; a state's columns are "
            "1-d arrays of integers, floats, booleans, or objects that are str or None, or bytes or None"
        )
    if column.dtype.kind != "O":
        return pa.array(column)
    first = next((value for value in column if value is not None), None)
    try:
        return pa.array(column, pa.binary() if isinstance(first, bytes) else pa.string())
    except pa.ArrowException as error:
        raise TypeError(
            f"column {name!r} of table {table!r} holds more than str, or bytes, and None: {error}"
        ) from error


def _read_part(head: _PartHead, body: memoryview) -> Part:
    pa = pyarrow()
    columns: dict[str, NDArray[Any]] = {}
    if head.size:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            batch = reader.read_next_batch()
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            columns[name] = _from_arrow(column)
    rows = columns.pop(_ROWS, None) if head.listed else None
    return Part(head.table, head.length, columns, rows, head.start)


def _from_arrow(column: Any) -> NDArray[Any]:
    if str(column.type) not in ("string", "binary"):
        return numbers(column)
    values = np.empty(len(column), object)
    values[:] = column.to_pylist()
    return values
