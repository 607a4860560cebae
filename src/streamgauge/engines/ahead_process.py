"""The process that cuts and decodes blocks of one large file for :mod:`.ahead`.

It runs :func:`main`, and speaks over its own two pipes.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from streamgauge.batch import Partition
from streamgauge.engines.ahead_answers import Answer, answer, receive, send
from streamgauge.formats import json
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.sources.contract import Slice

LONGEST = 1024 * 1024
"""Bytes of a line that ends behind its block; a longer one is left to the plain reader."""

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Task:
    """What a process works on.

    Attributes:
        path: the file.
        format, layout: how its lines are decoded (``format: json``).
        now: the time of reading, and what "too far ahead" is measured by (microseconds).
        first, step: the number of its first block, and how many it goes on by.
        block, size: bytes of a block, and of the file.
    """

    path: str
    format: dict[str, Any]
    layout: Layout
    now: int
    first: int
    step: int
    block: int
    size: int

    @property
    def blocks(self) -> range:
        """Where its blocks begin."""
        return range(self.first * self.block, self.size, self.step * self.block)

    def decoder(self) -> Decoder:
        """Decodes its lines."""
        return json.open_format(json.Config.model_validate(self.format), self.layout)


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


def decoded(file: IO[bytes], start: int, decoder: Decoder, task: Task) -> Answer:
    """Cut and decode one block."""
    found = lines_of(file, start, min(start + task.block, task.size))
    if found is None:
        return Answer(plain=False)
    body, end = found
    lines = body.split(b"\n") if body else []
    count = len(lines)
    offsets, stamps = np.arange(count, dtype=np.int64), np.full(count, task.now, np.int64)
    piece = Slice(Partition(task.path), offsets, stamps, count, lines)
    return answer(decoder.decode(piece, task.now), end)


def main() -> None:
    """Take a :class:`Task` and send an :class:`Answer` for each of its blocks, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    gc.disable()  # nothing here is cyclic, and there are many objects
    task: Task = receive(sys.stdin.buffer, Task)
    decoder = task.decoder()
    with Path(task.path).open("rb") as file, suppress(BrokenPipeError):  # nobody listens any more
        for start in task.blocks:
            send(sys.stdout.buffer, decoded(file, start, decoder, task))
    os._exit(0)  # a closed pipe is no reason for words at the end
