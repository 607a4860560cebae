"""Where reading starts and goes on, on a real broker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.services.kafka import Broker, unique
from tests.sources.kafka_reading import Reading, source_of

from streamgauge.batch import Partition

pytestmark = pytest.mark.services


def test_earliest_reads_all_and_latest_only_what_comes(kafka: Broker):
    topic = kafka.create_topic(unique(), 2)
    zero, one = Partition(topic, 0), Partition(topic, 1)
    kafka.produce(topic, [b"old"] * 3, partition=0)
    with (
        Reading(source_of(kafka, topic)) as everything,
        Reading(source_of(kafka, topic, start="latest")) as fresh,
    ):
        everything.settle()
        fresh.until(lambda: len(fresh.assigned) == 2)
        kafka.produce(topic, [b"new"], partition=0)
        everything.until(lambda: everything.count() == 4)
        fresh.until(lambda: fresh.count() == 1)
    assert everything.assigned == {zero: 0, one: 0}
    assert fresh.assigned == {zero: 3, one: 0}
    assert everything.values[zero] == [b"old"] * 3 + [b"new"]
    assert fresh.offsets == {zero: [3]}


def test_partitions_begin_together_in_one_poll(kafka: Broker):
    topic = kafka.create_topic(unique(), 4, retention_ms=-1)
    kafka.produce(topic, [b"x"], partition=0, timestamps=[1_700_000_000_000])
    with Reading(source_of(kafka, topic, start="2023-01-01")) as reading:
        reading.settle()
    assert [len(poll.assigned) for poll in reading.polls if poll.assigned] == [4]


def test_a_moment_starts_at_the_first_record_of_that_time(kafka: Broker):
    topic = kafka.create_topic(unique(), 2, retention_ms=-1)
    start = datetime(2026, 5, 1, tzinfo=UTC)
    millis = int(start.timestamp() * 1000)
    kafka.produce(topic, [b"1", b"2", b"3"], partition=0, timestamps=[millis - 1, millis, millis + 1])
    kafka.produce(topic, [b"before"], partition=1, timestamps=[millis - 5])
    with Reading(source_of(kafka, topic, start=start)) as reading:
        reading.settle()
    assert reading.assigned == {
        Partition(topic, 0): 1,
        Partition(topic, 1): 1,
    }  # the second has none: its end
    assert reading.values == {Partition(topic, 0): [b"2", b"3"]}
    piece = next(poll for poll in reading.polls if poll.slices).slices[0]
    assert piece.timestamps.tolist() == [millis * 1000, (millis + 1) * 1000]
    assert not piece.trusted


def test_the_store_wins_over_start_and_over_the_groups_offsets(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 1), unique("group")
    place = Partition(topic, 0)
    kafka.produce(topic, [b"0", b"1", b"2", b"3"])
    with Reading(source_of(kafka, topic, group=group)) as first:
        first.settle()
        first.source.committed({place: 4})
        first.until(lambda: _group_offset(kafka, group, place) == 4)
    with Reading(source_of(kafka, topic, group=group, start="latest"), {place: 2}) as second:
        second.settle()
    with Reading(source_of(kafka, topic, group=group)) as third:  # a new store: where `start` says
        third.settle()
    assert second.assigned == {place: 2}
    assert second.values[place] == [b"2", b"3"]
    assert third.assigned == {place: 0}


def test_opened_again_it_goes_back_without_leaving_the_group(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    place = Partition(topic, 0)
    kafka.produce(topic, [b"0", b"1", b"2"])
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
        reading.source.open({place: 1})
        reading.until(lambda: reading.count() == 5)
    assert reading.offsets[place] == [0, 1, 2, 1, 2]
    assert [dict(poll.assigned) for poll in reading.polls if poll.assigned] == [{place: 0}, {place: 1}]
    assert not reading.revoked


def test_partitions_added_later_are_read_from_their_beginning(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, [b"old"])
    with Reading(source_of(kafka, topic, start="latest")) as reading:
        reading.until(lambda: reading.assigned)
        kafka.add_partitions(topic, 2)
        kafka.produce(topic, [b"first of its kind"], partition=1)
        reading.until(lambda: reading.count() == 1)
    assert reading.assigned == {Partition(topic, 0): 1, Partition(topic, 1): 0}
    assert reading.values == {Partition(topic, 1): [b"first of its kind"]}


def test_partitions_added_while_we_were_away_are_read_from_their_beginning(kafka: Broker):
    topic = kafka.create_topic(unique(), 2)
    kafka.produce(topic, [b"unseen"], partition=1)
    with Reading(source_of(kafka, topic, start="latest"), {Partition(topic, 0): 0}) as reading:
        reading.settle()
    assert reading.assigned == {Partition(topic, 0): 0, Partition(topic, 1): 0}


def test_a_pattern_takes_whole_names_and_topics_that_come_later(kafka: Broker):
    word = unique("orders")
    first, other = kafka.create_topic(f"{word}.eu"), kafka.create_topic(f"{word}.eu.backup")
    kafka.produce(first, [b"old"])
    kafka.produce(other, [b"not meant"])
    with Reading(source_of(kafka, pattern=rf"{word}\.[a-z]+", start="latest")) as reading:
        reading.until(lambda: reading.assigned)
        later = kafka.create_topic(f"{word}.us")
        kafka.produce(later, [b"new topic"])
        kafka.produce(first, [b"new"])
        reading.until(lambda: reading.count() == 2)
    assert reading.values == {Partition(first, 0): [b"new"], Partition(later, 0): [b"new topic"]}


def test_several_topics_are_told_apart(kafka: Broker):
    topics = [kafka.create_topic(unique(), 2) for _ in range(2)]
    for topic in topics:
        for number in range(2):
            kafka.produce(topic, [f"{topic}:{number}".encode()] * 3, partition=number)
    with Reading(source_of(kafka, topics=topics)) as reading:
        reading.settle()
    assert reading.count() == 12
    assert all(set(values) == {str(partition).encode()} for partition, values in reading.values.items())


def test_records_removed_by_retention_are_told_as_a_gap(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    place = Partition(topic, 0)
    kafka.produce(topic, [str(n).encode() for n in range(10)])
    kafka.delete_records(topic, 0, 7)
    with Reading(source_of(kafka, topic), {place: 3}) as reading:
        reading.settle()
    assert reading.assigned == {place: 3}
    assert reading.gaps == {place: (3, 7)}
    assert reading.values[place] == [b"7", b"8", b"9"]
    told = next(n for n, poll in enumerate(reading.polls) if poll.gaps)
    assert not any(poll.slices for poll in reading.polls[:told])


def test_a_position_beyond_the_end_of_a_topic_made_anew_starts_at_its_beginning(kafka: Broker):
    topic = kafka.create_topic(unique(), 1)
    place = Partition(topic, 0)
    kafka.produce(topic, [b"only"])
    with Reading(source_of(kafka, topic), {place: 500}) as reading:
        reading.settle()
    assert reading.gaps == {place: (500, 0)}
    assert reading.values[place] == [b"only"]
    assert reading.next == {place: 1}


def test_pause_and_resume_lose_and_repeat_nothing(kafka: Broker):
    topic = kafka.create_topic(unique(), 2)
    zero, one = Partition(topic, 0), Partition(topic, 1)
    for number in range(2):
        kafka.produce(topic, [str(n).encode() for n in range(500)], partition=number)
    with Reading(source_of(kafka, topic)) as reading:
        reading.until(lambda: reading.assigned)
        while len(reading.values[zero]) < 500:
            reading.source.pause([one])
            reading.poll(limit=60)
            reading.source.resume([one])
            reading.poll(limit=60)
        reading.source.pause([zero, one])
        before = reading.count()
        kafka.produce(topic, [b"while paused"], partition=0)
        tail = reading.settle_tail(zero, 501)
        assert reading.count() == before
        assert tail.end_offset == 501
        reading.source.resume([zero, one])
        reading.settle()
    assert reading.offsets == {zero: list(range(501)), one: list(range(500))}


def _group_offset(kafka: Broker, group: str, place: Partition) -> int:
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place)])
    answer = kafka.admin.list_consumer_group_offsets([asked])[group].result(10)
    return int(answer.topic_partitions[0].offset)
