"""Runs all monitors of one stream over batches: watermarks, keys, late records and the lanes behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamgauge.batch import NEVER, Batch, Column, IntArray, Partition, SlotArray
from streamgauge.engines.running.bundle import Bundle, moved, reached
from streamgauge.engines.running.newest import Newest
from streamgauge.engines.running.watching import Watching
from streamgauge.incidents.board import Board
from streamgauge.pipeline import Lane, MonitorFailed, Observer, advance
from streamgauge.plan import StreamPlan
from streamgauge.stores.contract import UNKNOWN, Position
from streamgauge.windows.contract import Rows
from streamgauge.windows.watermark import StreamClock


@dataclass(frozen=True, slots=True)
class Reading:
    """Records as the lanes take them: one batch, or several in one order; see :class:`Rows`."""

    times: IntArray
    offsets: IntArray
    before: IntArray
    opening: int
    closing: IntArray
    watermark: int
    columns: Mapping[str, Column]
    partitions: Sequence[Partition]
    parts: SlotArray

    def __len__(self) -> int:
        return len(self.times)

    def part(self, start: int, stop: int) -> Reading:
        """Records ``start`` to ``stop``, with time as far as it had come then."""
        if start == 0 and stop >= len(self):
            return self
        return Reading(
            self.times[start:stop], self.offsets[start:stop], self.before[start:stop],
            self.opening if start == 0 else int(self.closing[start - 1]), self.closing[start:stop],
            self.watermark if stop >= len(self) else int(self.closing[stop - 1]),
            {name: column.part(start, stop) for name, column in self.columns.items()},
            self.partitions, self.parts[start:stop],
        )  # fmt: skip

    def take(self, keep: IntArray) -> Reading:
        """Only the records at ``keep`` (ascending); time goes on as if all of them came."""
        if len(keep) == len(self):
            return self
        marks = np.concatenate(([self.opening], self.closing))
        ends = np.concatenate((keep[1:], [len(self)]))  # how many came before the next one kept
        return Reading(
            self.times[keep], self.offsets[keep], self.before[keep],
            int(marks[keep[0]]) if len(keep) else self.opening, marks[ends] if len(keep) else self.closing[:0],
            self.watermark, {name: column.take(keep) for name, column in self.columns.items()},
            self.partitions, self.parts[keep],
        )  # fmt: skip


class StreamRunner:
    """One stream's part of the engine; knows no source and no store.

    Args:
        plan: the stream and who watches it.
        board: where incidents are.
        observer: sees results, verdicts and late records.
        paused: monitors that take no part.
        replay: whether partitions come in one merged order that runs ahead of none of them.

    Attributes:
        clock: how far each partition has come.
        next_offset: of each partition, what is counted next.
        began: of each partition, what was counted first.
        newest: its last records.
        gone: partitions of which nothing is waited for.
    """

    def __init__(
        self,
        plan: StreamPlan,
        board: Board,
        observer: Observer,
        *,
        paused: frozenset[str] = frozenset(),
        replay: bool = False,
    ) -> None:
        self.plan = plan
        self.board = board
        self.observer = observer
        self.replay = replay
        self._paused = paused
        self.clock = StreamClock(plan.lateness, plan.deadline)
        self.next_offset: dict[Partition, int] = {}
        self.began: dict[Partition, int] = {}
        self.newest = Newest()
        self.gone: frozenset[Partition] = frozenset()
        self.bundles: dict[tuple[tuple[str, ...], Partition | None], Bundle] = {}
        self._from_start: dict[Partition, bool] = {}
        for by in self._groupings(aligned=False):
            self._bundle(by, None)

    def attach(self, partition: Partition, position: Position | None, *, from_start: bool) -> list[Bundle]:
        """Begin with a partition at ``position``; returns its new bundles, to be restored by the caller.

        ``from_start``: nothing of it was missed, so its windows are whole. :meth:`begin` must follow.
        """
        self.clock.attach(partition, NEVER if position is None else position.largest_time)
        self._replayed = max(self._replayed, self.clock.watermark(partition))
        if position is not None:
            self.next_offset[partition] = position.next_offset
            self.began[partition] = position.began
        self._from_start[partition] = from_start
        for (_, of), bundle in self.bundles.items():
            if of is None:
                bundle.part_of(partition)
        return [self._bundle(by, partition) for by in self._groupings(aligned=True)]

    def begin(self, partition: Partition) -> None:
        """What watches an attached partition goes on where it was saved, or begins."""
        for bundle in self._over(partition):
            bundle.begin(partition, from_start=self._from_start[partition])
        if self.plan.config is None:
            self._missed_until(partition, self.clock.largest(partition))

    def from_start(self, partition: Partition) -> bool:
        """Whether a partition was read from its first record on."""
        return self._from_start[partition]

    def gap(self, partition: Partition, next_offset: int) -> None:
        """Records of a partition before ``next_offset`` were missed: windows are partial from its next one on."""
        self.next_offset[partition] = self.began[partition] = next_offset
        for bundle in self._over(partition):
            bundle.missed(partition)

    def incomplete(self, partition: Partition, until: int) -> None:
        """Some records of a partition are lost: windows that start at or before ``until`` are partial."""
        for bundle in self._over(partition):
            bundle.missed(partition)
            bundle.reached(partition, until)

    def detach(self, partition: Partition) -> None:
        """A partition is no longer ours."""
        self.clock.detach(partition)
        self.next_offset.pop(partition, None)
        self.began.pop(partition, None)
        for key in [key for key in self.bundles if key[1] == partition]:
            del self.bundles[key]

    def take(
        self,
        batches: Sequence[Batch],
        order: IntArray | None = None,
        *,
        at: float | None = None,
        reached: int | None = None,
        marks: IntArray | None = None,
    ) -> None:
        """Take one round of batches all the way.

        Args:
            batches: at most one per partition where an ``order`` is given.
            order: int64[n], the merged order over the joined rows; None = as they come.
            at: monotonic seconds of reading; None in a replay.
            reached: of a built-in stream: how far everything that it tells of has come.
            marks: int64[n], of the rows of one lane that come in no order of time: how far time had come before each.
        """
        readings: list[tuple[Batch, IntArray, IntArray]] = []
        others = self.clock.minimum_without([batch.partition for batch in batches])
        starts = {batch.partition: self.clock.watermark(batch.partition) for batch in batches}
        for batch in batches:
            if len(batch.bad) and at is not None:
                self.clock.heard(batch.partition, at)
            before, after = self.clock.observe(batch, at, marks) if len(batch) else (batch.times, batch.times)
            self.next_offset[batch.partition] = batch.next_offset
            if len(batch) and not self.replay:
                self.newest.note(batch)
            readings.append((batch, before, after))
            self._aligned(batch, before, after)
        if any(of is None for _, of in self.bundles):
            self._merged(readings, order, others, starts, reached)

    def pass_time(self, *, unheard: tuple[int, int] | None = None) -> None:
        """Let the present watermarks close what they close; no record came."""
        self._note_idle()
        for (_, partition), bundle in self.bundles.items():
            watermark = self.mark(partition)
            self._idle(bundle, watermark, unheard)

    def finish(self) -> None:
        """The stream has ended: nothing late can come, and every open window closes."""
        for bundle in self.bundles.values():
            for lane in bundle.lanes:
                until = max(self.clock.maximum(), lane.group.window.last_end(lane.window_state))
                self._advance(bundle, lane, _nothing(lane, bundle, until))
            for watching in bundle.watching:
                watching.finish()

    def follow(
        self, other: StreamRunner, names: Mapping[Partition, Partition], first: Mapping[Partition, int]
    ) -> None:
        """Come as far as ``other`` has, but not beyond ``first``.

        Args:
            other: the stream that this one tells of.
            names: by its partitions, ours.
            first: by our partitions, the event time of the first record that is still to come.
        """
        for partition, mine in names.items():
            self.clock.follow(other.clock, partition, mine, first.get(mine))
            if partition in other.next_offset:
                self.next_offset[mine] = other.next_offset[partition]
            self._missed_until(mine, other.clock.largest(partition))

    def join(self, other: StreamRunner, names: Mapping[Partition, Partition]) -> None:
        """Wait for all that ``other`` reads from now on."""
        for partition, mine in names.items():
            if mine not in self.clock:
                self.attach(mine, None, from_start=other.from_start(partition))
                self.began[mine] = other.next_offset.get(partition, UNKNOWN)
                self.begin(mine)

    def come_to(self, positions: Mapping[Partition, Position]) -> None:
        """Where all before ``positions`` was read again, time comes as far as it had come there."""
        for partition, position in positions.items():
            if self.next_offset.get(partition, -1) >= position.next_offset:
                self.clock.lift(partition, position.largest_time)
        for bundle in self.bundles.values():
            counted = bundle.from_offset.items()
            bundle.from_offset = {p: at for p, at in counted if at > self.next_offset.get(p, -1)}
        self.pass_time()

    def position(self, partition: Partition) -> Position:
        """How far a partition has come."""
        until = [lane.partial_until for bundle in self._over(partition) for lane in bundle.lanes]
        return Position(
            self.next_offset[partition], self.clock.largest(partition), max(until, default=NEVER),
            self.began.get(partition, UNKNOWN),
        )  # fmt: skip

    def positions(self) -> dict[Partition, Position]:
        """How far all have come."""
        return {partition: self.position(partition) for partition in self.next_offset}

    def mark(self, partition: Partition | None) -> int:
        """The watermark that closes windows: of one partition, or (None) of what spans them."""
        if partition is not None:
            return self.clock.watermark(partition)
        if self.replay:
            largest = self.clock.maximum()
            return NEVER if largest == NEVER else largest - self.plan.lateness
        return self.clock.minimum()

    def wanted(self, partitions: Sequence[Partition]) -> list[tuple[tuple[str, ...], Partition | None]]:
        """The bundles that this stream has, or will have once ``partitions`` are attached."""
        spanning: list[tuple[tuple[str, ...], Partition | None]] = [
            (by, None) for by in self._groupings(aligned=False)
        ]
        return spanning + [
            (by, partition) for by in self._groupings(aligned=True) for partition in partitions
        ]

    def _groupings(self, *, aligned: bool) -> list[tuple[str, ...]]:
        return sorted({group.by for group in self.plan.groups if (group.kind == "aligned") == aligned})

    def _bundle(self, by: tuple[str, ...], partition: Partition | None) -> Bundle:
        aligned = partition is not None
        groups = [g for g in self.plan.groups if g.by == by and (g.kind == "aligned") == aligned]
        bundle = Bundle(self.plan, by, partition, groups, self._paused)
        if partition is not None:
            bundle.part_of(partition)
        bundle.watching = [
            Watching(name, lane, self._run) for lane in bundle.lanes for name in lane.group.watched
        ]
        self.bundles[by, partition] = bundle
        return bundle

    def _run(self, rows: StreamPlan) -> StreamRunner:
        """A runner for the rows of one of our monitors."""
        return StreamRunner(rows, self.board, self.observer, paused=self._paused, replay=self.replay)

    @property
    def nested(self) -> list[StreamRunner]:
        """This one, and those of everything that watches rows of its monitors."""
        below = [watching.runner for bundle in self.bundles.values() for watching in bundle.watching]
        return [self, *(runner for one in below for runner in one.nested)]

    def _aligned(self, batch: Batch, before: IntArray, after: IntArray) -> None:
        watermark = self.clock.watermark(batch.partition)
        parts = np.zeros(len(batch), np.int32)
        reading = Reading(
            batch.times, batch.offsets, before, int(before[0]) if len(batch) else watermark, after, watermark,
            batch.columns, [batch.partition], parts,
        )  # fmt: skip
        for (_, partition), bundle in self.bundles.items():
            if partition == batch.partition:
                self._through(bundle, reading)

    def _merged(
        self,
        readings: list[tuple[Batch, IntArray, IntArray]],
        order: IntArray | None,
        others: int,
        starts: Mapping[Partition, int],
        reached: int | None,
    ) -> None:
        count = sum(len(batch) for batch, _, _ in readings)
        if not count:
            self.pass_time_merged()
            return
        whose = np.concatenate([np.full(len(batch), k, np.int32) for k, (batch, _, _) in enumerate(readings)])
        after = np.concatenate([after for _, _, after in readings])
        place = slice(None) if order is None or len(readings) == 1 else order  # one batch is in order
        if self.replay or self.plan.config is None:
            opening, closing = self._in_one_order(after[place], min([others, *starts.values()]), reached)
        else:
            opening, closing = self._closing(readings, whose[place], after[place], others, starts)
        names = readings[0][0].columns
        columns = {name: Column.join([batch.columns[name] for batch, _, _ in readings]) for name in names}
        if not isinstance(place, slice):
            columns = {name: column.take(place) for name, column in columns.items()}
        for (_, partition), bundle in self.bundles.items():
            if partition is not None:
                continue
            numbers = np.array([bundle.part_of(batch.partition) for batch, _, _ in readings], np.int32)
            reading = Reading(
                np.concatenate([batch.times for batch, _, _ in readings])[place],
                np.concatenate([batch.offsets for batch, _, _ in readings])[place],
                self._late_from(np.concatenate([before for _, before, _ in readings])[place], bundle),
                opening, closing, int(closing[-1]), columns, bundle.parts, numbers[whose[place]],
            )  # fmt: skip
            self._through(bundle, reading)

    def _closing(
        self,
        readings: list[tuple[Batch, IntArray, IntArray]],
        whose: IntArray,
        after: IntArray,
        others: int,
        starts: Mapping[Partition, int],
    ) -> tuple[int, IntArray]:
        """The minimum watermark before and after each record of the order."""
        opening = min([others, *starts.values()])
        lowest = np.full(len(whose), others, np.int64)
        for k, (batch, _, _) in enumerate(readings):
            marks = np.where(whose == k, after, NEVER)
            marks[0] = max(int(marks[0]), starts[batch.partition])
            np.minimum(lowest, np.maximum.accumulate(marks), out=lowest)
        return opening, lowest

    _replayed = NEVER

    def _in_one_order(self, after: IntArray, slowest: int, reached: int | None) -> tuple[int, IntArray]:
        """The same where records come in the order of time, and nobody holds that back."""
        opening = self._replayed if self.replay else slowest
        most = after if self.replay or reached is None else np.minimum(after, reached)
        closing = np.maximum.accumulate(np.maximum(most, opening))
        self._replayed = int(closing[-1])
        if self.plan.config is None:
            # What tells of a stream is dated by how far that had come: time got there before the record.
            return int(closing[0]), np.concatenate((closing[1:], closing[-1:]))
        return opening, closing

    def _late_from(self, before: IntArray, bundle: Bundle) -> IntArray:
        """A partition that joins later does not open again what was reported without it."""
        return before if self.replay else np.maximum(before, bundle.judged)

    def pass_time_merged(self) -> None:
        """Nothing to merge came; what spans partitions may still learn that time went on."""
        for (_, partition), bundle in self.bundles.items():
            if partition is None:
                self._idle(bundle, self.mark(None))

    def _idle(self, bundle: Bundle, watermark: int, unheard: tuple[int, int] | None = None) -> None:
        """No record, but time has come to ``watermark``."""
        before = min([reached(lane) for lane in bundle.lanes], default=watermark)
        for lane in bundle.lanes:
            rows = _nothing(lane, bundle, moved(watermark, lane.group.shift))
            self._advance(bundle, lane, rows, unheard=unheard)
        bundle.forget_due(before, watermark)

    def _advance(
        self, bundle: Bundle, lane: Lane, rows: Rows, *, unheard: tuple[int, int] | None = None
    ) -> None:
        """One lane's step, and that of whatever watches its rows."""
        results = advance(lane, rows, self.board, self.observer, unheard=unheard)
        for watching in bundle.watching:
            if watching.lane is lane:
                watching.take(results, rows)

    def take_for(self, bundle: Bundle, reading: Reading, lanes: Sequence[Lane]) -> None:
        """Take records that were chosen elsewhere for some lanes of a bundle; the clock stays where it is."""
        self._through(bundle, reading, lanes)

    def _through(self, bundle: Bundle, reading: Reading, lanes: Sequence[Lane] | None = None) -> None:
        """All of ``reading``, in pieces that end where keys may be due to be forgotten."""
        reading = _unread(bundle, reading)
        self._note_partial(bundle, reading)
        at = 0
        while at < len(reading) or at == 0:
            rest = reading.part(at, len(reading))
            count = bundle.next_forgetting(rest.times, rest.opening, rest.closing)
            self._piece(bundle, rest.part(0, count), bundle.lanes if lanes is None else lanes)
            at += max(count, 1)

    def _piece(self, bundle: Bundle, reading: Reading, lanes: Sequence[Lane]) -> None:
        if bundle.by:
            slots = bundle.keys.slots_by([reading.columns[name] for name in bundle.by])
        else:
            slots = bundle.keys.whole(len(reading))
        bundle.touch(slots, reading.times)
        for lane in lanes:
            if lane.states:
                rows = _rows(lane, bundle, reading, slots)
                self._advance(bundle, lane, rows)
        bundle.forget_due(reading.opening, reading.watermark)

    def _note_partial(self, bundle: Bundle, reading: Reading) -> None:
        """The first event time read after a beginning in the middle: windows up to there are partial."""
        for partition in {partition for _, partition in bundle.beginnings.awaited}:
            if partition in reading.partitions:
                mine = np.nonzero(reading.parts == reading.partitions.index(partition))[0]
                if len(mine):
                    bundle.reached(partition, int(reading.times[mine[0]]) + self.plan.lateness)

    def _missed_until(self, partition: Partition, reached: int) -> None:
        """What tells of a stream and begins in its middle missed what was met before time had come to ``reached``.

        It need not wait for its own first record there: a partition without faults may never have one.
        """
        for bundle in self._over(partition):
            if reached != NEVER and any(of == partition for _, of in bundle.beginnings.awaited):
                bundle.reached(partition, reached)

    def _note_idle(self) -> None:
        """A partition that is read to its end and has nothing begins at the time that has come there."""
        for bundle in self.bundles.values():
            for partition in {partition for _, partition in bundle.beginnings.awaited}:
                if self.clock.is_idle(partition) and self.clock.largest(partition) != NEVER:
                    bundle.reached(partition, self.clock.largest(partition) + self.plan.lateness)

    def _over(self, partition: Partition) -> list[Bundle]:
        """The bundles that a partition's records reach."""
        return [bundle for (_, of), bundle in self.bundles.items() if of in (None, partition)]


def _rows(lane: Lane, bundle: Bundle, reading: Reading, slots: SlotArray) -> Rows:
    group = lane.group
    try:
        mask: Any = None if group.where is None else group.where.mask(reading.columns, len(reading))
    except Exception as error:
        raise MonitorFailed(list(lane.states), error) from error
    if mask is not None and not mask.all():
        keep = np.nonzero(mask)[0]
        reading, slots = reading.take(keep), slots[keep]
    by = group.shift
    return Rows(
        bundle.keys, slots, reading.times, reading.offsets, _moved(reading.before, by),
        _moved(reading.closing, by), moved(reading.watermark, by), reading.columns, reading.partitions,
        reading.parts, lane.partial_until, moved(reading.opening, by),
    )  # fmt: skip


def _moved(marks: IntArray, by: int) -> IntArray:
    """Watermarks on the clock of a group that is ``by`` microseconds ahead."""
    return np.where(marks == NEVER, NEVER, marks + by) if by else marks


def _nothing(lane: Lane, bundle: Bundle, watermark: int) -> Rows:
    none = np.empty(0, np.int64)
    no = np.empty(0, np.int32)
    return Rows(bundle.keys, no, none, none, none, none, watermark, {}, bundle.parts, no, lane.partial_until)


def _unread(bundle: Bundle, reading: Reading) -> Reading:
    """Leave out what the bundle has counted already: its block may be newer than the place of reading."""
    if not bundle.from_offset or not len(reading):
        return reading
    limits = np.array([bundle.from_offset.get(p, -1) for p in reading.partitions], np.int64)
    keep = np.nonzero(reading.offsets >= limits[reading.parts])[0]
    for k, partition in enumerate(reading.partitions):
        mine = reading.offsets[reading.parts == k]
        if len(mine) and mine.max() >= bundle.from_offset.get(partition, -1):
            bundle.from_offset.pop(partition, None)
    return reading.take(keep)
