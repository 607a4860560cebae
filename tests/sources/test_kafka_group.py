"""Membership of the consumer group, on a real broker."""

from __future__ import annotations

import time

import pytest
from tests.services.kafka import Broker, unique
from tests.sources.kafka_reading import Reading, source_of

from streamgauge.batch import Partition
from streamgauge.errors import SourceError

pytestmark = pytest.mark.services


def test_a_second_member_takes_some_partitions_and_the_rest_are_read_on(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 4), unique("group")
    all_four = {Partition(topic, number) for number in range(4)}
    with Reading(source_of(kafka, topic, group=group, instance="one")) as one:
        one.settle()
        with Reading(source_of(kafka, topic, group=group, instance="two")) as two:
            deadline = time.monotonic() + 30
            while not (two.assigned and one.revoked):
                one.poll()
                two.poll()
                assert time.monotonic() < deadline
            assert one.revoked == set(two.assigned)
            assert not one.lost
            assert not two.revoked
            kafka.produce(topic, [b"0"], partition=0)
            for number in range(4):
                kafka.produce(topic, [b"x"], partition=number)
            while one.count() + two.count() < 5:
                one.poll()
                two.poll()
                assert time.monotonic() < deadline
    kept = all_four - one.revoked
    assert set(one.values) == kept
    assert set(two.values) == one.revoked
    assert [dict(poll.assigned) for poll in one.polls if poll.assigned] == [dict.fromkeys(all_four, 0)]


def test_others_in_the_group_are_named_and_ourselves_not(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 1), unique("group")
    newcomer = source_of(kafka, topic, group=group, instance="newcomer")
    assert newcomer.other_members() == []
    with Reading(source_of(kafka, topic, group=group, instance="one")) as one:
        one.settle()
        assert one.source.other_members() == []
        assert newcomer.other_members() == ["streamgauge-payments on 127.0.0.1"]


def test_a_killed_reader_has_its_partitions_back_at_once(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 2), unique("group")
    long = {"session.timeout.ms": 120_000}
    killed = Reading(source_of(kafka, topic, group=group, instance="same", settings=long))
    killed.settle()  # and is never heard of again: nothing is closed
    with Reading(source_of(kafka, topic, group=group, instance="same", settings=long)) as back:
        back.until(lambda: len(back.assigned) == 2, within=60)  # the session would have lasted twice as long
        with pytest.raises(SourceError, match="another process on the same store took over"):
            killed.until(lambda: False)
    killed.source.close()


def test_leaving_keeps_the_place_of_a_named_instance(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 2), unique("group")
    with Reading(source_of(kafka, topic, group=group, instance="one")) as one:
        one.settle()
    assert source_of(kafka, topic, group=group).other_members() == ["streamgauge-payments on 127.0.0.1"]
    began = time.monotonic()
    one.source.close()
    assert time.monotonic() - began < 30


def test_partitions_taken_away_and_given_back_start_where_the_store_stands(kafka: Broker):
    topic, group = kafka.create_topic(unique(), 2), unique("group")
    for number in range(2):
        kafka.produce(topic, [b"0", b"1", b"2"], partition=number)
    with Reading(
        source_of(kafka, topic, group=group, start="latest"), {Partition(topic, 0): 0, Partition(topic, 1): 0}
    ) as one:
        one.settle()
        one.source.committed(dict.fromkeys(one.next, 2))
        with Reading(source_of(kafka, topic, group=group)) as two:
            deadline = time.monotonic() + 30
            while not (two.assigned and one.revoked):
                one.poll()
                two.poll()
                assert time.monotonic() < deadline
        (taken,) = one.revoked
        one.until(lambda: sum(taken in poll.assigned for poll in one.polls) == 2)
        one.settle()
    assert one.assigned[taken] == 2
    assert one.offsets[taken] == [0, 1, 2, 2]


def test_the_new_group_protocol_works_too(kafka: Broker):
    topic = kafka.create_topic(unique(), 2)
    kafka.produce(topic, [b"x"] * 10)
    source = source_of(kafka, topic)
    plain = {"group.protocol": "consumer", "topic.metadata.refresh.interval.ms": 300}
    config = source._config.model_copy(update={"settings": plain})
    with Reading(type(source)(config, "payments", source._clock)) as reading:
        reading.settle()
    assert reading.count() == 10
