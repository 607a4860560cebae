"""Merges the partitions of a stream into one order: running event time, then partition, then offset.

A replay, and a live reader with a backlog, take records in this order, so that what depends on the order
across partitions comes out the same every time. A partition that has ended, or that is read to its end, holds
nobody up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from streamgauge.batch import NEVER, Batch, IntArray

P = TypeVar("P", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Round(Generic[P]):
    """Batches to take together: at most one per partition, and the order over their joined rows."""

    batches: Sequence[tuple[P, Batch]]
    order: IntArray

    def __len__(self) -> int:
        return len(self.order)


@dataclass(slots=True)
class _Lane:
    running: int = NEVER
    done: bool = False
    queue: deque[Batch] = field(default_factory=deque)
    rows: int = 0

    def joined(self) -> Batch | None:
        """The queue as one batch."""
        if len(self.queue) > 1:
            whole = Batch.join(list(self.queue))
            self.queue.clear()
            self.queue.append(whole)
        return self.queue[0] if self.queue else None

    def first(self) -> Batch | None:
        """The head of the queue; with what follows while it holds bad records only, which wait for a good one."""
        while len(self.queue) > 1 and not len(self.queue[0]):
            head = self.queue.popleft()
            self.queue[0] = Batch.join([head, self.queue[0]])
        return self.queue[0] if self.queue else None


class Merger(Generic[P]):
    """Holds what was read until its turn comes. Partitions are tuples that sort.

    Args:
        undated_last: whether partitions that end without one good record (which would date their bad ones)
            wait for all others.
    """

    def __init__(self, *, undated_last: bool = False) -> None:
        self._lanes: dict[P, _Lane] = {}
        self._undated_last = undated_last

    def attach(self, partition: P, running: int = NEVER) -> None:
        """Begin with a partition whose largest event time so far is ``running``."""
        self._lanes[partition] = _Lane(running)

    def detach(self, partition: P) -> None:
        """Drop a partition and what waits of it."""
        self._lanes.pop(partition, None)

    def add(self, partition: P, batch: Batch) -> None:
        """Queue a batch."""
        lane = self._lanes.setdefault(partition, _Lane())
        lane.queue.append(batch)
        lane.rows += len(batch)

    def done(self, partition: P, *, done: bool = True) -> None:
        """Say whether a partition has nothing more to come for now: then it holds nobody up."""
        self._lanes.setdefault(partition, _Lane()).done = done

    def waiting(self) -> dict[P, int]:
        """Rows queued per partition."""
        return {partition: lane.rows for partition, lane in self._lanes.items()}

    def holding(self) -> list[P]:
        """The partitions for whose next records all others wait."""
        return [partition for partition, lane in self._lanes.items() if not lane.rows and not lane.done]

    def take(self, limit: int | None = None, *, all_of_it: bool = False) -> Round[P] | None:
        """What may go now, at most ``limit`` records; None where nothing may.

        ``all_of_it`` waits for nobody (a partition does not come, and people wait for alerts).
        """
        alone = len(self._lanes) == 1  # then nothing is gained by joining what is cut apart again
        present = [
            (p, lane, batch)
            for p, lane in sorted(self._lanes.items())
            if (batch := lane.first() if alone else lane.joined()) is not None
        ]
        if not present:
            return None
        run = [_running(lane, batch) for _, lane, batch in present]
        bound = None if all_of_it else self._bound({p: r for (p, _, _), r in zip(present, run, strict=True)})
        allowed = [
            len(r)
            if bound is None
            else int(np.searchsorted(r, bound[0], "right" if p <= bound[1] else "left"))
            for (p, _, _), r in zip(present, run, strict=True)
        ]
        if limit is not None and sum(allowed) > limit:
            order, whose = _merged([r[:n] for r, n in zip(run, allowed, strict=True)])
            allowed = np.bincount(whose[order[:limit]], minlength=len(present)).tolist()
        return self._cut(present, run, allowed, all_of_it=all_of_it)

    def _bound(self, run: dict[P, IntArray]) -> tuple[int, P] | None:
        """The smallest (running time, partition) that a record still to come may have."""
        bounds: list[tuple[int, P]] = []
        for partition, lane in self._lanes.items():
            if not lane.done:
                last = run.get(partition)
                bounds.append((int(last[-1]) if last is not None and len(last) else lane.running, partition))
        return min(bounds, default=None)

    def _cut(
        self,
        present: list[tuple[P, _Lane, Batch]],
        run: list[IntArray],
        allowed: list[int],
        *,
        all_of_it: bool,
    ) -> Round[P] | None:
        parts: list[tuple[P, Batch]] = []
        when: list[IntArray] = []
        over = all(lane.done and not lane.rows for lane in self._lanes.values())
        for (partition, lane, batch), running, count in zip(present, run, allowed, strict=True):
            ends = lane.done and (over or not self._undated_last)
            if not count and (len(running) or not (ends or all_of_it or lane.running != NEVER)):
                continue  # bad records before the first good one wait for it: it dates them
            head = len(running) - len(batch)
            rows = max(count - head, 0)
            if count == len(running):
                part = lane.queue.popleft()
            else:
                part, lane.queue[0] = _split(batch, rows)
            if rows:
                lane.running = int(running[count - 1])
            lane.rows -= rows
            parts.append((partition, part))
            when.append(running[head : head + rows])
        if not parts:
            return None
        return Round(parts, _merged(when)[0])


def _merged(when: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """The order of several ascending columns of times over their joined rows, and whose each row is."""
    whose = np.repeat(np.arange(len(when)), [len(times) for times in when])
    if len(when) == 1:
        return np.arange(len(whose)), whose
    return np.lexsort((whose, np.concatenate(when))), whose  # stable: offsets of one partition stay in order


def _running(lane: _Lane, batch: Batch) -> IntArray:
    """Where each row stands in the order; bad records at the head have a place of their own, with the row before."""
    times = np.concatenate(([lane.running], batch.times))
    running: IntArray = np.maximum.accumulate(times)
    leading = len(batch.bad) > 0 and (not len(batch) or batch.bad[0].offset < batch.offsets[0])
    return running if leading and lane.running != NEVER else running[1:]


def _split(batch: Batch, rows: int) -> tuple[Batch, Batch]:
    """The first ``rows`` with the bad records up to the next one, and the rest."""
    if rows:
        return batch.part(0, rows), batch.part(rows, len(batch))
    first = int(batch.offsets[0])
    return batch.part(0, 0), replace(batch, bad=tuple(bad for bad in batch.bad if bad.offset > first))
