"""The inbox as a source: offsets, reading again, what is removed, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.errors import SourceError
from streamgauge.sources.http import Config, HttpSource, open_source
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, Position
from streamgauge.stores.inbox import Inbox, Posted, Receipt
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock

PART = Partition("clicks", 0)
NOW = timedelta(0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(f"sqlite:///{tmp_path}/store.db", owner=Owner.this_process(), clock=SystemClock())
    yield made
    made.close()


@pytest.fixture
def url(store: SqlStore, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def inbox(url: str) -> Iterator[Inbox]:
    made = Inbox(url)
    yield made
    made.close()


def posted(*records: bytes, at: int = 7, most: int = 1000) -> Posted:
    return Posted("clicks", len(records), at, b"\n".join(records), most)


def source(url: str, clock: PushedClock | None = None) -> HttpSource:
    return open_source(Config(token="long-enough"), "clicks", clock or PushedClock(), store_url=url)


def test_records_come_in_the_order_of_their_commits_whatever_the_limit(url: str, inbox: Inbox):
    assert inbox.add([posted(b"a", b"b", at=1), posted(b"c", at=2)]) == [Receipt(0), Receipt(2)]
    assert inbox.add([posted(b"d", b"e", b"f", at=3)]) == [Receipt(3)]
    reading = source(url)
    reading.open({})
    found, offsets = [], []
    for _ in range(10):
        for piece in reading.poll(2, NOW).slices:
            found += list(piece.payloads or ())
            offsets += piece.offsets.tolist()
            assert piece.next_offset == offsets[-1] + 1
    assert found == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert offsets == [0, 1, 2, 3, 4, 5]
    reading.close()


@pytest.mark.parametrize("position", range(5))
def test_it_is_read_again_from_any_position(url: str, inbox: Inbox, position: int):
    inbox.add([posted(b"0", b"1", at=1), posted(b"2", b"3", at=2)])
    reading = source(url)
    reading.open({PART: position})
    poll = reading.poll(100, NOW)
    assert poll.assigned == {PART: position}
    offsets = [offset for piece in poll.slices for offset in piece.offsets.tolist()]
    assert offsets == list(range(position, 4))
    reading.close()


def test_it_is_at_its_end_when_the_inbox_is_read(url: str, inbox: Inbox):
    reading = source(url)
    reading.open({})
    poll = reading.poll(100, NOW)
    assert poll.assigned == {PART: 0}
    assert poll.at_end == {PART}
    inbox.add([posted(b"a", b"b")])
    assert reading.poll(1, NOW).at_end == frozenset()
    assert reading.tails()[PART].end_offset == 2
    assert reading.poll(1, NOW).at_end == {PART}
    reading.close()


def test_counted_records_are_removed_and_offsets_go_on(url: str, inbox: Inbox, store: SqlStore):
    inbox.add([posted(b"a", b"b"), posted(b"c")])
    reading = source(url)
    reading.open({})
    reading.poll(100, NOW)
    store.commit(Commit(positions={("clicks", PART): Position(3, 0, 0)}))
    reading.committed({PART: 3})
    assert inbox.read("clicks", 0, 100) == []
    assert inbox.span("clicks") == (3, 3)
    assert inbox.add([posted(b"d")]) == [Receipt(3)]
    reading.close()


def test_half_a_request_that_is_counted_stays(url: str, inbox: Inbox):
    inbox.add([posted(b"a", b"b")])
    inbox.forget("clicks", 1)
    assert [chunk.records for chunk in inbox.read("clicks", 0, 100)] == [[b"a", b"b"]]


def test_a_position_that_is_gone_is_a_gap(url: str, inbox: Inbox):
    inbox.add([posted(b"a", b"b"), posted(b"c")])
    inbox.forget("clicks", 2)
    reading = source(url)
    reading.open({PART: 0})
    poll = reading.poll(100, NOW)
    assert poll.gaps == {PART: (0, 2)}
    assert [piece.offsets.tolist() for piece in poll.slices] == [[2]]
    reading.close()


def test_a_paused_source_brings_nothing_and_is_not_at_its_end(url: str, inbox: Inbox):
    inbox.add([posted(b"a")])
    reading = source(url)
    reading.open({})
    reading.pause([PART])
    poll = reading.poll(100, NOW)
    assert (list(poll.slices), poll.at_end) == ([], frozenset())
    reading.resume([PART])
    assert len(reading.poll(100, NOW).slices) == 1
    reading.close()


def test_streams_do_not_mix(url: str, inbox: Inbox):
    inbox.add([posted(b"a"), Posted("other", 1, 0, b"x", 10)])
    assert inbox.span("other") == (0, 1)
    assert [chunk.records for chunk in inbox.read("other", 0, 10)] == [[b"x"]]


def test_there_is_no_room_beyond_what_may_wait(inbox: Inbox):
    assert inbox.add([posted(b"a", b"b", most=3), posted(b"c", b"d", most=3), posted(b"e", most=3)]) == [
        Receipt(0),
        None,
        Receipt(2),
    ]


def test_a_replay_is_told_to_name_recorded_ones():
    with pytest.raises(SourceError, match="name recorded ones: --stream clicks=PATH"):
        open_source(Config(token="long-enough"), "clicks", PushedClock())


STREAM = """
streams:
  clicks:
    source: {type: http, token: %s}
    format: %s
    fields: {page: string}
"""


def test_other_formats_are_a_mistake():
    with pytest.raises(
        ConfigErrors, match=r"\$\.streams\.clicks\.format: records of a source of type http are json"
    ):
        load(STREAM % ("long-enough", "csv"))


def test_the_token_is_long_enough_and_hidden():
    with pytest.raises(ConfigErrors, match=r"\$\.streams\.clicks\.source\.token"):
        load(STREAM % ("short", "json"))
    config = load(STREAM % ("plainly-written", "json"))
    assert "plainly-written" not in f"{config!r}{config.public()}"
