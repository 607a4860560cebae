"""Makes the picture of the engine that the server, the metrics and live views show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from streamgauge.batch import NEVER
from streamgauge.engines.delivery import Tried
from streamgauge.engines.status import EngineStatus, MonitorStatus, PartitionStatus, StatusBoard, StreamStatus

if TYPE_CHECKING:
    from streamgauge.engines.embedded import Engine

EVERY = 0.5
"""Seconds between pictures."""

_log = structlog.get_logger("streamgauge.engine")


class Reporter:
    """Twice a second, off the hot path."""

    def __init__(self, engine: Engine, board: StatusBoard) -> None:
        self._engine = engine
        self._board = board
        self._at = engine.clock.monotonic()
        self._counted: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._ready = False
        self._store: str | None = None
        self.notices: Counter[str] = Counter()

    def ready(self) -> None:
        """Kernels are compiled, the store is ours, the sources are open."""
        self._ready = True
        self.report()

    def tried(self, tried: Tried) -> None:
        """Told of each delivery; on the channel's thread."""
        self.notices[str(tried.result)] += 1

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

    def report_when_due(self) -> None:
        """A new picture, if the last is old enough."""
        if self._engine.clock.monotonic() - self._at >= EVERY:
            self.report()

    def report(self) -> None:
        """A new picture now."""
        engine = self._engine
        now = engine.clock.monotonic()
        passed, self._at = max(1e-6, now - self._at), now
        self._board.now = EngineStatus(
            at=engine.clock.now(),
            started_at=self._board.now.started_at,
            ready=self._ready,
            streams={name: self._stream(name, passed) for name in engine.intakes},
            monitors=self._monitors(),
            commits=engine.ledger.commits,
            commit_seconds=engine.ledger.seconds,
            store=self._store,
            waiting=engine.delivery.held(),
            notices=dict(self.notices),
        )

    def _stream(self, name: str, passed: float) -> StreamStatus:
        engine = self._engine
        intake, runner = engine.intakes[name], engine.runners.streams[name]
        rate = (intake.records - self._counted.get(name, 0)) / passed
        self._counted[name] = intake.records
        self._rates[name] = rate if name not in self._rates else 0.5 * self._rates[name] + 0.5 * rate
        tails, caught_up = intake.tails(), intake.caught_up()
        partitions = {}
        for partition, next_offset in runner.next_offset.items():
            end = tails[partition].end_offset if partition in tails else None
            mark = runner.clock.watermark(partition)
            partitions[str(partition)] = PartitionStatus(
                next_offset,
                end,
                None if end is None else max(0, end - next_offset),
                caught_up.get(partition, False),
                None if mark == NEVER else mark,
            )
        watermark = runner.clock.minimum()
        source = intake.source.describe()
        lost = engine.board.current(f"stream {name}", None, "source lost")
        return StreamStatus(
            records=intake.records,
            late=engine.ledger.late_total[name],
            dead_letters=engine.ledger.dead_total[name],
            rate=self._rates[name],
            watermark=None if watermark == NEVER else watermark,
            delay=None if watermark == NEVER else (engine.clock.now() - watermark) / 1e6,
            partitions=partitions,
            lost=None if lost is None else lost.title,
            source=dict(source),
            group=str(source["group"]) if "group" in source else None,
        )

    def _monitors(self) -> Mapping[str, MonitorStatus]:
        engine = self._engine
        shown = {}
        for stream, runner in engine.runners.streams.items():
            for group in runner.plan.groups:
                lanes = [
                    lane for bundle in runner.bundles.values() for lane in bundle.lanes if lane.group is group
                ]
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
                        engine.ledger.last_end.get(monitor.name),
                    )
        return shown
