"""Decodes one large file in processes of their own, block by block in turn, ahead of who counts.

Decoding JSON is the larger half of a replay and holds Python's lock; in processes it takes the other cores.
What comes out is the same, record for record: a block that holds anything but plain lines (blank ones,
carriage returns, a mark of an encoding, a line longer than a block) and all that follows it is read by the
plain reader instead. A process is ended when nobody waits for it any more.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from streamgauge.batch import Batch, Partition
from streamgauge.clock import Clock
from streamgauge.config.models import StreamConfig
from streamgauge.engines.decoding import ahead_process
from streamgauge.engines.decoding.ahead_answers import Answer, receive, send
from streamgauge.engines.decoding.ahead_process import Task
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.errors import ConfigError, SourceError
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.sources.contract import Poll, Slice, Source, Tail
from streamgauge.sources.file_lines import open_lines_at
from streamgauge.sources.finite import FiniteSource

LARGE = 64 * 1024 * 1024
"""Bytes from which on it pays."""

BLOCK = 3 * 1024 * 1024
"""Bytes of a block."""

SUFFIXES = (".ndjson", ".jsonl")

_AHEAD = 12  # blocks that one process may be ahead: so many it decodes while kernels are being loaded


def large(
    paths: Sequence[Path | str], stream: StreamConfig, layout: Layout, clock: Clock
) -> tuple[Source, Decoder] | None:
    """How to read ``paths``, where they are one large plain file of JSON lines and processes are allowed.

    ``STREAMGAUGE_PROCESSES`` says how many (0: none); by default one for each core, at most four.

    Raises:
        ConfigError: that is no number.
    """
    count = _processes()
    if len(paths) != 1 or count < 1 or stream.format.type != "json" or not sys.executable:
        return None
    path = Path(paths[0])
    if path.suffix.lower() not in SUFFIXES or not path.is_file() or path.stat().st_size < LARGE:
        return None
    if any(field.compute is not None for field in stream.fields.values()):
        return None
    return AheadSource(path, stream, layout, clock, count), _Ready(open_decoder(stream, layout))


def _processes() -> int:
    text = os.environ.get("STREAMGAUGE_PROCESSES", "")
    if not text:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(cores, 4) if cores > 1 else 0
    if not text.isdecimal():
        raise ConfigError(
            f"STREAMGAUGE_PROCESSES is {text!r}; expected how many processes may decode, such as 2"
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class DecodedSlice(Slice):
    """A slice that has been decoded already."""

    batch: Batch | None = None


class _Ready:
    """Decodes what has not been decoded."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`."""
        if isinstance(piece, DecodedSlice) and piece.batch is not None:
            return piece.batch
        return self._decoder.decode(piece, now)


class AheadSource:
    """One partition: a file, from its first line on.

    Args:
        path: the file.
        stream, layout: how its lines are decoded.
        clock: gives the records the time of reading, and says what lies too far ahead.
        processes: how many decode.
    """

    def __init__(
        self, path: Path, stream: StreamConfig, layout: Layout, clock: Clock, processes: int
    ) -> None:
        self._path, self._stream, self._layout, self._clock = path, stream, layout, clock
        self._partition = Partition(str(path))
        self._size = path.stat().st_size
        self._count = processes
        self._workers: list[_Worker] = []
        self._done = self._lines = self._end = 0
        self._rest: FiniteSource | None = None
        self._paused = False

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start the processes."""
        about = str(self._path), self._stream.format.model_dump(), self._layout, self._clock.now()
        self._workers = [
            _Worker(Task(*about, number, self._count, BLOCK, self._size)) for number in range(self._count)
        ]

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """The next block, however many records that is.

        Raises:
            SourceError: a process has died.
        """
        if self._rest is not None:
            return self._rest.poll(limit, timeout)
        assigned = {} if self._done else {self._partition: 0}
        if self._paused:
            return Poll()
        answer = self._workers[self._done % self._count].next()
        if not answer.plain:
            self._rest = self._plainly()
            return replace(self._rest.poll(limit, timeout), assigned=assigned)
        batch = answer.batch(self._layout.stream, self._partition, self._lines)
        self._done += 1
        self._lines, self._end = self._lines + answer.count, max(self._end, answer.end)
        ended = self._done * BLOCK >= self._size
        if ended:
            self.close()
        piece = DecodedSlice(self._partition, batch.offsets, batch.times, self._lines, batch=batch)
        return Poll([piece], assigned, ended=frozenset({self._partition} if ended else ()))

    def tails(self) -> Mapping[Partition, Tail]:
        """None: a replay does not ask."""
        return {}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Wait; the processes go on until they are some blocks ahead."""
        self._paused = self._paused or self._partition in partitions
        if self._rest is not None:
            self._rest.pause(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read on."""
        self._paused = self._paused and self._partition not in partitions
        if self._rest is not None:
            self._rest.resume(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody else looks at the positions of a file."""

    def describe(self) -> Mapping[str, Any]:
        """What it reads, and with how many processes."""
        return {"type": "files", "path": [str(self._path)], "start": "first record", "processes": self._count}

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()
        self._workers = []
        if self._rest is not None:
            self._rest.close()

    def _plainly(self) -> FiniteSource:
        """Reads on from where the processes came to, by the plain reader."""
        self.close()
        opener = partial(open_lines_at, self._path, self._partition.name, self._end)
        source = FiniteSource({self._partition: opener}, self._clock, self.describe())
        source.open({self._partition: self._lines})
        return source


class _Worker:
    """One process, with a thread that takes its answers off the pipe so that it can go on."""

    def __init__(self, task: Task) -> None:
        self._name = task.path
        command = [sys.executable, "-c", f"from {ahead_process.__name__} import main; main()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._answers: queue.Queue[Answer | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._talk, args=(task,), daemon=True)
        self._thread.start()

    def next(self) -> Answer:
        """The answer for its next block.

        Raises:
            SourceError: the process has died.
        """
        answer = self._answers.get()
        if answer is None:
            raise SourceError(
                f"a process that decodes {self._name} ended by itself (exit code {self._process.wait()}); where it "
                "said why, it stands above. STREAMGAUGE_PROCESSES=0 decodes without processes"
            )
        return answer

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        while self._thread.is_alive():
            with suppress(queue.Empty):  # it may wait for room
                self._answers.get(timeout=0.01)
        self._process.wait()

    def _talk(self, task: Task) -> None:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            with suppress(OSError, EOFError), asked, answers:
                send(asked, task)
                for _ in task.blocks:
                    self._answers.put(receive(answers, Answer))
        finally:
            self._answers.put(None)  # whatever happened: nobody waits for ever
