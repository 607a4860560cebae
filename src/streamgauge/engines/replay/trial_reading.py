"""The records that a draft is tried on: given ones, or a stream's own, read a second time by who disturbs nobody."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streamgauge.batch import Partition
from streamgauge.clock import Clock, to_micros
from streamgauge.config.models import StreamConfig
from streamgauge.errors import ConfigError
from streamgauge.sources.contract import Poll, Slice, Source, Tail

if TYPE_CHECKING:
    from streamgauge.sources.synthetic import Config as SyntheticConfig

AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read.

    Attributes:
        start: event time (microseconds) from which on records are wanted; None: all of them.
        limit: records at most; the newest are kept.
        seconds: after so long it must do with what it has.
        positions: where the running engine stands, by partition; of what is invented, how far it has come.
        started: event time of the first record, of what is invented as it is read.
    """

    start: int | None
    limit: int
    seconds: float
    positions: Mapping[str, int] = field(default_factory=dict)
    started: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, in the order in which it was.

    ``truncated``: why that is not all that was wanted; None where it is.
    """

    slices: Sequence[Slice]
    truncated: str | None = None


def given(records: Sequence[Mapping[str, Any]], stream: str, form: str, now: int) -> Found:
    """Records that came with the request, as one partition."""
    count = len(records)
    offsets, stamps = np.arange(count, dtype=np.int64), np.full(count, now, np.int64)
    partition = Partition(stream)
    if form == "json":
        payloads = [msgspec.json.encode(record) for record in records]
        return Found([Slice(partition, offsets, stamps, count, payloads)])
    import polars as pl

    frame = pl.DataFrame(list(records), infer_schema_length=None)
    return Found([Slice(partition, offsets, stamps, count, frame=frame)])


def read_again(name: str, stream: StreamConfig, wanted: Wanted, clock: Clock) -> Found:
    """The newest records of a stream.

    Raises:
        ConfigError: its source gives each record once.
        SourceError: it cannot be read now.
    """
    source: Any = stream.source
    if source.type == "kafka":
        return _of_topic(name, source, wanted, clock)
    if source.type == "synthetic":
        return _invented(source, wanted, clock)
    if source.type == "files":
        if source.follow:
            source = source.model_copy(update={"follow": False, "start": "earliest"})
        from streamgauge.sources.files import open_source

        return _newest(open_source(source, name, clock), wanted)
    raise ConfigError(
        f"what {name} reads by {source.type} is not kept to be read again; send `records` to try the draft on"
    )


class Listed:
    """A source of slices that are there already; each partition ends after its last."""

    def __init__(self, slices: Sequence[Slice]) -> None:
        self._slices = slices
        self._queue: deque[Slice] = deque()
        self._paused: set[Partition] = set()
        self._new: dict[Partition, int] = {}
        self._open: set[Partition] = set()

    def open(self, positions: Mapping[Partition, int]) -> None:
        """From the first on."""
        del positions
        self._queue = deque(self._slices)
        self._new = {piece.partition: 0 for piece in self._slices}
        self._open = set(self._new)

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """Slices that are not paused, at least one if there is any."""
        del timeout
        taken: list[Slice] = []
        kept: deque[Slice] = deque()
        count = 0
        while self._queue:
            piece = self._queue.popleft()
            if piece.partition in self._paused or count >= limit:
                kept.append(piece)
            else:
                taken.append(piece)
                count += len(piece.offsets)
        self._queue = kept
        assigned, self._new = self._new, {}
        left = {piece.partition for piece in kept}
        ended = frozenset(self._open - left)
        self._open -= ended
        return Poll(taken, assigned, ended=ended)

    def tails(self) -> Mapping[Partition, Tail]:
        """Nobody asks."""
        return {}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Leave these alone."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody hears of this reading."""

    def describe(self) -> Mapping[str, Any]:
        """What it is."""
        return {"type": "listed"}

    def close(self) -> None:
        """Nothing is held."""


def _of_topic(name: str, source: Any, wanted: Wanted, clock: Clock) -> Found:
    """About as many of each partition; nothing joins a group or commits an offset."""
    from streamgauge.sources.kafka.looking import Look
    from streamgauge.sources.kafka.slices import as_slice

    with Look(source, name, clock) as look:
        messages = look.newest(wanted.limit, within=wanted.seconds)
    now = clock.now()
    slices = [
        as_slice(partition, list(found[at : at + AT_ONCE]), now)
        for partition, found in messages.items()
        for at in range(0, len(found), AT_ONCE)
    ]
    each = max(1, wanted.limit // max(1, len(messages)))
    full = any(len(found) >= each and int(found[0].offset() or 0) > 0 for found in messages.values())
    return Found(slices, _only(wanted.limit) if full else None)


def _invented(config: SyntheticConfig, wanted: Wanted, clock: Clock) -> Found:
    """The same bytes again, up to where the running engine has come."""
    from streamgauge.sources.synthetic import SyntheticSource

    start = to_micros(config.start) if isinstance(config.start, datetime) else wanted.started
    if start is None:
        raise ConfigError("when the stream's records began is not known yet; try again in a moment")
    count = max(wanted.positions.values(), default=0)
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=start)
    whole = config.model_copy(update={"start": at, "records": max(1, count)})
    source = SyntheticSource(whole, _Ahead(clock))
    first = max(0, count - wanted.limit)
    if config.rate is not None and wanted.start is not None:
        passed = max(0.0, (wanted.start - start) / 1e6) * config.rate
        first = max(first, min(count, int(passed)))
    if not count:
        return Found([])
    positions = {Partition(config.scenario, number): first for number in range(config.partitions)}
    found = _newest(source, wanted, positions)
    behind = first > 0 and first == count - wanted.limit
    return replace(found, truncated=_only(wanted.limit)) if behind else found


class _Ahead:
    """A clock on which everything is due: years have passed since it was last asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = 0.0

    def now(self) -> int:
        return self._clock.now()

    def monotonic(self) -> float:
        self._asked += 1e9
        return self._asked


def _newest(source: Source, wanted: Wanted, positions: Mapping[Partition, int] | None = None) -> Found:
    """Read to the end, and keep as many as may be."""
    kept: deque[Slice] = deque()
    count, dropped = 0, False
    until = time.monotonic() + wanted.seconds
    source.open(positions or {})
    open_ones: set[Partition] = set()
    truncated: str | None = None
    try:
        while True:
            poll = source.poll(AT_ONCE, timedelta(0))
            open_ones = (open_ones | set(poll.assigned)) - poll.ended
            kept.extend(poll.slices)
            count += sum(len(piece.offsets) for piece in poll.slices)
            while len(kept) > 1 and count - len(kept[0].offsets) >= wanted.limit:
                count -= len(kept.popleft().offsets)
                dropped = True
            if not open_ones:
                break
            if time.monotonic() > until:
                truncated = (
                    f"reading took longer than {wanted.seconds:g} s; what lies behind was not looked at"
                )
                break
    finally:
        source.close()
    return Found(list(kept), truncated or (_only(wanted.limit) if dropped else None))


def _only(limit: int) -> str:
    return f"only about the newest {limit:,} records were looked at"
