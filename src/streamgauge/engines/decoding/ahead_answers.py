"""What a decoding process answers, as bytes: MessagePack with the columns' own buffers in it."""

from __future__ import annotations

import struct
from typing import IO, Any

import msgspec
import numpy as np

from streamgauge.batch import BadRecord, Batch, Coded, Column, FieldKind, Partition

_EXACT = 2**53
"""Integers below have a number of their own among floats."""

_LENGTH = struct.Struct("<Q")


class Texts(msgspec.Struct):
    """A column of texts: each once, and which one stands in each row (int32)."""

    known: list[str | None]
    codes: bytes

    def column(self) -> Column:
        """As it was, still coded."""
        return Coded(self.known, np.frombuffer(self.codes, np.int32))


class Plain(msgspec.Struct):
    """A column of anything else: float64 numbers, or values."""

    kind: FieldKind
    numbers: bytes | None
    values: list[Any] | None

    def column(self) -> Column:
        """As it was."""
        if self.numbers is not None:
            return Column(self.kind, numbers=np.frombuffer(self.numbers, np.float64))
        return Column(self.kind, values=self.values)


class Bad(msgspec.Struct):
    """A bad record, its offset counted from 0 in its block."""

    offset: int
    reason: str
    payload: bytes | None
    at: int
    truncated: bool


class Answer(msgspec.Struct):
    """The lines of one block.

    Attributes:
        plain: False: a line is not plainly a record, and the plain reader must look at this block.
        end: the byte behind its last line.
        count: how many lines.
        offsets, times: int64 each, of the good records; offsets count from 0.
        names: the columns in their order.
        texts, others: the columns.
        bad: the others.
    """

    plain: bool
    end: int = 0
    count: int = 0
    offsets: bytes = b""
    times: bytes = b""
    names: list[str] = msgspec.field(default_factory=list)
    texts: dict[str, Texts] = msgspec.field(default_factory=dict)
    others: dict[str, Plain] = msgspec.field(default_factory=dict)
    bad: list[Bad] = msgspec.field(default_factory=list)

    def batch(self, stream: str, partition: Partition, first: int) -> Batch:
        """As a batch whose first line has offset ``first``."""
        columns = {
            name: self.texts[name].column() if name in self.texts else self.others[name].column()
            for name in self.names
        }
        return Batch(
            stream,
            partition,
            np.frombuffer(self.offsets, np.int64) + first,
            np.frombuffer(self.times, np.int64),
            columns,
            first + self.count,
            tuple(
                BadRecord(partition, first + bad.offset, bad.reason, bad.payload, bad.at, bad.truncated)
                for bad in self.bad
            ),
        )


def answer(batch: Batch, end: int) -> Answer:
    """A decoded block."""
    columns = batch.columns
    return Answer(
        plain=True,
        end=end,
        count=batch.next_offset,
        offsets=batch.offsets.tobytes(),
        times=batch.times.tobytes(),
        names=list(columns),
        texts={name: _texts(column) for name, column in columns.items() if column.kind == "string"},
        others={name: _plain(column) for name, column in columns.items() if column.kind != "string"},
        bad=[Bad(bad.offset, bad.reason, bad.payload, bad.at, bad.truncated) for bad in batch.bad],
    )


class _Codes(dict[str | None, int]):
    """Numbers texts in the order in which they are first asked for."""

    def __missing__(self, text: str | None) -> int:
        self[text] = code = len(self)
        return code


def _texts(column: Column) -> Texts:
    values, codes = column.values(), _Codes()
    found = np.fromiter(map(codes.__getitem__, values), np.int32, len(values))
    return Texts(list(codes), found.tobytes())


def _plain(column: Column) -> Plain:
    """As numbers wherever these say the same."""
    kind: Any = column.kind
    if column.is_numeric:
        return Plain(kind, column.numbers().tobytes(), None)
    values = column.values()
    if kind in ("int", "bool"):
        numbers = column.numbers()
        if np.abs(numbers).max(initial=0, where=~np.isnan(numbers)) < _EXACT:
            return Plain(kind, numbers.tobytes(), None)
    return Plain(kind, None, values)


def send(pipe: IO[bytes], message: Any) -> None:
    """Write one message."""
    data = msgspec.msgpack.encode(message)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes], kind: Any) -> Any:
    """Read one message of ``kind``.

    Raises:
        EOFError: there is none, or half of one.
    """
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(pipe, length), type=kind)


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
