"""Brokers that are killed, frozen, or not there yet: no error, nothing lost, tails that tell their age."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.services.kafka import Broker, unique
from tests.services.plugin import started
from tests.sources.kafka_reading import Reading, source_of

from streamgauge.batch import Partition

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    broker = started(Broker())
    yield broker
    broker.close()


def test_killed_and_back_reading_goes_on_and_nothing_is_lost_or_doubled(broker: Broker):
    topic = broker.create_topic(unique(), 2)
    values = [str(n).encode() for n in range(200)]
    patient = {"session.timeout.ms": 60_000}
    with Reading(source_of(broker, topic, settings=patient)) as reading:
        broker.produce(topic, values[:100], partition=0)
        reading.until(lambda: reading.count() >= 50 and len(reading.source.tails()) == 2)
        broker.kill()
        killed_at = time.monotonic()
        reading.until(lambda: reading.source.describe().get("trouble"))
        assert reading.oldest_tail().answered_at <= killed_at
        broker.start()
        broker.produce(topic, values[100:], partition=0)
        reading.settle()
        assert "trouble" not in reading.source.describe()
    assert reading.values[Partition(topic, 0)] == values
    assert not reading.gaps


def test_away_for_longer_than_the_session_the_partitions_are_lost_and_begin_where_the_store_stands(
    broker: Broker,
):
    topic = broker.create_topic(unique(), 1)
    place = Partition(topic, 0)
    broker.produce(topic, [b"0", b"1", b"2", b"3"])
    short = {"session.timeout.ms": 1_500}
    with Reading(source_of(broker, topic, settings=short)) as reading:
        reading.settle()
        reading.source.committed({place: 3})
        broker.pause()
        try:
            reading.until(lambda: reading.lost)
        finally:
            broker.resume()
        reading.until(lambda: reading.assigned[place] == 3)
        reading.settle()
    assert reading.lost == {place}
    assert not reading.revoked
    assert reading.values[place] == [b"0", b"1", b"2", b"3", b"3"]


def test_frozen_with_its_connections_up_the_tails_grow_old_and_nothing_is_raised(broker: Broker):
    topic = broker.create_topic(unique(), 1)
    with Reading(source_of(broker, topic)) as reading:
        reading.settle()
        broker.pause()
        try:
            reading.until(lambda: time.monotonic() - reading.oldest_tail().answered_at > 4)
        finally:
            broker.resume()
        broker.produce(topic, [b"after"])
        reading.until(lambda: reading.count() == 1)
        reading.settle()
    assert reading.values[Partition(topic, 0)] == [b"after"]


def test_a_frozen_broker_does_not_hold_up_leaving(broker: Broker):
    topic = broker.create_topic(unique(), 1)
    reading = Reading(source_of(broker, topic)).settle()
    broker.pause()
    try:
        began = time.monotonic()
        reading.source.close()
        assert time.monotonic() - began < 30
    finally:
        broker.resume()


def test_absent_at_start_it_is_waited_for(broker: Broker):
    topic = broker.create_topic(unique(), 1)
    broker.produce(topic, [b"before"])
    broker.stop()
    with Reading(source_of(broker, topic)) as reading:
        reading.until(lambda: len(reading.polls) == 10)
        assert reading.source.tails() == {}
        broker.start()
        reading.until(lambda: reading.count() == 1)
    assert reading.assigned == {Partition(topic, 0): 0}
