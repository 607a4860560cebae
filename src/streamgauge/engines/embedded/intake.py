"""Brings one stream's records to the engine: source, decoder, merged order, and whether we are caught up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from streamgauge.batch import NEVER, Batch, IntArray, Partition
from streamgauge.clock import Clock
from streamgauge.engines.running.merge import Merger
from streamgauge.formats.contract import Decoder, Fetching
from streamgauge.plan import StreamPlan
from streamgauge.sources.contract import Poll, Slice, Source, Tail
from streamgauge.stores.contract import Position
from streamgauge.windows.watermark import STALE_AFTER

_log = structlog.get_logger("streamgauge.sources")

MOST_WAITING = 100_000
"""Records of one partition that may wait for the others before its reading is paused."""

PATIENCE = 5.0
"""Seconds without a sign of life after which a partition no longer holds up the others in the merged order."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Batches to take together, and their order where several partitions are merged."""

    batches: Sequence[Batch]
    order: IntArray | None = None


class Intake:
    """One stream's way in.

    Args:
        plan: the stream; whether partitions are merged follows from its monitors.
        source: opened by the engine.
        decoder: bytes to columns.
        clock: stamps of reading.
        finite: the source holds all it will ever have (files); then its partitions are merged strictly.

    Attributes:
        ended: all partitions have ended for good, whether ``finite`` or live until then.
    """

    def __init__(
        self, plan: StreamPlan, source: Source, decoder: Decoder, clock: Clock, *, finite: bool
    ) -> None:
        self.plan = plan
        self.source = source
        self.finite = finite
        self.ended = False
        self.records = 0
        self.consumed: Counter[str] = Counter()
        self._decoder = decoder
        self._clock = clock
        self._merger: Merger[Partition] | None = None
        self._kept: list[Slice] = []
        self._largest: Mapping[Partition, int] = {}
        self._read_at: dict[Partition, float] = {}
        self._next: dict[Partition, int] = {}
        self._open: set[Partition] = set()
        self._paused: set[Partition] = set()
        self._held = False
        self._alive_at = clock.monotonic()

    def poll(self, limit: int, timeout: timedelta) -> tuple[Poll, list[Taken]]:
        """What the source says, and what may be taken now. Apply ``assigned`` and ``gaps`` first."""
        poll = self.source.poll(limit, timeout)
        self._assign(poll)
        now, wall = self._clock.monotonic(), self._clock.now()
        batches = []
        for piece in self._readable(poll.slices):
            batch = self._decoder.decode(piece, wall)
            self.records += len(batch)
            self.consumed[piece.partition.name] += len(piece.offsets)
            self._read_at[piece.partition] = now
            self._next[piece.partition] = piece.next_offset
            self._alive_at = now
            batches.append(batch)
        self._open -= poll.ended
        if poll.ended:
            self.ended = not self._open
        if self._merger is None:
            return poll, [Taken([batch]) for batch in batches]
        for batch in batches:
            self._merger.add(batch.partition, batch)
            self._merger.done(batch.partition, done=False)
        for partition in poll.at_end - self._waiting():
            self._merger.done(partition)
        for partition in poll.ended:
            self._merger.done(partition)
        return poll, self._merge(self._merger, limit, now)

    def start(self, positions: Mapping[Partition, Position]) -> None:
        """Open the source, or go back with it, to ``positions``; whatever waited is dropped.

        Raises:
            SourceError: it cannot be read, and that will not pass.
        """
        self._largest = {partition: position.largest_time for partition, position in positions.items()}
        self._merger = Merger() if self.plan.merged or self.finite else None
        self._pause(set())
        self._read_at, self._next, self._open, self._kept = {}, {}, set(), []
        self._alive_at, self.ended = self._clock.monotonic(), False
        self.source.open({partition: position.next_offset for partition, position in positions.items()})
        if trouble := self.source.describe().get("trouble"):  # an incident comes after `source_timeout` only
            _log.warning(
                "nobody answers yet, and is asked again and again; `streamgauge doctor FILE` says what is missing",
                stream=self.plan.name,
                trouble=trouble,
            )

    def hold(self, *, held: bool) -> None:
        """Read nothing more for now, or go on; what comes and goes is still heard."""
        self._held = held
        self._pause(set(self._next) if held else self._waiting())

    def caught_up(self) -> dict[Partition, bool]:
        """Per partition, whether it is known to be read and counted to its end at this moment."""
        now = self._clock.monotonic()
        tails = self.source.tails()
        waiting = self._merger.waiting() if self._merger is not None else {}
        return {
            partition: not waiting.get(partition) and self._at_end(partition, tails.get(partition), now)
            for partition in self._next
        }

    def asked_at(self) -> dict[Partition, float]:
        """When the ends that are known now were asked for; look before :meth:`caught_up`, which may know newer ones."""
        return {partition: tail.asked_at for partition, tail in self.source.tails().items()}

    def gone(self) -> frozenset[Partition]:
        """Partitions of which nothing can be waited for: they have ended, or give no sign of life."""
        now, tails = self._clock.monotonic(), self.source.tails()
        ended = {partition for partition in self._next if partition not in self._open}
        return frozenset(ended.union(p for p in self._next if self._is_away(p, tails, now)))

    def tails(self) -> Mapping[Partition, Tail]:
        """The newest known ends."""
        return self.source.tails()

    @property
    def heard(self) -> bool:
        """Whether the source gave any sign of life since it was opened."""
        return bool(self._read_at)

    def silent_for(self) -> float:
        """Seconds since the partition that is worst off gave a sign of life: a record, or an answer."""
        tails = self.source.tails()
        signs = [
            max(read, tails[partition].answered_at if partition in tails else read)
            for partition, read in self._read_at.items()
        ]
        return self._clock.monotonic() - min(signs, default=self._alive_at)

    def _assign(self, poll: Poll) -> None:
        gone = {*poll.revoked, *poll.lost}
        self._pause(self._paused - gone)  # whoever comes back is read
        self._kept = [piece for piece in self._kept if piece.partition not in gone]
        for partition in gone:
            self._next.pop(partition, None)
            self._read_at.pop(partition, None)
            self._open.discard(partition)
            if self._merger is not None:
                self._merger.detach(partition)
        for partition, at in poll.assigned.items():
            self._next[partition] = at
            self._open.add(partition)
            self._alive_at = self._clock.monotonic()
            self._read_at[partition] = self._alive_at
            if self._merger is not None:
                self._merger.attach(partition, self._largest.get(partition, NEVER))
        for partition, (_, at) in poll.gaps.items():
            self._next[partition] = at
        if self._held:
            self._pause(set(self._next))

    def _readable(self, slices: Sequence[Slice]) -> list[Slice]:
        """What can be decoded now. The rest of a partition is kept behind a slice whose schema is not there yet.

        A finite source waits instead: its end is told with its last records.
        """
        if self.finite or not isinstance(self._decoder, Fetching):
            return list(slices)
        every, self._kept = [*self._kept, *slices], []
        readable, waiting = [], set[Partition]()
        for piece in every:
            if piece.partition in waiting or not self._decoder.ready(piece):
                waiting.add(piece.partition)
                self._kept.append(piece)
            else:
                readable.append(piece)
        if not self._held and self._merger is None:
            self._pause(waiting)
        return readable

    def _waiting(self) -> set[Partition]:
        """Partitions whose next records wait for a schema."""
        return {piece.partition for piece in self._kept}

    def _at_end(self, partition: Partition, tail: Tail | None, now: float) -> bool:
        if tail is None or tail.open_transaction or now - tail.answered_at > STALE_AFTER:
            return False
        return tail.asked_at >= self._read_at.get(partition, 0.0) and self._next[partition] >= tail.end_offset

    def _merge(self, merger: Merger[Partition], limit: int, now: float) -> list[Taken]:
        tails = self.source.tails()
        for partition in merger.holding():
            if not self.finite and (
                self._at_end(partition, tails.get(partition), now) or self._is_away(partition, tails, now)
            ):
                merger.done(partition)
        taken = []
        while (part := merger.take(limit)) is not None:
            taken.append(Taken([batch for _, batch in part.batches], part.order))
        self._pause_the_full(merger)
        return taken

    def _is_away(self, partition: Partition, tails: Mapping[Partition, Tail], now: float) -> bool:
        """Whether a partition has given no sign of life for so long that the others go on without it."""
        answered = tails[partition].answered_at if partition in tails else 0.0
        return now - max(answered, self._read_at.get(partition, self._alive_at)) > PATIENCE

    def _pause_the_full(self, merger: Merger[Partition]) -> None:
        if not self._held:
            full = {partition for partition, rows in merger.waiting().items() if rows > MOST_WAITING}
            self._pause(full | self._waiting())

    def _pause(self, wanted: set[Partition]) -> None:
        if wanted - self._paused:
            self.source.pause(sorted(wanted - self._paused))
        if self._paused - wanted:
            self.source.resume(sorted(self._paused - wanted))
        self._paused = wanted
