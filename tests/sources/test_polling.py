"""The poller frame: each answer counts once, in order, and a target that does not answer is a source lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.clock import Clock, SystemClock
from streamgauge.conformance import check_source
from streamgauge.errors import SourceError
from streamgauge.sources.kafka_lag import Config
from streamgauge.sources.polling.source import PolledSource, as_records, open_polled
from streamgauge.sources.polling.target import Sample, TargetError
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, Position
from streamgauge.stores.inbox import Inbox
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock, eventually

PART = Partition("asked", 0)
WAIT = timedelta(milliseconds=50)
LONG = timedelta(seconds=60)


class Counter:
    """A system that answers two records, numbered, until it is told to be away; a question can be held."""

    def __init__(self) -> None:
        self.asked = 0
        self.away: str | None = None
        self.broken = False
        self.closed = False
        self.open = threading.Event()
        self.open.set()

    def ask(self, seconds: float) -> Sequence[bytes]:
        assert self.open.wait(30)
        if self.broken:
            raise ZeroDivisionError("oops")
        if self.away is not None:
            raise TargetError(self.away)
        self.asked += 1
        return as_records([{"n": self.asked, "row": row} for row in (0, 1)])

    def exposed(self, records: Sequence[bytes]) -> Iterable[Sample]:
        return [("kafka_brokers", (), float(len(records)))]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(f"sqlite:///{tmp_path}/store.db", owner=Owner.this_process(), clock=SystemClock())
    yield made
    made.close()


@pytest.fixture
def url(store: SqlStore, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@contextmanager
def polling(url: str, target: Counter, clock: Clock | None = None, **settings: Any) -> Iterator[PolledSource]:
    """Asks fifty times a second, unless told otherwise."""
    config = Config.model_validate({"brokers": "nowhere:1", "every": "20ms", **settings})
    source = open_polled(config, "asked", clock or SystemClock(), target, url)
    try:
        yield source
    finally:
        target.open.set()
        source.close()


def taken(source: PolledSource, count: int, limit: int = 100) -> list[tuple[int, int, int]]:
    """The next ``count`` records: offset, which answer, which of its rows."""
    found: list[tuple[int, int, int]] = []

    def enough() -> bool:
        for piece in source.poll(limit, WAIT).slices:
            for offset, payload in zip(piece.offsets.tolist(), piece.payloads or (), strict=True):
                row = json.loads(payload or b"")
                found.append((offset, row["n"], row["row"]))
        return len(found) >= count

    eventually(enough, within=LONG)
    return found[:count]


def test_answers_come_in_order_whatever_the_limit(url: str):
    with polling(url, Counter()) as source:
        source.open({})
        assert taken(source, 6, limit=1) == [(0, 1, 0), (1, 1, 1), (2, 2, 0), (3, 2, 1), (4, 3, 0), (5, 3, 1)]


def test_records_of_one_answer_have_one_moment_and_later_answers_later_ones(url: str):
    with polling(url, Counter()) as source:
        source.open({})
        moments: list[int] = []

        def enough() -> bool:
            for piece in source.poll(100, WAIT).slices:
                moments.extend(piece.timestamps.tolist())
            return len(moments) >= 6

        eventually(enough, within=LONG)
        first, second, third = moments[0:2], moments[2:4], moments[4:6]
        assert first[0] == first[1] < second[0] == second[1] < third[0] == third[1]


def test_what_was_answered_and_not_counted_is_read_again_by_the_next_process(url: str, store: SqlStore):
    with polling(url, Counter(), every="1h") as source:
        source.open({})
        assert taken(source, 2) == [(0, 1, 0), (1, 1, 1)]
    store.commit(Commit(positions={("asked", PART): Position(1, 0, 0)}))
    with polling(url, Counter(), every="1h") as source:
        source.open({PART: 1})
        assert taken(source, 3) == [(1, 1, 1), (2, 1, 0), (3, 1, 1)]


def test_between_answers_the_end_is_known_and_time_may_pass(url: str):
    with polling(url, Counter(), every="1h") as source:
        source.open({})
        taken(source, 2)
        eventually(lambda: source.poll(100, WAIT).at_end and PART in source.tails(), within=LONG)
        first = source.tails()[PART]
        eventually(
            lambda: source.poll(100, WAIT) and source.tails()[PART].asked_at > first.asked_at, within=LONG
        )
        assert source.tails()[PART].end_offset == 2


def test_from_the_first_question_without_an_answer_on_nothing_is_known(url: str):
    target = Counter()
    with polling(url, target) as source:
        source.open({})
        taken(source, 2)
        target.away = "it is away; start it"
        eventually(lambda: source.poll(100, WAIT) and source.describe().get("trouble"), within=LONG)
        assert source.describe()["trouble"] == "it is away; start it"
        stood = source.tails()
        for _ in range(3):
            source.poll(100, WAIT)
        assert source.tails() == stood
        target.away = None
        eventually(lambda: source.poll(100, WAIT) and source.tails() != stood, within=LONG)
        assert "trouble" not in source.describe()


def test_a_target_that_never_answered_has_no_end(url: str):
    target = Counter()
    target.away = "nobody is there"
    with polling(url, target) as source:
        source.open({})
        eventually(lambda: source.poll(100, WAIT) and source.describe().get("trouble"), within=LONG)
        assert source.tails() == {}


def test_a_question_that_hangs_beyond_its_timeout_makes_the_end_unknown(url: str):
    target, clock = Counter(), PushedClock()
    with polling(url, target, clock=clock) as source:
        source.open({})
        eventually(lambda: source.poll(100, WAIT) and source.tails(), within=LONG)
        target.open.clear()
        eventually(lambda: source._asking.now.since is not None, within=LONG)
        source.poll(100, WAIT)
        stood = source.tails()
        clock.push(timedelta(minutes=1))
        source.poll(100, WAIT)
        assert source.tails() == stood


def test_an_unexpected_error_is_told_like_any_other_and_asking_goes_on(url: str):
    target = Counter()
    target.broken = True
    with polling(url, target) as source:
        source.open({})
        eventually(lambda: source.poll(100, WAIT) and source.describe().get("trouble"), within=LONG)
        assert source.describe()["trouble"] == "ZeroDivisionError: oops"
        target.broken = False
        assert taken(source, 2) == [(0, 1, 0), (1, 1, 1)]


def test_an_inbox_without_room_is_told(url: str):
    with polling(url, Counter(), max_waiting=3) as source:
        source.open({})
        eventually(lambda: source.describe().get("trouble"), within=LONG)
        assert "3 answers wait to be counted already" in source.describe()["trouble"]


def test_counted_answers_leave_the_store(url: str):
    with polling(url, Counter(), every="1h") as source:
        source.open({})
        taken(source, 2)
        source.committed({PART: 2})
    inbox = Inbox(url)
    assert inbox.read("asked", 0, 10) == []
    inbox.close()


def test_it_shows_the_newest_answer(url: str):
    with polling(url, Counter(), every="1h") as source:
        assert list(source.exposed()) == [("kafka_brokers", (), 0.0)]
        source.open({})
        taken(source, 2)
        assert list(source.exposed()) == [("kafka_brokers", (), 2.0)]


def test_going_back_reads_again_and_asks_on(url: str):
    with polling(url, Counter()) as source:
        source.open({})
        taken(source, 4)
        source.open({PART: 1})
        assert taken(source, 3)[:2] == [(1, 1, 1), (2, 2, 0)]


def test_closing_lets_go_of_the_target(url: str):
    target = Counter()
    with polling(url, target) as source:
        source.open({})
        taken(source, 2)
    assert target.closed
    asked = target.asked
    source.close()
    assert target.asked == asked


def test_it_keeps_the_contract_of_sources(url: str):
    with polling(url, Counter(), every="1ms") as source:
        source.open({})
        taken(source, 60)

    def make() -> PolledSource:
        config = Config.model_validate({"brokers": "nowhere:1", "every": "1h"})
        return open_polled(config, "asked", SystemClock(), Counter(), url)

    check_source(make, records=60)


def test_a_replay_is_told_what_to_do():
    target = Counter()
    with pytest.raises(SourceError, match="--stream asked=PATH"):
        open_polled(Config(brokers=("nowhere:1",)), "asked", SystemClock(), target, None)
    assert target.closed
