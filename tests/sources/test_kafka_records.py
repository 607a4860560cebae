"""Transactions, ends, timestamps and what else is in a partition, on a real broker."""

from __future__ import annotations

import time

import pytest
from tests.services.kafka import Broker, unique
from tests.sources.kafka_reading import Reading, source_of

from streamgauge.batch import Partition

pytestmark = pytest.mark.services


def test_only_committed_records_are_read_and_positions_pass_the_marks(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    place = Partition(topic, 0)
    kafka.transaction(topic, [b"a", b"b"])
    kafka.transaction(topic, [b"no"] * 3, end="abort")
    kafka.produce(topic, [b"plain"])
    kafka.transaction(topic, [b"c"])
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
    assert reading.values[place] == [b"a", b"b", b"plain", b"c"]
    assert reading.offsets[place][:2] == [0, 1]
    assert reading.offsets[place] == sorted(set(reading.offsets[place]))
    assert reading.next[place] == 7 + 3  # three marks; each is written a moment after its transaction ended


def test_an_aborted_end_is_passed_by_a_slice_without_records(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    kafka.transaction(topic, [b"no"] * 5, end="abort")
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
    (piece,) = [piece for poll in reading.polls for piece in poll.slices]
    assert (len(piece.offsets), len(piece.timestamps), piece.payloads, piece.next_offset) == (0, 0, (), 6)


def test_an_open_transaction_shows_in_the_tail_until_it_ends(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    place = Partition(topic, 0)
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
        producer = kafka.transaction(topic, [b"in doubt"], end="open")
        kafka.produce(topic, [b"behind it"])
        reading.until(lambda: reading.source.tails()[place].end_offset == 2)
        assert reading.source.tails()[place].open_transaction
        assert reading.count() == 0
        producer.commit_transaction(20)
        reading.settle()
        assert not reading.source.tails()[place].open_transaction
    assert reading.values[place] == [b"in doubt", b"behind it"]


def test_caught_up_is_seen_soon_and_again_while_nothing_comes(kafka: Broker):
    topic = kafka.create_topic(unique(), 3)
    kafka.produce(topic, [b"x"] * 30)
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
        tail = reading.oldest_tail()
        reading.until(lambda: reading.oldest_tail().asked_at > tail.answered_at)
    assert sum(reading.next.values()) == 30


def test_broker_timestamps_are_trusted(kafka: Broker):
    topic = kafka.create_topic(unique(), 1, **{"message.timestamp.type": "LogAppendTime"})
    before = time.time_ns() // 1_000_000 * 1000
    kafka.produce(topic, [b"x"], timestamps=[1_000])
    after = time.time_ns() // 1000
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
    (piece,) = [piece for poll in reading.polls for piece in poll.slices]
    assert piece.trusted
    assert before <= piece.timestamps[0] <= after


def test_tombstones_empty_and_large_records_come_as_they_are(kafka: Broker):
    topic = kafka.create_topic(unique(), 1, **{"max.message.bytes": 6_000_000})
    large = b"x" * 5_000_000
    producer = kafka.new_producer({"message.max.bytes": 6_000_000})
    for value in (None, b"", large, b"after"):
        producer.produce(topic, value, key=b"k")
    producer.flush(20)
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
    assert reading.values[Partition(topic, 0)] == [None, b"", large, b"after"]


def test_a_poll_holds_the_limit_and_goes_on_behind_it(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, [str(n).encode() for n in range(250)])
    with Reading(source_of(kafka, topic)) as reading:
        while reading.count() < 250:
            poll = reading.poll(limit=100)
            assert sum(len(piece.offsets) for piece in poll.slices) <= 100
    assert reading.offsets[Partition(topic, 0)] == list(range(250))
