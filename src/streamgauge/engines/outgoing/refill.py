"""Writes rows that found no room in a sink's spool: from the records again, under the ids that they had.

The whole stream is read from where it came, to its present end, by the engine of a replay. Of a stream the rows of the
records in the ranges are written; of a monitor those of the windows that can have been decided by records in the ranges,
a few more rather than one less: a row that is there already is the same row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from streamgauge.batch import NEVER, Batch
from streamgauge.clock import Clock, to_micros
from streamgauge.config import plugins
from streamgauge.config.models import Config, StreamConfig
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.opening import open_source
from streamgauge.engines.outgoing.row_making import RecordRows, WindowRows, written_columns
from streamgauge.engines.outgoing.sinking import AT_ONCE
from streamgauge.engines.replay import replay as engine
from streamgauge.engines.replay.records import Records
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.pipeline import Lane
from streamgauge.plan import Plan, make_plan
from streamgauge.sinks.contract import Gathering, Sink, SinkConfig, SpooledRow
from streamgauge.sources.until import UntilEnd
from streamgauge.stores.contract import DecidedRow
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Rows, WindowResults

if TYPE_CHECKING:
    from streamgauge.formats.contract import Decoder
    from streamgauge.monitor import Monitor
    from streamgauge.sources.contract import Slice, Source

Ranges: TypeAlias = Mapping[str, tuple[int, int]]
"""By partition, as text: the first and the last record. Empty: all."""


@dataclass(frozen=True, slots=True)
class Refilled:
    """How many records were read, and how many rows were written or refused for good."""

    records: int
    written: int
    refused: int


def sink_of(config: Config, name: str) -> tuple[str, SinkConfig]:
    """What a name on the command line means: ``monitor X`` or ``stream X``, and its ``write:``.

    Raises:
        ConfigError: there is none, or it writes nothing.
    """
    written: dict[str, SinkConfig] = {}
    written |= {f"monitor {one}": monitor.write for one, monitor in config.monitors.items() if monitor.write}
    written |= {f"stream {one}": stream.write for one, stream in config.streams.items() if stream.write}
    found = [sink for sink in (name, f"monitor {name}", f"stream {name}") if sink in written]
    if not found:
        raise ConfigError(f"{name} has no `write:`; there is: {', '.join(written) or 'none'}")
    if len(found) > 1:
        raise ConfigError(f"{name} is a monitor and a stream: say '{found[0]}' or '{found[1]}'")
    return found[0], written[found[0]]


def refill(
    config: Config,
    sink: str,
    settings: SinkConfig,
    ranges: Ranges,
    clock: Clock,
    progress: Callable[[int], None] | None = None,
) -> Refilled:
    """Write what is missing.

    Args:
        config: as it was when the rows were dropped.
        sink: ``monitor NAME`` or ``stream NAME``.
        settings: its ``write:``.
        ranges: of the records that decided the rows.
        clock: for what "too far ahead" means.
        progress: told the number of records so far.

    Raises:
        ConfigError: the stream's records cannot be read a second time, or its windows change.
        SourceError: they cannot be read now.
        OutsideError: the sink did not take all rows; the same call goes on where it ended.
    """
    kind, _, name = sink.partition(" ")
    origin = config.origin_of(name)
    if origin not in config.streams:
        raise ConfigError(f"the records of {origin} are not kept to be read again")
    stream = config.streams[origin]
    layout = make_plan(config).streams[origin].layout
    tap = _Tap(open_decoder(stream, layout), ranges)
    source = _source(origin, stream, clock)
    if kind == "stream":
        rows, records = _of_records(RecordRows(name, config, settings), source, tap, clock, progress)
    else:
        rows, records = _of_windows(WindowRows(name, config, settings), config, origin, source, tap, progress)
    columns = written_columns(config)[sink]
    opened: Sink = plugins.module("sinks", settings.type).open_sink(settings, sink, columns)
    try:
        written, refused = _write(opened, rows)
    finally:
        opened.close()
    return Refilled(records, written, refused)


def _source(name: str, stream: StreamConfig, clock: Clock) -> Source:
    if stream.source.type == "kafka":
        group = f"streamgauge-refill-{uuid.uuid4().hex[:12]}"
        settings = stream.source.model_copy(update={"group": group, "start": "earliest"})
        return UntilEnd(open_source(name, stream.model_copy(update={"source": settings}), clock), clock)
    if not stream.source.finite:
        raise ConfigError(
            f"stream {name} is read from {stream.source.type} as it comes, which keeps nothing to be read again in this way; "
            "topics and files that are not followed can be"
        )
    return open_source(name, stream, clock)


@dataclass(slots=True)
class _Tap:
    """A decoder that notes how far time had come before and after the ranges, by partition."""

    decoder: Decoder
    ranges: Ranges
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def decode(self, piece: Slice, now: int) -> Batch:
        """As the decoder does."""
        batch = self.decoder.decode(piece, now)
        name = str(piece.partition)
        if name in self.ranges:
            first, last = self.ranges[name]
            for times, noted in (
                (batch.times[batch.offsets < first], self.before),
                (batch.times[batch.offsets <= last], self.after),
            ):
                noted[name] = max(noted.get(name, NEVER), int(times.max(initial=NEVER)))
        return batch


class _Rows(Records):
    """The observer: rows of one monitor instead of lines, each with its window's end."""

    def __init__(self, plan: Plan, maker: WindowRows, above: Sequence[str], lateness: int) -> None:
        """``above``: the monitor, and those whose rows it watches, as far up as the stream of that ``lateness``."""
        super().__init__(plan)
        self._maker = maker
        self._above = above
        self._reach = dict.fromkeys(above, 0)
        self._lateness = lateness
        self.rows: list[DecidedRow] = []

    @property
    def slack(self) -> int:
        """How far around the ranges a window may end that was decided by their records; microseconds."""
        return self._lateness + sum(self._reach.values())

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Keep the rows of the one monitor."""
        group = lane.group
        for name in {monitor.name for monitor in group.monitors}.intersection(self._above):
            self._reach[name] = group.window.reach + abs(group.shift)
            if len(results) and name == self._above[0]:
                self.rows += self._maker.rows(lane, rows, results)

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Nobody asks for them."""


def _of_windows(
    maker: WindowRows,
    config: Config,
    origin: str,
    source: Source,
    tap: _Tap,
    progress: Callable[[int], None] | None,
) -> tuple[list[DecidedRow], int]:
    kept: list[_Rows] = []
    above = [maker.sink.partition(" ")[2]]
    while config.monitors[above[-1]].stream != origin:
        above.append(config.monitors[above[-1]].stream)

    def observer(plan: Plan) -> _Rows:
        kept.append(_Rows(plan, maker, above, to_micros(config.streams[origin].lateness)))
        return kept[0]

    done = engine.replay(config, {origin: engine.Input(source, tap)}, progress=progress, observer=observer)
    (rows,) = kept
    newest = {row.id: row for row in rows.rows}  # of a row that changed, what it came to
    return [row for row in newest.values() if _is_near(row.id, tap, rows.slack)], done.records


def _is_near(row_id: str, tap: _Tap, slack: int) -> bool:
    """Whether records of the ranges can have decided a row: by its last record, or by its window's end."""
    if not tap.ranges:
        return True
    before, _, end = row_id.rpartition("/")
    if end.isdigit():
        return any(
            before.endswith(f"/{place}") and a <= int(end) <= b for place, (a, b) in tap.ranges.items()
        )
    at = to_micros(datetime.fromisoformat(end).astimezone(UTC))
    first = min((tap.before.get(place, NEVER) for place in tap.ranges), default=NEVER)
    return first - slack <= at <= max(tap.after.values(), default=NEVER) + slack


def _of_records(
    maker: RecordRows, source: Source, tap: _Tap, clock: Clock, progress: Callable[[int], None] | None
) -> tuple[list[DecidedRow], int]:
    rows: list[DecidedRow] = []
    records, now = 0, clock.now()
    waiting: set[Any] = set()
    source.open({})
    try:
        while True:
            poll = source.poll(engine.READ, timedelta(0))
            waiting |= set(poll.assigned)
            for piece in poll.slices:
                batch = tap.decode(piece, now)
                records += len(batch)
                rows += maker.rows(_within(batch, tap.ranges))
            waiting -= set(poll.ended)
            if progress is not None:
                progress(records)
            if not waiting and (records or poll.ended):
                return rows, records
    finally:
        source.close()


def _within(batch: Batch, ranges: Ranges) -> Batch:
    if not ranges:
        return batch
    first, last = ranges.get(str(batch.partition), (0, -1))
    keep = np.flatnonzero((batch.offsets >= first) & (batch.offsets <= last))
    columns = {name: column.take(keep) for name, column in batch.columns.items()}
    return replace(batch, offsets=batch.offsets[keep], times=batch.times[keep], columns=columns)


def _write(sink: Sink, rows: Sequence[DecidedRow]) -> tuple[int, int]:
    at_once = sink.at_once if isinstance(sink, Gathering) else AT_ONCE
    written = refused = 0
    for start in range(0, len(rows), at_once):
        part = [
            SpooledRow(number, row.id, row.key, row.body)
            for number, row in enumerate(rows[start : start + at_once], start + 1)
        ]
        outcome = sink.write(part)
        written, refused = written + len(outcome.written), refused + len(outcome.refused)
        if len(outcome.written) + len(outcome.refused) < len(part):
            raise OutsideError(
                f"{written} of {len(rows)} rows were written: {outcome.trouble}; start it again"
            )
    return written, refused
