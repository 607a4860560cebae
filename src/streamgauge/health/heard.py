"""A source that is what a look heard: all of it at once, a moment that passes, and then its end.

A detector that judges whole answers waits until time has passed the last one. In a run it does; here a record without fields
follows a millisecond later. What is judged of that moment is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from streamgauge.batch import Partition
from streamgauge.sources.contract import Poll, Slice, Tail


class Heard:
    """A look as a source; see :class:`streamgauge.sources.contract.Source`. It is read once.

    Args:
        stream: its name, which is its partition's.
        slices: what was heard, in order.
    """

    def __init__(self, stream: str, slices: Sequence[Slice]) -> None:
        self._partition = Partition(stream, 0)
        self._slices = [*slices, *self._passing(slices)]
        self._told = False

    def _passing(self, slices: Sequence[Slice]) -> list[Slice]:
        if not slices:
            return []
        at = max(int(piece.timestamps.max()) for piece in slices) + 1_000
        offset = slices[-1].next_offset
        return [Slice(self._partition, np.array([offset]), np.array([at]), offset + 1, [b"{}"])]

    def open(self, positions: Mapping[Partition, int]) -> None:
        """From the first record."""
        self._told = False

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """Everything, once."""
        if self._told:
            return Poll()
        self._told = True
        ended = frozenset({self._partition})
        return Poll(self._slices, {self._partition: 0}, ended=ended, at_end=ended)

    def tails(self) -> Mapping[Partition, Tail]:
        """Nothing follows."""
        return {}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """All is told at once."""

    def resume(self, partitions: Sequence[Partition]) -> None:
        """All is told at once."""

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody hears of this reading."""

    def describe(self) -> Mapping[str, Any]:
        """What it is."""
        return {"type": "heard", "slices": len(self._slices)}

    def close(self) -> None:
        """Nothing is open."""
