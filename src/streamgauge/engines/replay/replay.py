"""Replay: the same engine with time from the records; byte-identical from run to run and for every batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from streamgauge.batch import BadRecord, Batch, Partition
from streamgauge.clock import Clock, SystemClock
from streamgauge.config.models import Config
from streamgauge.config.telling import rules_of
from streamgauge.engines.replay.records import Records
from streamgauge.engines.running.merge import Merger
from streamgauge.engines.running.round import Runners, split_order
from streamgauge.engines.running.warm_up import warm_up
from streamgauge.errors import DetectorFailedError
from streamgauge.formats.contract import Decoder
from streamgauge.incident import Incident
from streamgauge.incidents.board import Board
from streamgauge.kernels import jit
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan, make_plan
from streamgauge.sources.contract import Source

if TYPE_CHECKING:
    import polars as pl

READ = 20_000
"""Records asked of a source at once."""


@dataclass(slots=True)
class Input:
    """One stream's records: where they come from and how they are decoded; whether there are surely many."""

    source: Source
    decoder: Decoder
    many: bool = False
    open: set[Partition] = field(default_factory=set)
    paused: set[Partition] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found.

    Attributes:
        incidents_list: in the order in which they were opened.
        records: how many were counted.
        dead_letters: bad records with their stream.
    """

    lines: Sequence[dict[str, Any]]
    incidents_list: Sequence[Incident]
    records: int
    dead_letters: Sequence[tuple[str, BadRecord]]

    @property
    def windows(self) -> pl.DataFrame:
        """One row per closed window: monitor, key, bounds, values."""
        return _frame(self.lines, "window")

    @property
    def verdicts(self) -> pl.DataFrame:
        """One row per verdict."""
        return _frame(self.lines, "verdict")

    @property
    def incidents(self) -> pl.DataFrame:
        """One row per change of an incident that people would have been told."""
        return _frame(self.lines, "incident")

    @property
    def late(self) -> pl.DataFrame:
        """One row per late record, monitor and window."""
        return _frame(self.lines, "late")


def replay(
    config: Config,
    inputs: Mapping[str, Input],
    *,
    batch_size: int = READ,
    flush: bool = True,
    clock: Clock | None = None,
    progress: Callable[[int], None] | None = None,
    observer: Callable[[Plan], Records] = Records,
) -> Replayed:
    """Run all monitors whose streams are given over them, as fast as possible.

    Args:
        config: the monitors.
        inputs: opened nowhere yet; by stream name.
        batch_size: records per step; makes no difference to what comes out.
        flush: close all windows at the end of input; else open ones stay unreported, as in a live stream.
        clock: asked once, for what "too far ahead" means.
        progress: told the number of records so far.
        observer: makes what sees the results; by default what writes lines of them.

    Raises:
        DetectorFailedError: a monitor's step raised.
    """
    plan = _only(make_plan(config), inputs)
    records = observer(plan)
    board = Board()
    runners = Runners(plan, board, records, replay=True)
    merger: Merger[tuple[str, Partition]] = Merger(undated_last=True)
    now = (clock or SystemClock()).now()
    count = 0
    try:
        for batches, streams, order in _rounds(inputs, merger, now, batch_size, runners):
            orders = split_order(streams, [len(batch) for batch in batches], order)
            for name in dict.fromkeys(streams):
                mine = [batch for batch, stream in zip(batches, streams, strict=True) if stream == name]
                runners.take(name, mine, orders[name])
            records.gathered(runners.settle())
            records.changes(board)
            count += len(order)
            if progress is not None:
                progress(count)
        if flush:
            records.gathered(runners.finish())
        records.changes(board)
        records.tell(rules_of(config))
    except MonitorFailed as failed:
        raise DetectorFailedError(
            f"monitor {', '.join(failed.monitors)} failed: {failed.error}"
        ) from failed.error
    finally:
        for given in inputs.values():
            given.source.close()
    opened = sorted(records.incidents.values(), key=lambda incident: (incident.opened_at, incident.id))
    return Replayed(records.lines(count), opened, count, records.dead_letters)


def _only(plan: Plan, inputs: Mapping[str, Input]) -> Plan:
    """The plan without streams that are not given; what they tell of themselves stays."""
    streams = {
        name: stream for name, stream in plan.streams.items() if name in inputs or stream.config is None
    }
    taking_part = {
        m.name for stream in streams.values() for group in stream.every_group for m in group.monitors
    }
    return Plan(streams, {name: m for name, m in plan.monitors.items() if name in taking_part})


def _rounds(
    inputs: Mapping[str, Input], merger: Merger[tuple[str, Partition]], now: int, size: int, runners: Runners
) -> Iterator[tuple[list[Batch], list[str], Any]]:
    """Merged rounds of at most ``size`` records over all streams."""
    for given in inputs.values():
        given.source.open({})
    many = any(given.many for given in inputs.values())
    if jit.choose(live=many):
        warm_up(runners.plan)  # while the first records are being read
    read = 0
    while True:
        alive = [_read(name, given, merger, now, runners) for name, given in inputs.items()]
        read += sum(rows for rows, _ in alive)
        jit.choose(live=many, rows=read)
        ended = all(not more for _, more in alive)
        while (taken := merger.take(size)) is not None:
            batches = [batch for _, batch in taken.batches]
            yield batches, [batch.stream for batch in batches], taken.order
            if not ended and any(rows < READ for rows in merger.waiting().values()):
                break
        if ended and not any(merger.waiting().values()) and merger.take(size) is None:
            return


def _read(
    name: str, given: Input, merger: Merger[tuple[str, Partition]], now: int, runners: Runners
) -> tuple[int, bool]:
    """Read on where little is waiting; how many records came, and whether more may."""
    waiting = merger.waiting()
    full = [p for p in given.open if waiting.get((name, p), 0) >= READ]
    given.source.resume([p for p in given.paused if p not in full])
    given.source.pause(full)
    given.paused = set(full)
    poll = given.source.poll(READ, timedelta(0))
    for partition in sorted(poll.assigned):
        given.open.add(partition)
        merger.attach((name, partition))
        runners.streams[name].attach(partition, None, from_start=True)
    rows = 0
    for piece in poll.slices:
        batch = given.decoder.decode(piece, now)
        rows += len(batch)
        merger.add((name, piece.partition), batch)
    for partition in poll.ended:
        given.open.discard(partition)
        merger.done((name, partition))
    return rows, bool(given.open)


def _frame(lines: Sequence[dict[str, Any]], kind: str) -> pl.DataFrame:
    import polars as pl

    rows = [_flat(line) for line in lines if line["kind"] == kind]
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame()


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    """Values become columns of their own; nested evidence stays as it is."""
    flat = {
        name: value
        for name, value in line.items()
        if name not in ("kind", "values", "observed", "evidence", "samples")
    }
    for name, value in (line.get("values") or line.get("observed") or {}).items():
        pairs = isinstance(value, dict)  # a frame has one type per column, a map has other keys in each row
        flat[name] = [{"key": k, "value": v} for k, v in value.items()] if pairs else value
    return flat
