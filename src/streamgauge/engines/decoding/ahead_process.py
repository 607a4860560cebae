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
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from streamgauge import arrow, standard_output
from streamgauge.batch import Partition
from streamgauge.engines.decoding.ahead_answers import Answer, answer, receive, send
from streamgauge.formats import json
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.formats.json_lines import Lines
from streamgauge.sources.contract import Slice

LONGEST = 1024 * 1024
"""Bytes of a line that ends behind its block; a longer one is left to the plain reader."""

_NEWLINE = 0x0A
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


class Blocks:
    """Cuts lines out of one file into a buffer that is used again for each block.

    Args:
        file: stands anywhere.
        size: bytes of the largest block.
    """

    def __init__(self, file: BufferedReader, size: int) -> None:
        self._file = file
        self._buffer = bytearray(1 + size + LONGEST)
        self._is_end = np.empty(len(self._buffer), np.bool_)

    def lines(self, start: int, stop: int) -> tuple[Lines, int] | None:
        r"""The lines that begin at bytes ``start`` to ``stop``, and the byte behind the last; until the next call.

        None where a line is not plainly a record: blank ones (which count only if something follows), ``\r``,
        marks of an encoding, a line that goes far beyond the block.
        """
        buffer, first = self._buffer, max(start - 1, 0)
        self._file.seek(first)
        end = self._file.readinto(memoryview(buffer)[: stop - first])
        begin = 0
        if start:
            begin = buffer.find(b"\n", 0, end) + 1
            if not begin:
                return None
        elif buffer.startswith(_MARKS, 0, end):
            return None
        if begin == end:
            return Lines(memoryview(b""), np.empty(0, np.int64)), stop
        if buffer[end - 1] != _NEWLINE:
            tail = self._file.readline(LONGEST)
            if not tail.endswith(b"\n") and self._file.read(1):
                return None
            buffer[end : end + len(tail)] = tail
            end += len(tail)
        lines = self._plain(begin, end - (buffer[end - 1] == _NEWLINE))
        return None if lines is None else (lines, first + end)

    def _plain(self, begin: int, end: int) -> Lines | None:
        """What stands between two places of the buffer as lines, unless there is anything but plain ones."""
        if begin == end or self._buffer.find(b"\r", begin, end) >= 0:
            return None
        data = memoryview(self._buffer)[begin:end]
        found = np.equal(np.frombuffer(data, np.uint8), _NEWLINE, out=self._is_end[: len(data)])
        lines = Lines(data, np.flatnonzero(found))
        return lines if lines.plain else None


def decoded(blocks: Blocks, start: int, decoder: Decoder, task: Task) -> Answer:
    """Cut and decode one block."""
    found = blocks.lines(start, min(start + task.block, task.size))
    if found is None:
        return Answer(plain=False)
    lines, end = found
    count = len(lines)
    offsets, stamps = np.arange(count, dtype=np.int64), np.full(count, task.now, np.int64)
    piece = Slice(Partition(task.path), offsets, stamps, count, lines)
    return answer(decoder.decode(piece, task.now), end)


def main() -> None:
    """Take a :class:`Task` and send an :class:`Answer` for each of its blocks, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    arrow.in_our_process()
    gc.disable()  # nothing here is cyclic, and there are many objects
    task: Task = receive(sys.stdin.buffer, Task)
    decoder = task.decoder()
    answers = standard_output.as_bytes()
    with Path(task.path).open("rb") as file, suppress(BrokenPipeError):  # nobody listens any more
        blocks = Blocks(file, task.block)
        for start in task.blocks:
            send(answers, decoded(blocks, start, decoder, task))
    os._exit(0)  # a closed pipe is no reason for words at the end
