"""Makes the picture of the engine that the server, the metrics and live views show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from streamgauge.batch import NEVER
from streamgauge.channels.contract import Result
from streamgauge.engines.outgoing.delivery import Tried
from streamgauge.engines.reporting.status import (
    EngineStatus,
    MonitorStatus,
    PartitionStatus,
    StatusBoard,
    StreamStatus,
)
from streamgauge.errors import StoreError
from streamgauge.sources.contract import Shows

if TYPE_CHECKING:
    from streamgauge.engines.embedded.engine import Engine

EVERY = 0.5
"""Seconds between pictures."""

_log = structlog.get_logger("streamgauge.engine")


class Reporter:
    """Twice a second, off the hot path."""

    def __init__(self, engine: Engine, board: StatusBoard) -> None:
        self._engine = engine
        self._board = board
        self._at = engine.clock.monotonic()
        self._records: Counter[str] = Counter()
        self._consumed: Counter[tuple[str, str]] = Counter()
        self._rates: dict[str, float] = {}
        self._starting: str | None = "the engine is being made"
        self._store: str | None = None

    def ready(self) -> None:
        """Kernels are compiled, the store is ours, the sources are open."""
        sources = [intake.source for intake in self._engine.intakes.values()]
        self._board.exposed = tuple(source.exposed for source in sources if isinstance(source, Shows))
        self._starting = None
        self.report()

    def starting(self, what: str) -> None:
        """Say what readiness waits for now."""
        self._starting = what
        self.report()

    def tried(self, tried: Tried) -> None:
        """Told of each delivery; on the channel's thread."""
        settled = tried.result is not Result.AGAIN
        self._engine.totals.tried(tried.channel, str(tried.result), tried.waited, settled=settled)

    def store_refuses(self, why: str | None) -> None:
        """Note (and say once) that commits fail, or that they succeed again."""
        if why != self._store:
            if why is None:
                _log.info("the store takes commits again")
            else:
                _log.error(
                    "the store refuses commits; reading goes on when it takes them, nothing is lost", why=why
                )
        self._store = why
        self.report_when_due()  # while it refuses, the loop may stand still in one turn: it lives all the same

    def report_when_due(self) -> None:
        """A new picture, if the last is old enough."""
        if self._engine.clock.monotonic() - self._at >= EVERY:
            self.report()

    def report(self) -> None:
        """A new picture now."""
        engine = self._engine
        now = engine.clock.monotonic()
        passed, self._at = max(1e-6, now - self._at), now
        totals = engine.totals
        self._board.now = EngineStatus(
            at=engine.clock.now(),
            started_at=self._board.now.started_at,
            turned_at=now,
            ready=self._starting is None,
            starting=self._starting,
            streams={name: self._stream(name, passed) for name in engine.intakes},
            monitors=self._monitors(),
            commits=totals.commits,
            commit_seconds=engine.ledger.seconds,
            commit_times=totals.commit_times.now(),
            store=self._store,
            waiting=engine.delivery.held(),
            notices=dict(totals.notices),
            notice_times={channel: times.now() for channel, times in dict(totals.notice_times).items()},
            open=Counter((i.monitor, i.severity) for i in engine.board.all() if i.open),
            opened=dict(totals.opened),
            rows=dict(totals.rows),
            spooled=self._spooled(),
        )

    def _spooled(self) -> Mapping[str, int]:
        """Rows that wait; as last known while the store cannot be asked."""
        sinks = self._engine.sinking.sinks if self._engine.sinking is not None else ()
        if not sinks:
            return {}
        try:
            return dict.fromkeys(sinks, 0) | self._engine.store.spool_depth()
        except StoreError:
            return self._board.now.spooled

    def _stream(self, name: str, passed: float) -> StreamStatus:
        engine = self._engine
        intake, runner = engine.intakes[name], engine.runners.streams[name]
        rate = self._count(name) / passed
        self._rates[name] = rate if name not in self._rates else 0.5 * self._rates[name] + 0.5 * rate
        is_open = self._starting is None
        tails, caught_up = (intake.tails(), intake.caught_up()) if is_open else ({}, {})
        partitions = {
            str(partition): PartitionStatus.of(
                next_offset,
                tails.get(partition),
                runner.clock.watermark(partition),
                caught_up=caught_up.get(partition, False),
            )
            for partition, next_offset in runner.next_offset.items()
        }
        watermark = runner.clock.minimum()
        source = intake.source.describe()
        lost = engine.board.current(f"stream {name}", None, "source lost")
        return StreamStatus(
            records=engine.totals.records[name],
            late=engine.totals.late[name],
            dead_letters=engine.totals.dead_letters[name],
            rate=self._rates[name],
            watermark=None if watermark == NEVER else watermark,
            delay=None if watermark == NEVER else (engine.clock.now() - watermark) / 1e6,
            partitions=partitions,
            lost=None if lost is None else lost.title,
            source=dict(source),
            group=str(source["group"]) if "group" in source else None,
            newest=runner.newest.batches,
            consumed={topic: n for (stream, topic), n in engine.totals.consumed.items() if stream == name},
        )

    def _count(self, name: str) -> int:
        """Add what a stream's intake has read since the last picture to the totals; how many records."""
        intake, totals = self._engine.intakes[name], self._engine.totals
        for topic, count in intake.consumed.items():
            totals.consumed[name, topic] += count - self._consumed[name, topic]
            self._consumed[name, topic] = count
        fresh = intake.records - self._records[name]
        self._records[name] = intake.records
        totals.records[name] += fresh
        return fresh

    def _monitors(self) -> Mapping[str, MonitorStatus]:
        engine = self._engine
        shown = {}
        for stream, runner in engine.runners.streams.items():
            every = [
                lane for one in runner.nested for bundle in one.bundles.values() for lane in bundle.lanes
            ]
            for group in runner.plan.every_group:
                lanes = [lane for lane in every if lane.group is group]
                keys = sum(lane.keys.known for lane in lanes)
                filling = sum(group.window.filling(lane.window_state) for lane in lanes)
                for monitor in group.monitors:
                    shown[monitor.name] = MonitorStatus(
                        stream,
                        monitor.kind,
                        monitor.why,
                        keys,
                        filling,
                        sum(incident.open for incident in engine.board.of(monitor.name).values()),
                        engine.paused.get(monitor.name),
                        engine.totals.last_end.get(monitor.name),
                    )
        return shown
