"""A source without an end, read to the end that it had at the beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Poll, Source, Tail

WAIT = timedelta(milliseconds=200)
PATIENCE = 30.0
"""Seconds until partitions must be ours."""


class UntilEnd:
    """Passes on what ``source`` reads until each partition has come to where it ended when it was first asked for.

    A few records beyond may come with the last ones.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._ends: dict[Partition, int] = {}
        self._at: dict[Partition, int] = {}
        self._ended: set[Partition] = set()

    def open(self, positions: Mapping[Partition, int]) -> None:
        """As the source does."""
        self._source.open(positions)

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """What the source has, with the partitions that have come to their end; waits a little for it."""
        poll = self._source.poll(limit, max(timeout, WAIT))
        deadline = self._clock.monotonic() + PATIENCE
        while not self._at and not poll.assigned:
            if self._clock.monotonic() > deadline:
                where = self._source.describe()
                raise SourceError(
                    f"no partition could be read within {PATIENCE:g} s: {where.get('trouble') or where}"
                )
            poll = self._source.poll(limit, WAIT)
        self._at |= poll.assigned
        for piece in poll.slices:
            self._at[piece.partition] = piece.next_offset
        for partition, tail in self._source.tails().items():
            self._ends.setdefault(partition, tail.end_offset)
        come = {
            partition
            for partition, at in self._at.items()
            if partition in self._ends and (at >= self._ends[partition] or partition in poll.at_end)
        }
        fresh = frozenset(come - self._ended) | poll.ended
        self._ended |= fresh
        slices = [piece for piece in poll.slices if piece.partition not in self._ended - fresh]
        return replace(poll, slices=slices, ended=fresh)

    def tails(self) -> Mapping[Partition, Tail]:
        """As the source knows them."""
        return self._source.tails()

    def pause(self, partitions: Sequence[Partition]) -> None:
        """As the source does."""
        self._source.pause(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """As the source does."""
        self._source.resume(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody hears of this reading."""

    def describe(self) -> Mapping[str, Any]:
        """As the source does."""
        return self._source.describe()

    def close(self) -> None:
        """As the source does."""
        self._source.close()
