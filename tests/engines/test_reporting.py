"""The engine's picture over a real store: totals grow only, also over a pause, a failure and another engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.engine import Engine, Surroundings
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.outgoing.delivery import Delivery, Tried
from streamgauge.engines.reporting.status import EngineStatus, StatusBoard
from streamgauge.incidents.actions import Attend
from streamgauge.plan import make_plan
from streamgauge.stores import Owner, open_store
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PAYMENTS, ListedSource, PushedClock, RecordingChannel, eventually, listed

T0 = 1_700_000_000_000
FILE = """\
streams:
  payments:
    source: {{type: files, path: unused.ndjson}}
    format: json
    fields: {{account: string, at: timestamp}}
    time: at
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account}}
    detect: {{type: threshold, when: count > 2}}
store: sqlite:///{folder}/streamgauge.db
"""


class World:
    """An engine whose loop the test turns, over a source that the test feeds."""

    def __init__(self, folder: Path) -> None:
        self.config: Config = load(FILE.format(folder=folder))
        self.clock = PushedClock(T0 * 1000)
        self.board = StatusBoard(self.clock.now())
        self.store: SqlStore = open_store(self.config.store.url, owner=Owner.this_process(), clock=self.clock)
        self.source = ListedSource(clock=self.clock, finite=False)
        self.channel = RecordingChannel()
        self._offset = 0
        self.engine = self.make_engine()

    def tried(self, tried: Tried) -> None:
        """The present engine hears of it."""
        self.engine.reporter.tried(tried)

    def make_engine(self) -> Engine:
        """A new one over the same store, as after SIGHUP."""
        plan = make_plan(self.config).streams["payments"]
        decoder = open_decoder(self.config.streams["payments"], plan.layout)
        intake = Intake(plan, self.source, decoder, self.clock, finite=False)
        self.delivery = Delivery(
            self.store,
            {"console": self.channel},
            self.clock,
            on_try=self.tried,
        )
        surroundings = Surroundings(self.store, {"payments": intake}, self.delivery, self.clock, self.board)
        self.engine = Engine(self.config, surroundings)
        self.delivery.start()
        intake.start(self.engine._restarts["payments"].positions)
        self.engine.reporter.ready()
        return self.engine

    def read(self, *records: Any) -> EngineStatus:
        """Feed, let a second pass, turn the loop, look at the picture."""
        if records:
            self.source.add(listed(records, start=self._offset))
            self._offset += len(records)
        for _ in range(3):
            self.clock.push(timedelta(seconds=1))
            self.engine.turn()
        return self.board.now

    def close(self) -> None:
        self.delivery.stop()
        self.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def payment(account: str, at: float) -> dict[str, object]:
    return {"account": account, "at": T0 + round(at * 1000)}


def test_totals_of_what_was_read_and_committed(world: World):
    now = world.read(
        payment("a", 0), payment("a", 1), payment("a", 2), b"{", payment("b", 9), payment("a", 3)
    )
    stream = now.streams["payments"]
    assert (stream.records, stream.consumed) == (5, {PAYMENTS.name: 6})
    assert (stream.dead_letters, stream.late) == (1, 1)
    assert now.opened == {("burst", "critical"): 1}
    assert now.commits >= 1
    assert now.commit_times is not None
    assert sum(now.commit_times.counts) == now.commits
    eventually(lambda: len(world.channel.sent) == 2)
    now = world.read()
    assert now.notices == {("console", "delivered"): 2}
    assert sum(now.notice_times["console"].counts) == 2


def test_a_pause_and_another_engine_take_nothing_back(world: World):
    world.read(payment("a", 0), payment("a", 1), payment("a", 2), b"{")
    before = world.board.now
    world.engine.act(Attend("pause", "burst", "ann"))
    now = world.read()
    assert now.monitors["burst"].paused == "paused by hand: ann"
    assert now.streams["payments"].records == 3
    assert now.streams["payments"].dead_letters == 1
    world.engine.act(Attend("resume", "burst", "ann"))
    now = world.read(payment("b", 3))
    assert now.monitors["burst"].paused is None
    assert now.streams["payments"].records == 4
    assert now.commits > before.commits
    world.delivery.stop()
    world.make_engine()
    now = world.read(payment("b", 4))
    assert now.streams["payments"].records == 5
    assert now.opened == before.opened == {("burst", "critical"): 1}
    assert now.streams["payments"].consumed == {PAYMENTS.name: 6}


def test_open_incidents_by_severity(world: World):
    now = world.read(payment("a", 0), payment("a", 1), payment("a", 2))
    assert now.open == {("burst", "critical"): 1}
    assert now.monitors["burst"].open_incidents == 1
    now = world.read(payment("b", 20))
    assert now.open == {}


def test_a_store_that_refuses_shows_and_the_loop_still_turns(world: World, monkeypatch: pytest.MonkeyPatch):
    from streamgauge.errors import StoreError

    def refuse(_commit: object) -> None:
        raise StoreError("the disk is full")

    world.read(payment("a", 0))
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "commit", refuse)
        now = world.read(payment("a", 1))
        assert now.store == "the disk is full"
        assert now.turned_at == world.clock.monotonic()
    now = world.read()
    assert now.store is None


def test_what_readiness_waits_for(tmp_path: Path):
    board = StatusBoard(0)
    assert (board.now.ready, board.now.starting) == (
        False,
        "the store and what is saved in it are being opened",
    )
    world = World(tmp_path)
    world.engine.reporter.starting("kernels are being compiled")
    assert (world.board.now.ready, world.board.now.starting) == (False, "kernels are being compiled")
    world.engine.reporter.ready()
    assert (world.board.now.ready, world.board.now.starting) == (True, None)
    world.close()
