"""Makes incidents of the lines that a run on Spark wrote: the embedded engine, reading verdicts instead of records.

All stages after a verdict are the embedded ones: the store, what people do about incidents, the channels, the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.config import plugins
from streamgauge.config.models import Config
from streamgauge.engines.embedded import opening
from streamgauge.engines.embedded.engine import BATCH, Engine, Surroundings
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.outgoing.dead_letters import copied
from streamgauge.engines.spark.forwarding import sent_of, sent_plan
from streamgauge.engines.spark.hearing import Ear, Hearing, Judge
from streamgauge.engines.spark.meeting import Meeting
from streamgauge.engines.spark.merging import merged
from streamgauge.engines.spark.native_hearing import NativeMeeting, heard
from streamgauge.kernels import jit
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan
from streamgauge.sources.contract import Source
from streamgauge.stores.contract import Store

AT = "read:"
"""Under this and the partition's name it is remembered where reading of the lines goes on."""

_WAIT = timedelta(milliseconds=50)

_log = structlog.get_logger("streamgauge.spark")


@dataclass(frozen=True, slots=True)
class Topic:
    """Where lines are read."""

    brokers: str
    name: str


class NotifySession(Session):
    """As a run, with an engine that reads lines.

    Args:
        config: checked, and nothing in it that Spark refuses.
        topic: where the lines are.
        path, dry_run: as of a run.
    """

    def __init__(
        self, config: Config, topic: Topic, *, path: Path | None = None, dry_run: bool = False
    ) -> None:
        super().__init__(config, path=path, dry_run=dry_run)
        self._topic = topic

    def _open(self, store: Store, choices: opening.Choices) -> None:
        """Run the engine to its end."""
        config = self.config
        with (
            opening.delivering(config, store, self.clock, choices) as (delivery, hear),
            opening.sinking(config, store, self.status, choices) as sinking,
        ):
            source = open_lines(self._topic, store, self.clock)
            surroundings = Surroundings(store, {}, delivery, self.clock, self.status, choices.reload, sinking)
            engine = NotifyEngine(config, surroundings, source)
            hear.append(engine.reporter.tried)
            choices.on_engine(engine)
            try:
                with copied(config.streams, store):
                    engine.run()
            finally:
                source.close()
            if not engine.replaced:
                delivery.drain(opening.DRAIN)
                if sinking is not None:
                    sinking.drain(opening.DRAIN)


class NotifyEngine(Engine):
    """Hears what was judged and merges what spans partitions; commits what follows from it with where it was read."""

    def __init__(self, config: Config, surroundings: Surroundings, source: Source) -> None:
        self._source = source
        self._next: dict[Partition, int] = {}
        self._done: dict[Partition, int] = {}
        super().__init__(config, surroundings)

    def _begin(self) -> None:
        super()._begin()
        kept = self.store.telling()
        positions = {name: restart.positions for name, restart in self._restarts.items()}
        meeting: Judge = (NativeMeeting if self._native else Meeting)(self.runners, positions)
        ear = Ear(self.plan, self.config, self.board, self.ledger, self.mishaps, meeting, self.paused)
        self._hearing = Hearing(ear, kept)
        self._next = {
            Partition.parse(name.removeprefix(AT)): int(row["next_offset"])
            for name, row in kept.items()
            if name.startswith(AT)
        }
        self._done = dict(self._next)

    def run(self) -> None:
        """As of every engine; what waits for us is read first."""
        self._source.open(self._next)
        super().run()

    def turn(self) -> None:
        """One turn: hear, then what every turn does."""
        try:
            if self._refused_at is not None or self._full:
                self.stopping.wait(_WAIT.total_seconds())
            elif not self._listen():
                return
        except MonitorFailed as failed:
            self._failed(failed)
        super().turn()

    @property
    def _native(self) -> bool:
        return self.config.spark.fidelity == "native"

    def _judged_here(self) -> Plan:
        return heard(self.plan) if self._native else merged(self.plan)

    def _listen(self) -> bool:
        """Hear what has come; whether nothing stood in the way."""
        poll = self._source.poll(BATCH, _WAIT)
        if poll.lost:
            self._again()
            return False
        for partition, (wanted, found) in poll.gaps.items():
            _log.error("lines are missing", partition=str(partition), wanted=wanted, found=found)
        for piece in poll.slices:
            done = self._done.get(piece.partition, 0)
            for payload, offset in zip(piece.payloads or (), piece.offsets.tolist(), strict=True):
                self._hear(payload)
                done = done if self._hearing.holds else offset + 1
            self._next[piece.partition] = piece.next_offset
            self._done[piece.partition] = done if self._hearing.holds else piece.next_offset
            self.board.rows[f"{AT}{piece.partition}"] = {"next_offset": self._done[piece.partition]}
        self._hearing.settle()
        return True

    def commit(self) -> None:
        """As of every engine; then the same positions for others' eyes."""
        super().commit()
        if self._refused_at is None:
            self._source.committed(dict(self._next))

    def _again(self) -> None:
        super()._again()
        self._source.open(self._next)

    def _hear(self, payload: bytes | None) -> None:
        try:
            line: dict[str, Any] = msgspec.json.decode(payload or b"")
            self._hearing.hear(line)
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            _log.error("this is no line of ours and is left out", why=str(error))

    def _warm_up(self) -> None:
        """Kernels are compiled for records that are sent; without such, too little is judged here."""
        from streamgauge.engines.running.warm_up import load_arrow, warm_up

        sent = sent_of(self.config)
        jit.choose(live=bool(sent))
        load_arrow()
        if sent and jit.compiled():
            warm_up(sent_plan(self.plan))


def open_lines(topic: Topic, store: Store, clock: Clock) -> Source:
    """The source of lines: read from the first one on, in a group of this store."""
    module = plugins.module("sources", "kafka")
    settings = module.Config(brokers=(topic.brokers,), topic=topic.name, start="earliest", group=None)
    source: Source = module.open_source(
        settings, f"notify-{topic.name}", clock, instance=f"streamgauge-{store.id}"
    )
    return source
