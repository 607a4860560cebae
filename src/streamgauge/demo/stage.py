"""Everything that a demo consists of: a folder with a file and a store, a receiver, a session, what was planted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from streamgauge.clock import SECOND, SystemClock
from streamgauge.config import load
from streamgauge.demo.hearing import Hearing
from streamgauge.demo.matching import Row, match
from streamgauge.demo.table import Course
from streamgauge.engines.embedded.session import Session
from streamgauge.errors import ConfigError
from streamgauge.sources import synthetic
from streamgauge.sources.scenarios.contract import Planted

if TYPE_CHECKING:
    from streamgauge.engines.reporting.status import EngineStatus, StreamStatus
    from streamgauge.testing import WebhookReceiver

STREAM = "payments"
FILE = "streamgauge.yaml"
STORE = "demo.db"

BEYOND = 60
"""Seconds beyond the end in which faults are looked up whole; none lasts as long."""


class _Marked(Template):
    """``@name``, since ``$`` is the file's own."""

    delimiter = "@"


@dataclass(frozen=True, slots=True)
class Play:
    """What is played.

    Attributes:
        records: after so many the stream ends.
        rate: records per second.
        seed: which day.
        rules: another file than the one that is shipped, with the same marks.
    """

    records: int
    rate: float
    seed: int
    rules: str | None = None

    @property
    def seconds(self) -> float:
        """How long the stream lasts."""
        return self.records / self.rate

    def write(self, folder: Path, url: str) -> Path:
        """The file in ``folder``, which tells ``url``.

        Raises:
            ConfigError: a demo was played there already.
        """
        file, store = folder / FILE, folder / STORE
        if file.exists() or store.exists():
            raise ConfigError(
                f"{folder} holds {file.name if file.exists() else store.name} already: name another folder, or "
                "take that away"
            )
        text = self.rules or files("streamgauge.demo").joinpath("streamgauge.yaml").read_text("utf-8")
        place = f"sqlite:///{store.resolve()}".replace("${", "$${")
        marks = {"seed": self.seed, "records": self.records, "rate": f"{self.rate:f}", "url": url}
        file.write_text(_Marked(text).substitute(marks, store=json.dumps(place)), "utf-8")
        return file


class Stage:
    """A demo that is being played; any thread may look at it.

    Args:
        play: what is played.
        folder: where its file and its store are.
        receiver: what its webhook reaches.
    """

    def __init__(self, play: Play, folder: Path, receiver: WebhookReceiver) -> None:
        self.play = play
        self.folder = folder
        self.clock = SystemClock()
        self.file = play.write(folder, receiver.url)
        self.session = Session(load(self.file), clock=self.clock)
        self.rules = {rule.description: name for name, rule in self.session.config.monitors.items()}
        self.began_at = self.clock.monotonic()
        self.ready_after: float | None = None
        self.port: int | None = None
        epoch = self.clock.now() - round(self.clock.monotonic() * SECOND)
        self.hearing = Hearing(receiver.received, epoch)
        self._faults: list[Planted] | None = None

    @property
    def status(self) -> EngineStatus:
        """The engine's newest picture."""
        return self.session.status.now

    @property
    def stream(self) -> StreamStatus | None:
        """The stream's part of it; None while the engine is being made."""
        return self.status.streams.get(STREAM)

    @property
    def start(self) -> int | None:
        """Event time of record 0, microseconds; None before the stream has begun."""
        engine = self.session.engine
        if engine is None or not self.status.ready:
            return None
        if self.ready_after is None:
            self.ready_after = self.clock.monotonic() - self.began_at
        source = engine.intakes[STREAM].source
        assert isinstance(source, synthetic.SyntheticSource)
        return source.started

    @property
    def is_complete(self) -> bool:
        """Whether the stream was read to its last record."""
        engine = self.session.engine
        return engine is not None and all(intake.ended for intake in engine.intakes.values())

    def faults(self) -> Sequence[Planted]:
        """What is planted before the stream's end, each fault whole; nothing before the stream has begun."""
        start = self.start
        if self._faults is None and start is not None:
            config = self.session.config.streams[STREAM].source
            assert isinstance(config, synthetic.Config)
            beyond = self.play.records + round(BEYOND * self.play.rate)
            end = start + round(self.play.seconds * SECOND)
            planted = synthetic.planted(config, start, records=beyond)
            self._faults = [fault for fault in planted if fault.start < end]
        return self._faults or ()

    def course(self) -> Course:
        """How it went so far."""
        stream = self.stream
        if self.start is None or stream is None:
            return Course(None)
        records = stream.records + stream.dead_letters
        return Course(
            self.start,
            records / self.play.rate,
            records,
            stream.dead_letters,
            stream.late,
            self.ready_after or 0.0,
        )

    def rows(self, *, at_the_end: bool = False) -> list[Row]:
        """What was planted against what was told; only ``at_the_end`` of a whole stream is anything missed."""
        until = None
        if at_the_end and self.is_complete and self.start is not None:
            until = self.start + round(self.play.seconds * SECOND)
        rows = match(self.faults(), self.hearing.told(), self.rules, until=until)
        if at_the_end and until is None:  # interrupted: what lay ahead was not planted yet
            rows = [row for row in rows if row.fault is None or row.fault.start <= self.status.at]
        return rows
