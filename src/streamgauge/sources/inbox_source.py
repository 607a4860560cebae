"""Reads the store's inbox: what came from something that cannot be asked again, until it is counted.

Used by sources whose records are handed to this process (:mod:`.http`) or fetched by it (:mod:`.polling`). One
partition, called as the stream; offsets in the order in which records were committed to the inbox.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import SourceError, StoreError
from streamgauge.sources.contract import Poll, Slice, Tail

if TYPE_CHECKING:
    from streamgauge.stores.inbox import Chunk, Inbox

_LOOK = 0.005
"""Seconds between two looks into the inbox."""
_TIDY = 1.0
"""Seconds between two removals of what is counted."""


class InboxSource:
    """Reads the inbox. Whoever puts something in is another thread, or was another process."""

    def __init__(self, stream: str, clock: Clock, inbox: Inbox) -> None:
        """``inbox`` is ours alone, and closed with us."""
        self._stream = stream
        self._clock = clock
        self._inbox = inbox
        self._partition = Partition(stream, 0)
        self._position = 0
        self._assigned: dict[Partition, int] = {}
        self._gap: tuple[int, int] | None = None
        self._tail: Tail | None = None
        self._paused = False
        self._tidied_at = float("-inf")
        self._tidied = 0

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start at the position, else at the oldest record.

        Raises:
            StoreError: the store cannot be read.
        """
        start, _ = self._inbox.span(self._stream)
        self._position = positions.get(self._partition, start)
        self._assigned = {self._partition: self._position}
        self._gap, self._tail, self._paused = None, None, False

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """The next records; waits for the first up to ``timeout``.

        Raises:
            SourceError: the store cannot be read.
        """
        assigned, self._assigned = self._assigned, {}
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            slices, at_end = self._look(limit)
            gaps = {} if self._gap is None else {self._partition: self._gap}
            self._gap = None
            if slices or assigned or gaps or time.monotonic() >= deadline:
                ends = frozenset({self._partition}) if at_end else frozenset()
                return Poll(slices, assigned, gaps=gaps, at_end=ends)
            time.sleep(_LOOK)

    def _look(self, limit: int) -> tuple[list[Slice], bool]:
        asked_at = self._clock.monotonic()
        try:
            start, end = self._inbox.span(self._stream)
            if start > self._position:
                self._gap = (self._position, start)
                self._position = start
            chunks = [] if self._paused or end <= self._position else self._read(limit)
        except StoreError as error:
            raise SourceError(f"stream {self._stream!r}: its inbox cannot be read: {error}") from error
        answered_at = self._clock.monotonic()
        self._tail = Tail(end, open_transaction=False, asked_at=asked_at, answered_at=answered_at)
        slices = [self._slice(chunk) for chunk in chunks]
        return slices, self._position >= end

    def _read(self, limit: int) -> list[Chunk]:
        left, found = limit, []
        for chunk in self._inbox.read(self._stream, self._position, limit):
            found.append(_first(chunk, left))
            left -= len(chunk.records)
        return found

    def _slice(self, chunk: Chunk) -> Slice:
        count = len(chunk.records)
        self._position = chunk.first + count
        return Slice(
            self._partition,
            np.arange(chunk.first, chunk.first + count, dtype=np.int64),
            np.full(count, chunk.received_at, np.int64),
            self._position,
            chunk.records,
        )

    def tails(self) -> Mapping[Partition, Tail]:
        """The end of the inbox at the last look."""
        return {} if self._tail is None else {self._partition: self._tail}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Read nothing until resumed; requests are still taken."""
        self._paused = self._paused or self._partition in partitions

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read again."""
        self._paused = self._paused and self._partition not in partitions

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Remove what is counted; if the store is busy, the next time."""
        counted, now = positions.get(self._partition, 0), self._clock.monotonic()
        if counted > self._tidied and now - self._tidied_at >= _TIDY:
            self._tidied_at = now
            with suppress(StoreError):
                self._inbox.forget(self._stream, counted)
                self._tidied = counted

    def describe(self) -> Mapping[str, Any]:
        """Where it starts; who fills the inbox says more."""
        return {"start": "oldest record"}

    def close(self) -> None:
        """Let go of the inbox."""
        self._inbox.close()


def _first(chunk: Chunk, limit: int) -> Chunk:
    """At most ``limit`` records of a chunk, at least one."""
    return replace(chunk, records=chunk.records[: max(1, limit)])
