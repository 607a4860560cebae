"""The process that cuts and decodes blocks of one large file for :mod:`.ahead`.

It runs :func:`main`, and speaks pickles over its own two pipes.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from streamgauge.batch import Batch, Column, Partition
from streamgauge.config.models import StreamConfig
from streamgauge.engines.opening import open_decoder
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.sources.contract import Slice

LONGEST = 1024 * 1024
"""Bytes of a line that ends behind its block; a longer one is left to the plain reader."""

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class Task:
    """What a process works on.

    Attributes:
        path, name: the file, and what its partition is called.
        stream, layout: how its lines are decoded.
        now: the time of reading, and what "too far ahead" is measured by (microseconds).
        blocks: where each of its blocks begins, and how long a block and the file are.
    """

    path: Path
    name: str
    stream: StreamConfig
    layout: Layout
    now: int
    blocks: range
    block: int
    size: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """The lines of one block.

    Attributes:
        end: the byte behind its last line.
        count: how many lines.
        batch: their records, with offsets from 0; None: a plain reader must look at this block.
    """

    end: int
    count: int
    batch: Batch | None


def lines_of(file: IO[bytes], start: int, stop: int) -> tuple[bytes, int] | None:
    r"""The lines that begin at bytes ``start`` to ``stop``, without the last line end, and the byte behind them.

    None where a line is not plainly a record: blank ones (which count only if something follows), ``\r``,
    marks of an encoding, a line that goes far beyond the block.
    """
    before = 1 if start else 0
    file.seek(start - before)
    data = file.read(stop - start + before)
    if before:
        begin = data.find(b"\n") + 1
        if not begin:
            return None
        data = data[begin:]
    elif data.startswith(_MARKS):
        return None
    if not data:
        return b"", stop
    if not data.endswith(b"\n"):
        data += file.readline(LONGEST)
    end = file.tell()
    if not data.endswith(b"\n") and file.read(1):
        return None
    body = data.removesuffix(b"\n")
    if (
        b"\r" in body
        or body.startswith(b"\n")
        or b"\n\n" in data
        or not body[body.rfind(b"\n") + 1 :].strip()
    ):
        return None
    return body, end


def decoded(file: IO[bytes], start: int, stop: int, decoder: Decoder, task: Task) -> Decoded:
    """Cut and decode one block."""
    found = lines_of(file, start, stop)
    if found is None:
        return Decoded(start, 0, None)
    body, end = found
    lines = body.split(b"\n") if body else []
    count = len(lines)
    piece = Slice(
        Partition(task.name),
        np.arange(count, dtype=np.int64),
        np.full(count, task.now, np.int64),
        count,
        lines,
    )
    return Decoded(end, count, decoder.decode(piece, task.now))


def shared(batch: Batch, known: dict[Any, Any]) -> Batch:
    """The batch with equal texts as one object: pickled once, and hashed once by who reads them."""
    if len(known) > _KNOWN:
        known.clear()
    columns: Mapping[str, Column] = {
        name: _shared(column, known) if column.kind == "string" else column
        for name, column in batch.columns.items()
    }
    return replace(batch, columns=columns)


def _shared(column: Column, known: dict[Any, Any]) -> Column:
    texts = column.values()
    return Column("string", values=list(map(known.setdefault, texts, texts)))


def main() -> None:
    """Take a :class:`Task` and answer with a :class:`Decoded` for each of its blocks, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    gc.disable()  # nothing here is cyclic, and there are many objects
    task: Task = pickle.load(sys.stdin.buffer)  # noqa: S301  our own parent wrote it
    decoder, known = open_decoder(task.stream, task.layout), dict[Any, Any]()
    with task.path.open("rb") as file, suppress(BrokenPipeError):  # nobody listens any more
        for start in task.blocks:
            answer = decoded(file, start, min(start + task.block, task.size), decoder, task)
            if answer.batch is not None:
                answer = replace(answer, batch=shared(answer.batch, known))
            pickle.dump(answer, sys.stdout.buffer, protocol=5)
            sys.stdout.buffer.flush()
    os._exit(0)  # a closed pipe is no reason for words at the end
