"""What people do about incidents of a running engine, and what is told over restarts: a real store, a pushed clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.config import load
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.engine import Engine, Surroundings
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.errors import StoreError
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.actions import Act, AddSilence, Attend, ExpireSilence, Refusal, TakeGroup
from streamgauge.plan import make_plan
from streamgauge.stores import Owner, open_store
from streamgauge.testing import ListedSource, PushedClock, RecordingChannel, eventually, listed
from tests.incidents.given import silence

T0 = 1_700_000_000_000
FILE = """\
streams:
  payments:
    source: {{type: files, path: unused.ndjson}}
    format: json
    fields: {{account: string, at: timestamp}}
    time: at
    deadline: 1h
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account}}
    detect: {{type: threshold, when: count > 2}}
    runbook: https://wiki.example/burst
    description: "Many at once: ask why."
    labels: {{team: money}}
    {monitor}
store: sqlite:///{folder}/streamgauge.db
{more}
"""
GROUPED = "route: {channels: console, group_by: monitor, group_interval: 1m}"


class World:
    """An engine whose loop the test turns; :meth:`killed` makes it anew from the last commit."""

    def __init__(self, folder: Path, more: str = "", monitor: str = "") -> None:
        self.config = load(FILE.format(folder=folder, more=more, monitor=monitor))
        self.clock = PushedClock(T0 * 1000)
        self.store = open_store(self.config.store.url, owner=Owner.this_process(), clock=self.clock)
        self.channel = RecordingChannel()
        self.records: list[dict[str, Any]] = []
        self._start()

    def _start(self) -> None:
        plan = make_plan(self.config).streams["payments"]
        self.source = ListedSource([listed(self.records)], clock=self.clock, finite=False)
        decoder = open_decoder(self.config.streams["payments"], plan.layout)
        intake = Intake(plan, self.source, decoder, self.clock, finite=False)
        self.delivery = Delivery(self.store, {"console": self.channel}, self.clock)
        board = StatusBoard(self.clock.now())
        surroundings = Surroundings(self.store, {"payments": intake}, self.delivery, self.clock, board)
        self.engine = Engine(self.config, surroundings)
        self.delivery.start()
        intake.start(self.engine._restarts["payments"].positions)

    def killed(self) -> None:
        """What was not committed is gone."""
        self.delivery.stop()
        self._start()

    def burst(self, account: str, second: float, count: int = 3) -> None:
        """So many records of an account, at a second, and a turn."""
        self.bursts([account], second, count)

    def bursts(self, accounts: list[str], second: float, count: int = 3) -> None:
        """The same of several accounts."""
        rows = [{"account": one, "at": T0 + round(second * 1000)} for one in accounts for _ in range(count)]
        self.source.add(listed(rows, start=len(self.records)))
        self.records += rows
        self.turn()

    def turn(self, **passes: float) -> None:
        """Let time pass and turn the loop; each second brings a commit."""
        self.clock.push(timedelta(**passes))
        for _ in range(3):
            self.clock.push(timedelta(seconds=1))
            self.engine.turn()

    def act(self, asked: Any) -> dict[str, Any]:
        answer = self.engine.act(asked)
        self.engine.turn()
        return answer.result(timeout=0)

    def one(self) -> Incident:
        (found,) = self.store.incidents()
        return found

    def told(self) -> list[tuple[Any, ...]]:
        """Status, number, cause and key of all that was sent."""
        assert self.delivery.drain(timedelta(seconds=10))
        return [(n["status"], n["n"], n["cause"], n["key"]) for n in self.channel.sent]

    def close(self) -> None:
        self.delivery.stop()
        self.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def grouped(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, GROUPED)
    yield made
    made.close()


def test_an_incident_says_what_routes_and_people_need(world: World):
    world.burst("a", 0)
    found = world.one()
    assert found.labels == {
        "account": "a", "key": "a", "team": "money", "stream": "payments", "monitor": "burst", "incident": "verdict",
        "severity": "critical",
    }  # fmt: skip
    told = found.as_json()
    assert (told["runbook"], told["description"]) == ("https://wiki.example/burst", "Many at once: ask why.")


def test_acknowledged_it_is_not_repeated_until_it_ends_and_the_next_is_told_again(world: World):
    world.burst("a", 0)
    world.turn(hours=4)
    assert [told[:3] for told in world.told()] == [("firing", 1, "began"), ("firing", 2, "repeat")]
    taken = world.act(Act("ack", world.one().id, "ann", "looking at it"))
    assert (taken["state"], taken["owner"], taken["note"]) == ("acknowledged", "ann", "looking at it")
    world.turn(hours=9)
    assert len(world.told()) == 2
    world.killed()
    world.turn(hours=9)
    assert len(world.told()) == 2
    world.burst("a", 6, 1)
    world.burst("a", 11, 1)
    assert world.told()[-1] == ("resolved", 3, "ended", "a")
    world.burst("a", 16)
    assert world.told()[-1] == ("firing", 1, "began", "a")
    world.turn(hours=4)
    assert world.told()[-1] == ("firing", 2, "repeat", "a")


def test_every_change_is_in_the_history_with_who_and_why(world: World):
    world.burst("a", 0)
    name = world.one().id
    world.act(Act("assign", name, "ann", "bob"))
    world.act(Act("ack", name, "bob"))
    world.act(Act("note", name, "bob", "the shop is on sale"))
    world.act(Act("feedback", name, "bob", "as expected", "noise"))
    world.act(Act("resolve", name, "bob", "known"))
    assert [(c.who, str(c.state), c.why) for c in world.store.changes(name)] == [
        ("streamgauge", "firing", "burst of a: count = 3; expected count <= 2"),
        ("ann", "firing", "assigned to bob"),
        ("bob", "acknowledged", "acknowledged"),
        ("bob", "acknowledged", "the shop is on sale"),
        ("bob", "acknowledged", "noise: as expected"),
        ("bob", "resolved", "resolved by hand: known"),
    ]
    assert world.told()[-1] == ("resolved", 2, "ended", "a")
    world.act(Act("feedback", name, "ann", word="useful"))  # also of what has ended
    assert world.one().feedback == "useful"


def test_resolved_by_hand_its_window_opens_it_no_more_and_the_next_does(world: World):
    world.burst("a", 0)
    world.act(Act("resolve", world.one().id, "ann"))
    world.burst("a", 1)
    world.killed()
    world.burst("a", 2)
    world.burst("b", 6)
    assert [(i.key, str(i.state)) for i in world.store.incidents()] == [("b", "firing"), ("a", "resolved")]
    world.burst("a", 7)
    assert [key for _, _, cause, key in world.told() if cause == "began"] == ["a", "b", "a"]
    assert not world.store.telling("memory:")


REFUSED = [
    (Act("ack", "nothing", "ann"), "there is no incident 'nothing'"),
    (ExpireSilence("nothing", "ann"), "there is no silence 'nothing'"),
]


@pytest.mark.parametrize(("asked", "why"), REFUSED)
def test_what_is_not_there_is_refused(world: World, asked: Any, why: str):
    with pytest.raises(Refusal, match=why) as refused:
        world.act(asked)
    assert refused.value.missing


def test_what_has_ended_cannot_be_taken(world: World):
    world.burst("a", 0)
    world.act(Act("resolve", world.one().id, "ann"))
    for verb in ("ack", "resolve"):
        with pytest.raises(Refusal, match="ended"):
            world.act(Act(verb, world.one().id, "ann"))
    for act in (Act("note", world.one().id, "ann"), Act("feedback", world.one().id, "ann", word="meh")):
        with pytest.raises(Refusal):
            world.act(act)


def test_a_silence_is_kept_over_a_kill_and_taken_back(world: World):
    now = world.clock.now()
    made = silence("account=a", start=now, end=now + 3_600_000_000, name="s1", created_at=now)
    assert world.act(AddSilence(made))["state"] == "active"
    world.burst("a", 0)
    world.burst("b", 0)
    assert [key for *_, key in world.told()] == ["b"]
    world.killed()
    world.turn()
    assert [(i.key, str(i.state)) for i in world.store.incidents()] == [("a", "suppressed"), ("b", "firing")]
    world.act(ExpireSilence("s1", "bob"))
    world.turn()
    assert world.told()[-1] == ("firing", 1, "began", "a")
    history = world.store.changes(next(i.id for i in world.store.incidents() if i.key == "a"))
    assert [str(change.state) for change in history] == ["suppressed", "firing"]
    assert history[0].why == "silence s1 by ann: a test"


def test_an_act_that_is_not_committed_is_not_answered(world: World, monkeypatch: pytest.MonkeyPatch):
    world.burst("a", 0)
    answer = world.engine.act(Act("ack", world.one().id, "ann"))

    def refuses(*_: object) -> None:
        raise StoreError("full")

    monkeypatch.setattr(world.store, "commit", refuses)
    world.engine.stop()
    with pytest.raises(StoreError, match="full"):
        world.engine.turn()
    with pytest.raises(StoreError, match="could not be committed"):
        answer.result(timeout=0)
    monkeypatch.undo()
    world.killed()
    assert world.one().state is IncidentState.FIRING


def test_an_engine_that_has_ended_does_nothing_more(world: World):
    world.engine.stop()
    world.engine.run()
    with pytest.raises(StoreError, match="the engine has ended"):
        world.engine.act(Act("ack", "x", "ann")).result(timeout=0)


def test_what_another_engine_was_asked_is_done_by_the_next(world: World):
    world.burst("a", 0)
    answer, before = world.engine.act(Act("ack", world.one().id, "ann")), world.engine
    world.killed()
    world.engine.go_on_for(before)
    world.turn()
    assert answer.result(timeout=0)["owner"] == "ann"


def test_a_group_goes_on_over_a_kill_with_no_notice_lost_or_told_twice(grouped: World):
    grouped.burst("a", 0)
    grouped.burst("b", 0)
    grouped.burst("c", 0)
    assert [(s, n, k) for s, n, _, k in grouped.told()] == [("firing", 1, ["burst"])]
    grouped.killed()
    grouped.turn(seconds=30)
    assert len(grouped.told()) == 1
    grouped.burst("d", 0)
    grouped.turn(seconds=30)
    eventually(lambda: len(grouped.told()) == 2)
    grouped.killed()
    grouped.turn(seconds=5)
    first, second = grouped.channel.sent
    assert first["id"] == second["id"]
    assert (first["evidence"]["began"], second["evidence"]["began"], second["evidence"]["open"]) == (1, 3, 4)
    assert [notice["n"] for notice in grouped.channel.sent] == [1, 2]


def test_what_was_decided_but_not_committed_is_decided_again_under_the_same_ids(
    grouped: World, monkeypatch: pytest.MonkeyPatch
):
    grouped.burst("a", 0)

    def refuses(*_: object) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patch:
        patch.setattr(grouped.store, "commit", refuses)
        grouped.burst("b", 0)
        grouped.turn(seconds=70)  # decides the group's second notice, and cannot write it
    grouped.killed()
    grouped.turn(seconds=2)
    assert [(n["n"], n["evidence"]["began"], n["evidence"]["open"]) for n in _sent(grouped)] == [
        (1, 1, 1),
        (2, 1, 2),
    ]


def _sent(world: World) -> list[dict[str, Any]]:
    world.told()
    return world.channel.sent


def test_a_pause_is_committed_before_it_is_answered_and_holds_over_a_kill(world: World):
    assert world.act(Attend("pause", "burst", "ann")) == {"monitor": "burst", "paused": "paused by hand: ann"}
    assert world.store.monitor_status()["burst"].reason == "paused by hand: ann"
    world.burst("a", 0)
    world.killed()
    world.burst("a", 5)
    assert not world.store.incidents()
    assert world.act(Attend("resume", "burst", "ann")) == {"monitor": "burst", "paused": None}
    world.burst("a", 20)
    assert [incident.key for incident in world.store.incidents()] == ["a"]


def test_a_pause_that_is_not_committed_is_not_answered(world: World, monkeypatch: pytest.MonkeyPatch):
    def refuses(*_: object) -> None:
        raise StoreError("full")

    answer = world.engine.act(Attend("pause", "burst", "ann"))
    monkeypatch.setattr(world.store, "commit", refuses)
    world.engine.stop()
    with pytest.raises(StoreError, match="full"):
        world.engine.turn()
    with pytest.raises(StoreError, match="could not be committed"):
        answer.result(timeout=0)
    monkeypatch.undo()
    world.killed()
    world.burst("a", 0)
    assert world.one().key == "a"


def test_what_was_asked_before_a_pause_in_the_same_turn_is_done_too(world: World):
    world.burst("a", 0)
    taken, pause = (
        world.engine.act(asked)
        for asked in (Act("ack", world.one().id, "ann"), Attend("pause", "burst", "bob"))
    )
    world.engine.turn()
    assert (taken.result(timeout=0)["owner"], pause.result(timeout=0)["paused"]) == (
        "ann",
        "paused by hand: bob",
    )
    assert (world.one().owner, str(world.one().state)) == ("ann", "acknowledged")


def test_a_group_is_taken_as_one_and_then_not_repeated(grouped: World):
    for account in "abc":
        grouped.burst(account, 0)
    first = next(i for i in grouped.store.incidents() if i.key == "a")
    grouped.act(Act("ack", first.id, "bob"))
    grouped.turn(minutes=2)
    notice = _sent(grouped)[0]
    answer = grouped.act(TakeGroup(notice["id"], "ann", "on it"))
    assert (answer["taken"], answer["taken_before"], answer["labels"]) == (2, 1, {"monitor": "burst"})
    owners = {i.key: (str(i.state), i.owner) for i in grouped.store.incidents()}
    assert owners == {
        "a": ("acknowledged", "bob"),
        "b": ("acknowledged", "ann"),
        "c": ("acknowledged", "ann"),
    }
    told = len(grouped.told())
    grouped.killed()
    grouped.turn(hours=9)
    assert len(grouped.told()) == told
    assert grouped.act(TakeGroup(answer["group"], "ann"))["taken"] == 0  # by its name in the store too


def test_a_group_that_is_not_there_is_refused(grouped: World):
    with pytest.raises(Refusal, match="no group 'nothing'") as refused:
        grouped.act(TakeGroup("nothing", "ann"))
    assert refused.value.missing


def test_what_is_remembered_of_many_keys_goes_when_it_counts_no_more(tmp_path: Path):
    world = World(tmp_path, monitor="flapping: {openings: 3, within: 1m}")
    keys = [f"k-{n}" for n in range(200)]
    world.bursts(keys, 0)
    for key in keys[:3]:
        world.act(
            Act("resolve", next(i.id for i in world.store.incidents(limit=1000) if i.key == key), "ann")
        )
    world.bursts(["x"], 10)
    world.bursts(["x"], 70)
    assert len(world.store.telling("memory:")) >= 200
    world.turn(hours=2)
    world.bursts(["x"], 7200, count=1)
    world.turn(minutes=2)
    world.turn(seconds=1)
    assert len(world.store.telling("memory:")) <= 1
    world.killed()
    assert len(world.engine.board.memory) <= 1
    world.close()
