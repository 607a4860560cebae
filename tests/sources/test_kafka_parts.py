"""The source's parts that need no broker: where to start, columns from messages, what is final."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from streamgauge.batch import Partition
from streamgauge.errors import SourceError
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.placing import Spot, Starts
from streamgauge.sources.kafka.slices import as_slice, by_partition, events_apart, positions_after
from streamgauge.sources.kafka.troubles import Troubles
from streamgauge.testing import PushedClock

ZERO, ONE, OTHER = Partition("t", 0), Partition("t", 1), Partition("other", 0)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("why", "stored", "by_pattern", "partition", "spot"),
    [
        ("nothing is known: as configured", {}, False, ZERO, MAY),
        ("it was added while we read", {}, False, Partition("t", 9), "earliest"),
        ("the store knows its topic, so it was added while we were away", {ONE: 5}, False, ZERO, "earliest"),
        ("the store knows another topic only: this one was added to the list", {OTHER: 5}, False, ZERO, MAY),
        (
            "by pattern, a topic that the store does not know is a new topic",
            {OTHER: 5},
            True,
            ZERO,
            "earliest",
        ),
    ],
)
def test_where_partitions_without_a_position_start(
    why: str, stored: Mapping[Partition, int], by_pattern: bool, partition: Partition, spot: Spot
):
    starts = Starts(MAY, stored, by_pattern=by_pattern)
    starts.present([ZERO, ONE, OTHER])
    starts.present([partition])  # only the first call counts
    assert starts.position(partition) is None
    assert starts.spot(partition) == spot, why


def test_the_newest_position_that_the_store_told_wins():
    live = {ZERO: 5}
    starts = Starts("latest", live, by_pattern=False)
    starts.told({ZERO: 7, ONE: 1})
    assert (starts.position(ZERO), starts.position(ONE)) == (7, 1)
    live[ZERO] = 9  # another instance read on meanwhile
    assert starts.position(ZERO) == 9


def message(partition: int, offset: int, *, topic: str = "t", millis: int = 5, kind: int = 1) -> Message:
    made: Any = Message
    value, time = b"%d" % offset, (kind, millis)
    found: Message = made(topic=topic, partition=partition, offset=offset, value=value, timestamp=time)
    return found


def grouped(messages: list[Message], topic: str | None) -> list[tuple[Partition, list[int | None]]]:
    return [(partition, [m.offset() for m in found]) for partition, found in by_partition(messages, topic)]


def test_runs_are_cut_out_as_they_are():
    messages = [message(1, 0), message(1, 1), message(0, 7)]
    assert grouped(messages, "t") == [(ONE, [0, 1]), (ZERO, [7])]
    assert grouped([], "t") == []


def test_alternating_partitions_are_gathered_in_offset_order():
    messages = [message(n % 2, n) for n in range(6)]
    assert grouped(messages, "t") == [(ZERO, [0, 2, 4]), (ONE, [1, 3, 5])]


def test_equal_numbers_of_several_topics_are_told_apart():
    messages = [message(0, 1), message(0, 1, topic="other"), message(0, 2)]
    assert sorted(grouped(messages, None)) == [(OTHER, [1]), (ZERO, [1, 2])]


def test_columns_of_a_slice():
    piece = as_slice(ZERO, [message(0, 3, millis=10), message(0, 5, millis=-1)], now=77)
    assert piece.offsets.tolist() == [3, 5]
    assert piece.timestamps.tolist() == [10_000, 77]
    assert (piece.payloads, piece.next_offset, piece.trusted) == ([b"3", b"5"], 6, False)
    assert as_slice(ZERO, [message(0, 3, kind=2)], now=0).trusted


def test_events_are_told_from_records():
    made: Any = Message
    end = made(topic="t", partition=0, offset=4, error=KafkaError(KafkaError._PARTITION_EOF))
    record = message(0, 3)
    assert events_apart([record, end]) == ([record], [end])
    assert events_apart([record]) == ([record], [])


def test_an_end_beyond_the_records_moves_the_position_on():
    piece = as_slice(ZERO, [message(0, 3)], now=0)
    assert [s.next_offset for s in positions_after([piece], {ZERO: 4, ONE: 9})] == [4, 9]
    assert [s.next_offset for s in positions_after([piece], {ZERO: 6})] == [4, 6]


def troubles_at(clock: PushedClock) -> Troubles:
    config = Config(
        brokers=("b:1",), topic="t", settings={"sasl.username": "ann", "sasl.password": "hush-hush"}
    )
    return Troubles(config, "payments", "group-1", clock.monotonic)


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT])
def test_brokers_that_are_away_are_no_error(code: int):
    clock = PushedClock()
    troubles = troubles_at(clock)
    troubles.add(KafkaError(code, "gone"))
    clock.push(timedelta(days=1))
    troubles.raise_final()


@pytest.mark.parametrize("code", [KafkaError._AUTHENTICATION, KafkaError._SSL])
def test_a_broken_handshake_counts_at_start_and_later_only_when_it_lasts(code: int):
    clock = PushedClock()
    troubles = troubles_at(clock)
    troubles.add(KafkaError(code, "no, hush-hush"))
    troubles.raise_final()
    clock.push(timedelta(seconds=4))
    with pytest.raises(SourceError, match=r"no, \*\*\*"):
        troubles.raise_final()
    troubles.alive(clock.monotonic())
    troubles.raise_final()
    troubles.add(KafkaError(code, "again"))
    with pytest.raises(SourceError, match="again"):
        troubles.raise_final(opening=True)


def test_a_refusal_is_not_forgotten_because_the_broker_lives():
    clock = PushedClock()
    troubles = troubles_at(clock)
    troubles.add(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), "t")
    troubles.alive(clock.monotonic() + 1)
    with pytest.raises(SourceError) as caught:
        troubles.raise_final()
    assert str(caught.value) == (
        "stream 'payments': user 'ann' may not read topic 't' on the brokers at b:1; allow READ on that topic"
    )


def test_an_unknown_host_is_final_only_before_anything_else_was_heard():
    troubles = troubles_at(PushedClock())
    troubles.add(KafkaError(KafkaError._RESOLVE, "Name or service not known"))
    troubles.add(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    troubles.raise_final()
    with pytest.raises(SourceError, match="host of the brokers at b:1 is unknown: Name or service not known"):
        troubles.raise_final(opening=True)
    troubles.add(KafkaError(KafkaError._TRANSPORT, "another broker is away"))
    troubles.raise_final(opening=True)


def test_trouble_is_told_until_a_sign_of_life():
    clock = PushedClock()
    troubles = troubles_at(clock)
    troubles.add(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    troubles.add(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert (troubles.last, troubles.away) == ("Connection refused", True)
    troubles.alive(clock.monotonic())
    assert (troubles.last, troubles.away) == (None, False)
