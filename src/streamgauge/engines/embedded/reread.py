"""What is read again after a damage: states are built up by it, and nobody is told of it a second time.

When a block of a state is damaged, reading starts again at the last good one. All that lies between there and
the last commit was judged, kept and told before. So until every partition has come to where the commit had left
it, nothing that is found goes anywhere, nothing is committed, and what is read beyond that waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from streamgauge.batch import Batch, BoolArray, IntArray, Partition
from streamgauge.engines.embedded.intake import Taken

Ends = Mapping[str, Mapping[Partition, int]]
"""By stream and partition, an offset."""

PATIENCE = 60.0
"""Seconds without a record that is read again after which the rest of them is given up."""

MOST_WAITING = 1_000_000
"""Records that may wait meanwhile."""


class Rereading:
    """One way from older states back to the last commit.

    Args:
        starts: where reading starts.
        ends: where the last commit had left off, of all partitions.
        at: monotonic seconds.

    Attributes:
        waiting: records that wait.
    """

    def __init__(self, starts: Ends, ends: Ends, at: float) -> None:
        self._ends = ends
        self._behind = {
            (stream, partition)
            for stream, offsets in starts.items()
            for partition, offset in offsets.items()
            if offset < ends.get(stream, {}).get(partition, offset)
        }
        self._moved_at = at
        self._held: deque[tuple[str, Taken]] = deque()
        self.waiting = 0

    @property
    def needed(self) -> bool:
        """Whether anything is read again."""
        return bool(self._behind)

    def admit(self, stream: str, taken: Sequence[Taken], at: float) -> Iterator[Taken]:
        """What of ``taken`` was read before; the rest waits for its turn."""
        ends = self._ends.get(stream, {})
        for whole in taken:
            before, after = _divided(whole, ends)
            if before is not None:
                if any(map(len, before.batches)):
                    self._moved_at = at
                yield before
            if after is not None:
                self._held.append((stream, after))
                self.waiting += sum(map(len, after.batches))

    def over(self, reached: Ends) -> bool:
        """Whether all has been read that was read before."""
        return all(
            reached.get(stream, {}).get(partition, -1) >= self._ends[stream][partition]
            for stream, partition in self._behind
        )

    def hopeless(self, at: float) -> bool:
        """Whether the rest does not come: its records are gone, or too many others wait for it."""
        return at - self._moved_at > PATIENCE or self.waiting > MOST_WAITING

    def rest(self) -> Iterator[tuple[str, Taken]]:
        """What has waited, in the order in which it was read."""
        while self._held:
            yield self._held.popleft()


def _divided(taken: Taken, ends: Mapping[Partition, int]) -> tuple[Taken | None, Taken | None]:
    """The part before ``ends``, and the part from there on; None where it is empty."""
    before = [_before(batch, ends[batch.partition]) for batch in taken.batches if batch.partition in ends]
    beyond = (_after(batch, ends.get(batch.partition, 0)) for batch in taken.batches)
    after = [batch for batch in beyond if batch is not None]
    if taken.order is None:
        return _some(before), _some(after)
    known = np.concatenate([batch.offsets < ends.get(batch.partition, 0) for batch in taken.batches])
    return _some(before, _among(taken.order, known)), _some(after, _among(taken.order, ~known))


def _before(batch: Batch, end: int) -> Batch:
    """Its records before ``end``."""
    count = int(np.searchsorted(batch.offsets, end, "left"))
    bad = tuple(bad for bad in batch.bad if bad.offset < end)
    return replace(batch.part(0, count), next_offset=min(batch.next_offset, end), bad=bad)


def _after(batch: Batch, end: int) -> Batch | None:
    """Its records from ``end`` on; None where nothing of it lies there."""
    if batch.next_offset <= end:
        return None
    count = int(np.searchsorted(batch.offsets, end, "left"))
    bad = tuple(bad for bad in batch.bad if bad.offset >= end)
    return replace(batch.part(count, len(batch)), bad=bad)


def _among(order: IntArray, inside: BoolArray) -> IntArray:
    """``order`` over only the rows ``inside``, which are counted anew."""
    places = np.cumsum(inside) - 1
    return places[order[inside[order]]].astype(np.int64)


def _some(batches: Sequence[Batch], order: IntArray | None = None) -> Taken | None:
    return Taken(batches, order) if batches else None
