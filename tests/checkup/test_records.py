"""Planted faults of records on a real topic: the doctor names each, and nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streamgauge.batch import Partition
from streamgauge.checkup.contract import Grade
from streamgauge.clock import SECOND, SystemClock
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, Position
from tests.checkup.examined import configured, of_topic, payments, the_fault
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services


def test_records_that_are_not_what_the_fields_say(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, [record.replace(b"12.5", b'"12.5"') for record in payments()])
    sums = {
        "stream": "payments",
        "window": {"type": "tumbling", "size": "5s", "compute": {"spent": "sum(amount)"}},
    }
    judged = {"burst": {**sums, "detect": {"type": "threshold", "when": "spent > 10"}}}
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic), monitors=judged))
    assert (fault.check, fault.grade) == ("records", Grade.WRONG)
    assert fault.found == (
        '300 of 300 records looked at cannot be read; mostly: amount: expected a number, got the text "12.5"'
    )


def test_event_times_of_another_zone(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, payments(ahead=-2 * 3600 * SECOND))
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic)))
    assert (fault.check, fault.grade) == ("event time", Grade.WARNING)
    assert fault.found.endswith("which is 2 whole hours: a time zone?")


def test_event_times_ahead(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, payments(ahead=60 * SECOND))
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic)))
    assert (fault.check, fault.grade) == ("event time", Grade.WARNING)
    assert "ahead of this clock" in fault.found


def test_more_disorder_than_lateness_allows(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1)
    now = SystemClock().now() // 1000
    late = [now - (20_000 if n % 10 == 9 else 0) - (300 - n) for n in range(300)]
    kafka.produce(topic, [msgspec.json.encode({"account": "a", "amount": 1.0, "at": at}) for at in late])
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic)))
    assert (fault.check, fault.grade) == ("event time", Grade.WARNING)
    assert "30 of 300 records lie further out of order than `lateness: 2s`" in fault.found
    assert fault.advice.startswith("write `lateness: 30s`")


def test_records_that_arrive_after_their_time_has_passed(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1, message_timestamp_type="LogAppendTime")
    kafka.produce(topic, payments(ahead=-20 * SECOND, steps=1))
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic), deadline="1s"))
    assert (fault.check, fault.grade) == ("event time", Grade.WARNING)
    assert "records arrive up to" in fault.found
    assert "or let the producer send sooner (linger.ms)" in fault.advice


def test_a_key_on_two_partitions(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 2)
    for partition in (0, 1):
        kafka.produce(topic, payments(), partition=partition)
    fault = the_fault(configured(tmp_path, of_topic(kafka, topic), partitioned_by="account"))
    assert (fault.check, fault.grade) == ("placement", Grade.WRONG)
    assert fault.found == f"account a-0 is on {topic}:0 and on {topic}:1"


def test_records_that_were_deleted_unread(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 1)
    kafka.produce(topic, payments())
    kafka.delete_records(topic, 0, 200)
    config = configured(tmp_path, of_topic(kafka, topic))
    store = open_store(config["store"], owner=Owner.this_process(), clock=SystemClock())
    store.commit(Commit(positions={("payments", Partition(topic, 0)): Position(150, 0, 0)}))
    store.close()
    fault = the_fault(config)
    assert (fault.check, fault.grade) == ("group", Grade.WARNING)
    assert "was read to offset 150, and 50 records behind it are deleted by now" in fault.found
