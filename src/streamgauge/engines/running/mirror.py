"""Runs a built-in stream beside the streams that it tells of: late records, and bad ones.

A live engine reads its partitions in no certain order. What they tell of themselves is taken in the order of
event time all the same: a record waits until everything that is read has come as far, so that after a kill or
a downtime the same incidents come of it. A partition that gives no sign of life holds up nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
import numpy as np

from streamgauge.batch import NEVER, BadRecord, Batch, IntArray, Partition
from streamgauge.engines.running.built_in import LateRecord, dead_letter_batches, late_batches, shadow
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.plan import digest
from streamgauge.stores.contract import Position, SavedState, StateKey, StateWrite

T = TypeVar("T")
Place: TypeAlias = tuple[int, str, Partition]
"""Where a record stands among those of all partitions: event time, stream, partition."""


class Told(Generic[T]):
    """How the records of one built-in stream are ordered, written down and made into batches."""

    def __init__(
        self,
        place: Callable[[T], Place],
        plain: Callable[[T], Sequence[Any]],
        read: Callable[[Sequence[Any]], T],
        batches: Callable[[Iterable[T]], tuple[list[Batch], IntArray]],
    ) -> None:
        self.place = place
        self.plain = plain
        self.read = read
        self.batches = batches


BAD: Told[tuple[str, BadRecord]] = Told(
    lambda told: (told[1].at, told[0], told[1].partition),
    lambda told: (told[0], str(told[1].partition), told[1].offset, told[1].reason, told[1].at),
    lambda p: (p[0], BadRecord(Partition.parse(p[1]), p[2], p[3], None, p[4])),
    dead_letter_batches,
)

LATE: Told[LateRecord] = Told(
    lambda told: (told.at, told.stream, told.partition),
    lambda told: (
        told.stream, str(told.partition), told.offset, told.monitor, told.key, told.window_start, told.behind,
        told.at,
    ),
    lambda p: LateRecord(p[0], Partition.parse(p[1]), *p[2:]),
    late_batches,
)  # fmt: skip


class Mirror(Generic[T]):
    """One built-in stream.

    Args:
        runner: of the built-in stream.
        told: what it tells.
        declared: the streams that it tells of.
        live: whether records come in no certain order; else they come merged.
    """

    def __init__(
        self, runner: StreamRunner, told: Told[T], declared: Mapping[str, StreamRunner], *, live: bool
    ) -> None:
        self.runner = runner
        self._told = told
        self._declared = declared
        self._live = live
        self._held: list[T] = []
        self._known: dict[Partition, int] = {}
        self._through: Mapping[Partition, Position] = {}
        name = f"{runner.plan.name}/held"
        self.key = StateKey(name, digest([name]))

    def tell(self, records: Iterable[T], *, last: bool = False) -> None:
        """Take new records, and go on with as many as time allows; ``last``: nothing more is to come."""
        names = self._names()
        for stream, pairs in names.items():
            self.runner.join(self._declared[stream], pairs)
        self._held += [record for record in records if self._is_news(record)]
        ready = self._ready(last=last)
        if ready:
            batches, order = self._told.batches(ready)
            self.runner.take(batches, order, reached=self._reached())
        self._follow(names)
        self.runner.pass_time()

    def through(self, positions: Mapping[Partition, Position]) -> None:
        """What lies before ``positions`` was counted before a damage: it waits for nothing any more."""
        self._through = positions

    def save(self) -> StateWrite:
        """The records that wait."""
        lines = [msgspec.json.encode(self._told.plain(record)).decode() for record in self._held]
        return StateWrite({"held": {"record": np.array(lines, object)}}, 1, self.runner.positions())

    def is_whole(self, saved: SavedState | None, stored: Mapping[Partition, Position]) -> bool:
        """Whether what was saved of the records that wait is of the last commit, and not of one before a damage."""
        found = {} if saved is None else saved.positions
        return all(p in found and found[p].next_offset == at.next_offset for p, at in stored.items())

    def restore(self, saved: SavedState | None, reading: Mapping[Partition, int]) -> None:
        """Take them over, but for those that will be read again.

        Args:
            saved: what :meth:`save` made.
            reading: by our partitions, where reading of what they tell of starts.
        """
        self._known = {mine: at for mine, at in self.runner.next_offset.items() if at > reading.get(mine, at)}
        lines = () if saved is None else saved.tables["held"]["record"]
        held = [self._told.read(msgspec.json.decode(line)) for line in lines]
        counted = self.runner.next_offset
        self._held = [
            record
            for record, (mine, offset) in zip(held, map(self._origin, held), strict=True)
            if counted.get(mine, 0) <= offset < reading.get(mine, offset + 1)
        ]

    def _origin(self, record: T) -> tuple[Partition, int]:
        """Our partition for the one that a record was read in, and its offset there."""
        _, stream, partition = self._told.place(record)
        offset: int = self._told.plain(record)[2]
        return shadow(stream, partition), offset

    def _names(self) -> dict[str, dict[Partition, Partition]]:
        return {
            stream: {partition: shadow(stream, partition) for partition in runner.clock.partitions}
            for stream, runner in self._declared.items()
        }

    def _is_news(self, record: T) -> bool:
        """After a damage some records are read again; they are not told twice."""
        mine, offset = self._origin(record)
        return offset >= self._known.get(mine, offset)

    def _ready(self, *, last: bool) -> list[T]:
        """Those that may go; the others wait for partitions that have not come as far."""
        bound = self._bound() if self._live and not last else None
        if bound is None:
            ready, self._held = self._held, []
            return ready
        may_go = [self._told.place(record) <= bound or self._was_counted(record) for record in self._held]
        ready = [record for record, goes in zip(self._held, may_go, strict=True) if goes]
        self._held = [record for record, goes in zip(self._held, may_go, strict=True) if not goes]
        return ready

    def _was_counted(self, record: T) -> bool:
        mine, offset = self._origin(record)
        return mine in self._through and offset < self._through[mine].next_offset

    def _bound(self) -> Place | None:
        """The first place that a record still to come may have; None where nothing more is to come for now."""
        places = [
            (runner.clock.largest(partition), stream, partition)
            for stream, runner in self._declared.items()
            for partition in runner.clock.partitions
            if not runner.clock.is_caught_up(partition) and partition not in runner.gone
        ]
        return min(places, default=None)

    def _reached(self) -> int:
        """How far all that is read has come."""
        clocks = [runner.clock for runner in self._declared.values() if runner.clock.partitions]
        return min((clock.slowest() for clock in clocks), default=NEVER)

    def _follow(self, names: Mapping[str, Mapping[Partition, Partition]]) -> None:
        """Let ours come as far as theirs; not beyond a record that waits.

        Its offset is the next one too: all before it was counted, and nothing behind it.
        """
        first: dict[Partition, int] = {}
        for at, stream, partition in map(self._told.place, self._held):
            mine = shadow(stream, partition)
            first[mine] = min(at, first.get(mine, at))
        for stream, pairs in names.items():
            self.runner.follow(self._declared[stream], pairs, first)
        self._count()
        present = {ours for pairs in names.values() for ours in pairs.values()}
        reading = {stream for stream, pairs in names.items() if pairs}
        clock = self.runner.clock
        clock.retire(
            [p for p in clock.partitions if p not in present and p.name.partition("/")[0] in reading]
        )

    def _count(self) -> None:
        """How far each partition is counted: to the first record that waits, and never less than after a damage."""
        counted = self.runner.next_offset
        for mine, known in list(self._known.items()):
            if counted.get(mine, 0) >= known:
                del self._known[mine]
            else:
                counted[mine] = known
        for mine, offset in map(self._origin, self._held):
            counted[mine] = min(counted[mine], offset)
