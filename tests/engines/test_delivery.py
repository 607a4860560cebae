"""Notices leave in order, beside the path, at least once; on the real store."""

import os
import signal
import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from structlog.testing import capture_logs

from streamgauge.channels import webhook
from streamgauge.channels.contract import Answer, Result
from streamgauge.clock import SystemClock
from streamgauge.engines.outgoing import delivery as delivery_module
from streamgauge.engines.outgoing.delivery import Delivery, Tried
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock, RecordingChannel, Reply, WebhookReceiver, eventually
from tests import starting
from tests.channels.notices import BURST

SOON = timedelta(seconds=10)
AGAIN = Answer(Result.AGAIN, "busy")


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "streamgauge.db"


@pytest.fixture
def store(path, clock):
    store: SqlStore = open_store(f"sqlite:///{path}?timeout=0.1", owner=Owner.this_process(), clock=clock)
    yield store
    store.close()


class Running:
    """A delivery under test with what it told."""

    def __init__(self, store: SqlStore, clock: PushedClock, **channels: Any) -> None:
        self.tried: list[Tried] = []
        self.clock = clock
        self.delivery = Delivery(store, channels, clock, on_try=self.tried.append, jitter=lambda: 0.0)
        self.delivery.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.delivery.stop()

    def push(self, seconds: float) -> None:
        self.clock.push(timedelta(seconds=seconds))
        self.settle()

    def settle(self) -> None:
        self.delivery.wake()
        assert self.delivery.drain(SOON)

    @property
    def results(self) -> list[Result]:
        return [tried.result for tried in self.tried]


def incident(key: str = "a-7", *, ended: bool = False) -> Incident:
    found = replace(BURST, key=key)
    return replace(found, state=IncidentState.RESOLVED, resolved_at=found.opened_at) if ended else found


def decide(store: SqlStore, *notices: Notice) -> list[str]:
    store.commit(Commit(incidents=[notice.incident for notice in notices], notices=notices))
    return [notice.id for notice in notices]


def begin(key: str = "a-7", channel: str = "ops") -> Notice:
    return Notice(incident(key), 1, channel)


def end(key: str = "a-7", channel: str = "ops") -> Notice:
    return Notice(incident(key, ended=True), 2, channel)


def outbox(path: Path) -> list[tuple[str, str, int, str]]:
    with sqlite3.connect(path) as look:
        return look.execute("SELECT notice, state, attempts, detail FROM outbox ORDER BY sequence").fetchall()


def test_what_is_committed_is_sent_and_marked(store, clock, path):
    channel = RecordingChannel([Answer(Result.DELIVERED, "fine")])
    with Running(store, clock, ops=channel) as running:
        (notice,) = decide(store, begin())
        running.delivery.wake(["ops", "unknown"])
        assert running.delivery.drain(SOON)
        assert running.delivery.held() == {"ops": 0}
    assert channel.sent[0] == begin().as_json()
    assert outbox(path) == [(notice, "delivered", 1, "fine")]
    assert store.waiting() == []
    assert channel.closed


def test_what_waited_when_we_started_is_sent(store, clock):
    ids = decide(store, begin("x"), begin("y"))
    channel = RecordingChannel()
    with Running(store, clock, ops=channel) as running:
        assert running.delivery.drain(SOON)
    assert channel.ids == ids


def test_a_repeat_waits_its_time_and_keeps_its_id(store, clock, path):
    channel = RecordingChannel([AGAIN, AGAIN])
    with Running(store, clock, ops=channel) as running:
        (notice,) = decide(store, begin())
        running.settle()
        assert outbox(path) == [(notice, "waiting", 1, "busy")]
        running.push(0.999)
        assert len(channel.sent) == 1
        running.push(0.001)
        running.push(1.999)
        assert len(channel.sent) == 2
        running.push(0.001)
    assert channel.ids == [notice] * 3
    assert outbox(path) == [(notice, "delivered", 3, "")]


def test_the_receivers_wait_is_kept_also_over_a_restart(store, clock):
    channel = RecordingChannel([Answer(Result.AGAIN, "later", timedelta(seconds=90))])
    decide(store, begin())
    with Running(store, clock, ops=channel) as running:
        running.settle()
        running.push(30)
    with Running(store, clock, ops=channel) as running:
        running.settle()
        running.push(59)
        assert len(channel.sent) == 1
        running.push(1)
        assert len(channel.sent) == 2


def test_a_clock_that_is_set_back_delays_nothing(store, clock):
    channel = RecordingChannel([AGAIN])
    with Running(store, clock, ops=channel) as running:
        decide(store, begin("x"))
        running.settle()
        clock.jump(timedelta(days=-1))
        running.push(1)
        assert len(channel.sent) == 2
        clock.jump(timedelta(days=1))
        decide(store, begin("y"))
        clock.jump(timedelta(days=-1))
        running.settle()
        assert len(channel.sent) == 3


def test_a_later_notice_never_overtakes_an_earlier_one_of_its_incident(store, clock):
    channel = RecordingChannel([AGAIN])
    with Running(store, clock, ops=channel) as running:
        first, second, other = decide(store, begin("x"), end("x"), begin("y"))
        running.settle()
        assert channel.ids == [first, other]
        running.push(1)
    assert channel.ids == [first, other, first, second]


def test_a_receiver_that_never_answers_holds_up_no_other_channel(store, clock):
    forever = threading.Event()
    stuck, lively = RecordingChannel([forever]), RecordingChannel()
    with Running(store, clock, stuck=stuck, lively=lively) as running:
        decide(store, begin("x", "stuck"), begin("x", "lively"))
        running.delivery.wake()
        eventually(lambda: lively.sent)
        decide(store, begin("y", "stuck"), begin("y", "lively"))
        running.delivery.wake()
        eventually(lambda: len(lively.sent) == 2)
        assert not running.delivery.drain(timedelta(milliseconds=20))
        assert len(stuck.sent) == 1
        forever.set()
        assert running.delivery.drain(SOON)
    assert len(stuck.sent) == 2


def test_stopping_leaves_a_stuck_channel_behind(store, clock):
    forever = threading.Event()
    stuck = RecordingChannel([forever])
    decide(store, begin("x"), begin("y"))
    running = Running(store, clock, ops=stuck)
    eventually(lambda: stuck.sent)
    with capture_logs() as logs:
        running.delivery.stop(timedelta(milliseconds=20))
    assert [line["event"] for line in logs] == ["channel still waits for its receiver; left behind"]
    forever.set()
    eventually(lambda: stuck.closed)
    assert len(stuck.sent) == 1


def test_patience_ends_after_a_day_and_is_said_loudly(store, clock, path):
    channel = RecordingChannel([AGAIN, AGAIN])
    (notice,) = decide(store, begin())
    with Running(store, clock, ops=channel) as running, capture_logs() as logs:
        running.settle()
        running.push(24 * 3600)
        running.push(24 * 3600)
    assert running.results == [Result.AGAIN, Result.GAVE_UP]
    assert channel.ids == [notice] * 2
    assert outbox(path) == [
        (notice, "gave up", 2, "given up 1d after it was decided, 2 tries; the last: busy")
    ]
    loud = [line for line in logs if line["log_level"] == "error"]
    assert [line["event"] for line in loud] == ["NOTICE GIVEN UP: nobody was told of it through this channel"]
    assert loud[0]["notice"] == notice


def test_a_channel_has_its_own_patience(store, clock):
    channel = RecordingChannel([AGAIN, AGAIN])
    decide(store, begin())
    tried: list[Tried] = []
    delivery = Delivery(
        store, {"ops": channel}, clock, give_up_after={"ops": timedelta(seconds=1)}, on_try=tried.append
    )
    delivery.start()
    assert delivery.drain(SOON)
    clock.push(timedelta(seconds=2))
    delivery.wake()
    assert delivery.drain(SOON)
    delivery.stop()
    assert [one.result for one in tried] == [Result.AGAIN, Result.GAVE_UP]
    assert (tried[1].attempts, tried[1].waited) == (2, 2.0)


def test_what_grew_old_while_nobody_ran_is_still_tried(store, clock):
    decide(store, begin())
    clock.push(timedelta(days=3))
    channel = RecordingChannel()
    with Running(store, clock, ops=channel) as running:
        running.settle()
    assert running.results == [Result.DELIVERED]


def test_a_refusal_frees_the_next_notice(store, clock):
    channel = RecordingChannel([Answer(Result.GAVE_UP, "400")])
    first, second = decide(store, begin(), end())
    with Running(store, clock, ops=channel) as running:
        running.settle()
    assert channel.ids == [first, second]
    assert running.results == [Result.GAVE_UP, Result.DELIVERED]


def test_a_channel_that_is_configured_no_more(store, clock, path):
    (notice,) = decide(store, begin(channel="gone"))
    with Running(store, clock, ops=RecordingChannel(), mail=RecordingChannel()) as running:
        running.settle()
    sentence = "no channel gone in the configuration (there is: ops, mail)"
    assert outbox(path) == [(notice, "gave up", 1, sentence)]


def test_a_channel_with_a_bug_is_tried_again(store, clock):
    channel = RecordingChannel([KeyError("s3cret")])
    with Running(store, clock, ops=channel) as running:
        decide(store, begin())
        running.settle()
        running.push(1)
    assert running.results == [Result.AGAIN, Result.DELIVERED]
    assert running.tried[0].detail == "the channel itself failed with KeyError; see the log"


def test_a_watcher_with_a_bug_stops_nothing(store, clock):
    channel = RecordingChannel()

    def bug(_tried: Tried) -> None:
        raise ValueError("in a metric")

    delivery = Delivery(store, {"ops": channel}, clock, on_try=bug)
    ids = decide(store, begin("x"), begin("y"))
    delivery.start()
    eventually(lambda: len(channel.sent) == 2)
    delivery.stop()
    assert channel.ids == ids
    assert store.waiting() == []


def test_another_owner_ends_the_sending(store, clock, path):
    channel = RecordingChannel()
    with Running(store, clock, ops=channel) as running:
        assert running.delivery.drain(SOON)  # its first look is over: it finds nothing more by itself
        decide(store, begin())
        clock.push(timedelta(minutes=1))
        thief = replace(Owner.this_process(), host="elsewhere")
        other = open_store(f"sqlite:///{path}", owner=thief, clock=clock)
        running.delivery.wake()
        eventually(lambda: running.delivery.halted)
        assert not running.delivery.drain(timedelta(seconds=1))
        assert channel.sent == []
        assert [waiting.id for waiting in other.waiting()] == [begin().id]
        other.close()


def test_an_answer_that_cannot_be_noted_is_kept_and_not_sent_twice(store, clock, path):
    class LocksTheStore(RecordingChannel):
        def send(self, notice):
            blocker.execute("BEGIN IMMEDIATE")
            return super().send(notice)

    blocker = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    channel = LocksTheStore()
    (notice,) = decide(store, begin())
    with capture_logs() as logs, Running(store, clock, ops=channel) as running:
        eventually(lambda: any(line["event"] == "an answer cannot be noted" for line in logs))
        assert outbox(path)[0][1] == "waiting"
        blocker.execute("ROLLBACK")
        assert running.delivery.drain(SOON)
    blocker.close()
    assert channel.ids == [notice]
    assert outbox(path)[0][1] == "delivered"


def test_a_store_that_refuses_to_be_read_is_asked_again(store, clock, monkeypatch):
    from streamgauge.errors import StoreError

    monkeypatch.setattr(delivery_module, "_STORE_PAUSE", 0.01)
    refusals = [StoreError("locked"), StoreError("locked")]
    waiting = store.waiting

    def refusing(*args, **kwargs):
        if refusals:
            raise refusals.pop()
        return waiting(*args, **kwargs)

    monkeypatch.setattr(store, "waiting", refusing)
    channel = RecordingChannel()
    decide(store, begin())
    with Running(store, clock, ops=channel):
        eventually(lambda: channel.sent)
    assert refusals == []


def test_only_a_bounded_part_is_held_in_memory_and_the_rest_follows(store, clock, monkeypatch):
    monkeypatch.setattr(delivery_module, "HELD", 3)
    channel = RecordingChannel([AGAIN] * 3)
    ids = decide(store, *[begin(f"k{n}") for n in range(10)])
    with Running(store, clock, ops=channel) as running:
        running.settle()
        assert (channel.ids, running.delivery.held()) == (ids[:3], {"ops": 3})
        ids += decide(store, end("k0"))
        running.push(1)
    assert channel.ids[3:] == ids


def test_a_receiver_in_trouble_over_http_gets_each_notice_in_order_at_least_once(store, clock):
    troubles = [Reply(500), Reply(429, {"Retry-After": "3"}), Reply(kind="cut"), Reply(kind="half")]
    with WebhookReceiver([*troubles, Reply(kind="never")]) as receiver:
        config = webhook.Config.model_validate({"url": receiver.url, "timeout": "300ms"})
        with Running(store, clock, ops=webhook.open_channel(config, "ops")) as running:
            ids = decide(store, begin("x"), end("x"), begin("y"))
            for _ in range(12):
                running.settle()
                clock.push(timedelta(seconds=2))
        assert set(receiver.distinct) == set(ids)
        order = [request.headers["idempotency-key"] for request in receiver.received]
        assert order.index(ids[1]) > max(i for i, sent in enumerate(order) if sent == ids[0])
        assert store.waiting() == []


_KILLED = """
import sys
from datetime import timedelta
from streamgauge.channels import webhook
from streamgauge.clock import SystemClock
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.stores import Owner, open_store

clock = SystemClock()
store = open_store(sys.argv[1], owner=Owner.this_process(), clock=clock)
channel = webhook.open_channel(webhook.Config.model_validate({"url": sys.argv[2]}), "ops")
delivery = Delivery(store, {"ops": channel}, clock)
delivery.start()
delivery.drain(timedelta(seconds=20))
"""


def test_killed_between_sending_and_marking_it_goes_again_under_the_same_id(tmp_path):
    url = f"sqlite:///{tmp_path / 'streamgauge.db'}"
    store = open_store(url, owner=Owner.this_process(), clock=SystemClock())
    ids = decide(store, begin("x"), end("x"))
    store.close()
    with WebhookReceiver() as receiver:
        point, program = {**os.environ, "STREAMGAUGE_FAILPOINT": "send.after-before-mark"}, ("-c", _KILLED)
        killed = starting.run([url, receiver.url], environ=point, program=program)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert [notice["notice"] for notice in receiver.notices] == ids[:1]
        assert starting.run([url, receiver.url], program=program).returncode == 0
        assert [notice["notice"] for notice in receiver.notices] == [ids[0], ids[0], ids[1]]
        assert list(receiver.distinct) == ids
