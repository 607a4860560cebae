"""How far event time has come: per partition, and over all of them.

A partition's watermark is the largest event time seen in it minus the stream's lateness. It also rises while
nothing comes, but only by wall time during which the partition is known to be caught up; lag, a lost broker
or a stopped process freeze it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from streamgauge.batch import NEVER, Batch, IntArray, Partition

STALE_AFTER = 2.0
"""Seconds after which an answer about a partition's end no longer proves that we are caught up."""


@dataclass(slots=True)
class _Progress:
    largest: int = NEVER
    heard_at: float | None = None
    ticked_at: float | None = None
    idle: bool = False
    caught_up: bool = False
    proven_at: float | None = None
    followed: bool = False

    @property
    def waited_for(self) -> bool:
        """Whether it holds the others back; one that follows, is idle and never spoke has nothing to wait for."""
        return not (self.followed and self.idle and self.largest == NEVER)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a partition's clock stands beside its largest event time: with it, time goes on as if it had never stopped.

    Attributes:
        heard_at, ticked_at, proven_at: seconds, when a record came, time was let pass, the end was proven.
        idle, caught_up: what was known then.
    """

    heard_at: float | None = None
    ticked_at: float | None = None
    proven_at: float | None = None
    idle: bool = False
    caught_up: bool = False


class StreamClock:
    """The event time of one stream.

    Args:
        lateness: microseconds that a record may come behind.
        deadline: seconds without a record after which a caught-up partition counts as idle.
    """

    def __init__(self, lateness: int, deadline: float = 1.0) -> None:
        self.lateness = lateness
        self.deadline = deadline
        self._progress: dict[Partition, _Progress] = {}
        self._floors: list[tuple[float, int]] = []
        self.idle_for = 0
        """Microseconds of wall clock during which all partitions were caught up and idle."""

    def attach(self, partition: Partition, largest: int = NEVER) -> None:
        """Begin (or go on) with a partition."""
        self._progress[partition] = _Progress(largest)

    def detach(self, partition: Partition) -> None:
        """Forget a partition that is no longer ours."""
        self._progress.pop(partition, None)

    def __contains__(self, partition: Partition) -> bool:
        return partition in self._progress

    @property
    def partitions(self) -> list[Partition]:
        """The partitions that count, sorted."""
        return sorted(self._progress)

    def largest(self, partition: Partition) -> int:
        """Largest event time of a partition, idle advances included."""
        progress = self._progress.get(partition)
        return NEVER if progress is None else progress.largest

    def is_idle(self, partition: Partition) -> bool:
        """Whether a partition is known to be read to its end and has been without a record for long."""
        progress = self._progress.get(partition)
        return progress is not None and progress.idle

    def is_caught_up(self, partition: Partition) -> bool:
        """Whether a partition was known to be read to its end at the last look, and nothing came since."""
        progress = self._progress.get(partition)
        return progress is not None and progress.caught_up

    def standing(self, partition: Partition) -> Standing:
        """How an attached partition's clock stands, to be kept."""
        progress = self._progress[partition]
        return Standing(
            progress.heard_at, progress.ticked_at, progress.proven_at, progress.idle, progress.caught_up
        )

    def stand(self, partition: Partition, standing: Standing) -> None:
        """Let an attached partition's clock stand as it stood when that was kept."""
        progress = self._progress[partition]
        progress.heard_at, progress.ticked_at = standing.heard_at, standing.ticked_at
        progress.proven_at = standing.proven_at
        progress.idle, progress.caught_up = standing.idle, standing.caught_up

    def slowest(self) -> int:
        """The largest event time of the partition that is behind all others."""
        return min((p.largest for p in self._progress.values() if p.waited_for), default=NEVER)

    def watermark(self, partition: Partition) -> int:
        """A partition's watermark; NEVER before its first record."""
        largest = self.largest(partition)
        return NEVER if largest == NEVER else largest - self.lateness

    def minimum(self) -> int:
        """The watermark of what spans partitions: the smallest."""
        smallest = self.slowest()
        return NEVER if smallest == NEVER else smallest - self.lateness

    def maximum(self) -> int:
        """The largest event time of all partitions."""
        return max((p.largest for p in self._progress.values()), default=NEVER)

    def observe(
        self, batch: Batch, heard_at: float | None = None, marks: IntArray | None = None
    ) -> tuple[IntArray, IntArray]:
        """Take in a batch; int64[n] watermarks of its partition before and after each record.

        ``marks``: int64[n], where time had come that far before each record, and the records themselves move none.
        """
        progress = self._progress.setdefault(batch.partition, _Progress())
        progress.heard_at, progress.ticked_at = heard_at, heard_at
        progress.idle = progress.caught_up = False
        running = np.empty(len(batch) + 1, np.int64)
        running[0] = progress.largest
        running[1:] = batch.times if marks is None else np.append(marks[1:], marks[-1:])
        if marks is not None:
            running[0] = max(running[0], marks[0])
        np.maximum.accumulate(running, out=running)
        progress.largest = int(running[-1])
        come = running - self.lateness
        come[running == NEVER] = NEVER
        return come[:-1], come[1:]

    def lift(self, partition: Partition, largest: int) -> None:
        """Event time of ``partition`` has come to ``largest`` without a record of its own."""
        progress = self._progress.setdefault(partition, _Progress())
        progress.largest = max(progress.largest, largest)

    def follow(self, other: StreamClock, theirs: Partition, mine: Partition, most: int | None) -> None:
        """Let ``mine`` be as far as ``theirs`` is on another clock, at most as far as ``most``."""
        its = other._progress[theirs]
        self.lift(mine, its.largest if most is None else min(its.largest, most))
        self._progress[mine].idle = its.idle and most is None
        self._progress[mine].followed = True

    def retire(self, partitions: Iterable[Partition]) -> None:
        """These have nothing more to come: they hold nobody back."""
        retired = set(partitions)
        for partition in retired:
            self._progress[partition].idle = True
        floor = self._floor()
        if floor is not None:
            for partition in retired:
                self.lift(partition, floor)

    def heard(self, partition: Partition, at: float) -> None:
        """Note that something was read (a bad record, say) that carries no event time."""
        progress = self._progress.setdefault(partition, _Progress())
        progress.heard_at, progress.ticked_at = at, at
        progress.idle = progress.caught_up = False

    def pass_time(
        self, caught_up: Mapping[Partition, bool], at: float, asked: Mapping[Partition, float] | None = None
    ) -> bool:
        """Let wall time pass; returns whether any watermark rose.

        Time is counted only between two calls at which a partition was caught up, and never across a pause
        longer than :data:`STALE_AFTER` (a process that was stopped).

        Args:
            caught_up: what is known to be read to its end.
            at: monotonic seconds.
            asked: when each partition's end was asked for; None = at this moment.
        """
        before = {partition: progress.largest for partition, progress in self._progress.items()}
        passed: list[float] = []
        for partition, progress in self._progress.items():
            passed.append(self._tick(progress, at, caught_up=caught_up.get(partition, False)))
        if passed and all(progress.idle for progress in self._progress.values()):
            self.idle_for += round(min(passed) * 1e6)
        self._lift_idle(at, asked)
        return any(progress.largest != before[partition] for partition, progress in self._progress.items())

    def _tick(self, progress: _Progress, at: float, *, caught_up: bool) -> float:
        last, progress.ticked_at = progress.ticked_at, at if caught_up else None
        progress.caught_up = caught_up
        if progress.heard_at is None:
            progress.heard_at = at
        if not caught_up:
            progress.idle = False
            return 0.0
        proven, progress.proven_at = max(progress.proven_at or progress.heard_at, progress.heard_at), at
        if at - proven > STALE_AFTER:
            # What was not proven idle is not made up for later; and whoever could not write waits to do so now.
            progress.heard_at, last, progress.idle = at, None, False
        if last is None:
            return 0.0
        idle_from = progress.heard_at + self.deadline
        progress.idle = at >= idle_from
        gained = max(0.0, at - max(last, idle_from))
        if progress.largest != NEVER:
            progress.largest += round(gained * 1e6)
        return gained

    def _lift_idle(self, at: float, asked: Mapping[Partition, float] | None) -> None:
        """An idle partition does not hold the others back: it comes up to the slowest that is not idle.

        Only as far as that had come when the end of the idle one was asked for: what lay in it by then was
        read, while something written there before the others' newest records may still be on its way.
        """
        floor = self._floor()
        if floor is not None:
            self._floors.append((at, floor))
        del self._floors[: bisect_left(self._floors, (at - 2 * STALE_AFTER, NEVER))]
        for partition, progress in self._progress.items():
            if progress.idle:
                when = at if asked is None else asked.get(partition, -np.inf)
                known = bisect_right(self._floors, when, key=itemgetter(0))
                progress.largest = max(progress.largest, self._floors[known - 1][1] if known else NEVER)

    def _floor(self) -> int | None:
        """The slowest that is not idle; where all are, the slowest that ever spoke. None = not known."""
        awake = [p.largest for p in self._progress.values() if not p.idle]
        spoke = awake or [p.largest for p in self._progress.values() if p.largest != NEVER]
        return None if not spoke or min(spoke) == NEVER else min(spoke)

    def minimum_without(self, partitions: Collection[Partition]) -> int:
        """As :meth:`minimum`, over all but these; far in the future where none is left."""
        left = [
            p.largest
            for partition, p in self._progress.items()
            if partition not in partitions and p.waited_for
        ]
        if not left:
            return np.iinfo(np.int64).max // 2
        return NEVER if min(left) == NEVER else min(left) - self.lateness
