"""A source that ends: several partitions, each read in bounded pieces by its own reader.

Files and frames are read through this. What is new for another finite source is only its reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Poll, Slice, Tail

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Piece:
    """The next records of one partition, numbered on from the last piece.

    Attributes:
        count: how many; 0 only at the end.
        payloads: their bytes, or None when ``frame`` holds them.
        frame: one row per record.
        unreadable: as in :class:`~streamgauge.sources.contract.Slice`.
        ended: whether nothing follows; may also turn out with the next, empty piece.
    """

    count: int
    payloads: Sequence[bytes] | None = None
    frame: pl.DataFrame | None = None
    unreadable: Mapping[int, tuple[str, bytes | None]] = field(default_factory=dict)
    ended: bool = False


class Reader(Protocol):
    """Reads one partition from front to back, holding no more than a piece of it."""

    def read(self, limit: int) -> Piece:
        """At most ``limit`` records, at least one unless the end is reached.

        Raises:
            SourceError: when it cannot go on.
        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


Opener: TypeAlias = Callable[[int], Reader]
"""Opens a partition at a record number.

Raises:
    SourceError: when it cannot be read, or has fewer records.
"""


class FiniteSource:
    """Reads partitions side by side, an equal share of each poll for each that is not paused.

    Offsets are record numbers from 0. Timestamps are the time of reading: one for all records of a poll.
    """

    def __init__(self, openers: Mapping[Partition, Opener], clock: Clock, about: Mapping[str, Any]) -> None:
        """Nothing is opened yet.

        Args:
            openers: how to open each partition.
            clock: gives the records their timestamps.
            about: what :meth:`describe` says.
        """
        self._openers = dict(sorted(openers.items()))
        self._clock = clock
        self._about = dict(about)
        self._readers: dict[Partition, Reader] = {}
        self._positions: dict[Partition, int] = {}
        self._assigned: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._tails: dict[Partition, Tail] = {}
        self._turn = 0

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start at ``positions``, else at the first record."""
        self._positions = {partition: positions.get(partition, 0) for partition in self._openers}
        self._assigned = dict(self._positions)

    def poll(self, limit: int, timeout: timedelta) -> Poll:  # a finite source never waits
        """The next records; nothing when all partitions have ended or are paused."""
        assigned, self._assigned = self._assigned, {}
        active = [p for p in self._positions if p not in self._tails and p not in self._paused]
        slices: list[Slice] = []
        ended: set[Partition] = set()
        left = limit
        share = max(1, limit // max(1, len(active)))
        first = self._turn % max(1, len(active))
        for partition in active[first:] + active[:first]:
            if left <= 0:
                break
            self._turn += 1
            piece = self._read(partition, min(share, left))
            left -= piece.count
            if piece.count:
                slices.append(self._slice(partition, piece))
            if piece.ended:
                ended.add(partition)
                self._end(partition)
        return Poll(slices, assigned, ended=frozenset(ended))

    def _read(self, partition: Partition, limit: int) -> Piece:
        if partition not in self._readers:
            self._readers[partition] = self._openers[partition](self._positions[partition])
        return self._readers[partition].read(limit)

    def _slice(self, partition: Partition, piece: Piece) -> Slice:
        start = self._positions[partition]
        self._positions[partition] = start + piece.count
        return Slice(
            partition,
            np.arange(start, start + piece.count, dtype=np.int64),
            np.full(piece.count, self._clock.now(), np.int64),
            start + piece.count,
            piece.payloads,
            piece.frame,
            unreadable=piece.unreadable,
        )

    def _end(self, partition: Partition) -> None:
        self._readers.pop(partition).close()
        now = self._clock.monotonic()
        self._tails[partition] = Tail(
            self._positions[partition], open_transaction=False, asked_at=now, answered_at=now
        )

    def tails(self) -> Mapping[Partition, Tail]:
        """The ends of the partitions that have ended; where the others end is not known before."""
        return dict(self._tails)

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Leave these out of the following polls."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody else looks at the positions of a file."""

    def describe(self) -> Mapping[str, Any]:
        """What it reads and where it starts."""
        return {**self._about, "partitions": len(self._openers)}

    def close(self) -> None:
        """Close what is open."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()


def skip(reader: Reader, count: int, name: str) -> None:
    """Read on without using it, where there is no faster way to record ``count``.

    Raises:
        SourceError: when there are fewer records than were read before.
    """
    left = count
    while left > 0:
        piece = reader.read(min(left, 4096))
        left -= piece.count
        if piece.ended and left > 0:
            raise shrunk(name, count, count - left)


def shrunk(name: str, position: int, have: int) -> SourceError:
    """The error for a partition with fewer records than were read of it before."""
    return SourceError(
        f"{name} was read up to record {position} before, but has only {have} now; "
        f"it was cut or replaced. Give the new file another name, or start with a new store"
    )
