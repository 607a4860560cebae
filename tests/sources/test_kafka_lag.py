"""What the brokers say of groups and partitions, asked of a real one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.services.kafka import Broker, unique

from streamgauge.sources.kafka_lag import Config
from streamgauge.sources.kafka_lag.apart import Apart
from streamgauge.sources.polling.target import TargetError
from streamgauge.testing import eventually

pytestmark = pytest.mark.services
LONG = timedelta(seconds=60)

EXPORTED = {
    "kafka_brokers": (),
    "kafka_broker_info": ("id", "address"),
    "kafka_topic_partitions": ("topic",),
    "kafka_topic_partition_current_offset": ("topic", "partition"),
    "kafka_topic_partition_oldest_offset": ("topic", "partition"),
    "kafka_topic_partition_leader": ("topic", "partition"),
    "kafka_topic_partition_leader_is_preferred": ("topic", "partition"),
    "kafka_topic_partition_replicas": ("topic", "partition"),
    "kafka_topic_partition_in_sync_replica": ("topic", "partition"),
    "kafka_topic_partition_under_replicated_partition": ("topic", "partition"),
    "kafka_consumergroup_current_offset": ("consumergroup", "topic", "partition"),
    "kafka_consumergroup_lag": ("consumergroup", "topic", "partition"),
    "kafka_consumergroup_current_offset_sum": ("consumergroup", "topic"),
    "kafka_consumergroup_lag_sum": ("consumergroup", "topic"),
    "kafka_consumergroup_members": ("consumergroup",),
}
"""Every series of kafka_exporter 1.9.0 about Kafka itself with its labels, as a running one shows them."""


def committed(kafka: Broker, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """A group without members that has come so far."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(
        offsets=[TopicPartition(topic, number, offset) for number, offset in offsets.items()],
        asynchronous=False,
    )
    consumer.close()


@contextmanager
def asking(kafka: Broker, group: str, topic: str) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Asks for the records of one group and topic."""
    target = Apart(Config(brokers=(kafka.bootstrap,), groups=group, topics=topic), "lag")

    def ask() -> list[dict[str, Any]]:
        return [json.loads(record) for record in target.ask(30)]

    try:
        yield ask
    finally:
        target.close()


def of_group(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == "group"]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_of_either_protocol_is_told_with_owner_offset_and_lag(kafka: Broker, protocol: str):
    topic, group = kafka.create_topic(unique("lag"), 2), unique("group")
    kafka.produce(topic, [b"x"] * 10, partition=0)
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": group,
            "client.id": "reader",
            "group.protocol": protocol,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    eventually(lambda: consumer.consume(1, 0.2), within=LONG)
    consumer.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    with asking(kafka, group, topic) as ask:
        rows = of_group(ask())
        first, second = rows
        assert (first["group"], first["protocol"], first["members"]) == (group, protocol, 1)
        assert (first["owner"], first["offset"], first["end"], first["lag"]) == ("reader", 4, 10, 6)
        assert first["lag_seconds_from"] == "record"
        assert (second["partition"], second["owner"], second["offset"]) == (1, "reader", None)
        consumer.close()
        eventually(lambda: of_group(ask())[0]["owner"] is None, within=LONG)
        assert (of_group(ask())[0]["state"], of_group(ask())[0]["members"]) == ("EMPTY", 0)


def test_lag_in_seconds_is_the_age_of_the_first_unread_record(kafka: Broker):
    topic, group = kafka.create_topic(unique("lag"), 4, retention_ms=-1), unique("group")
    hour_ago = int(time.time() * 1000) - 3_600_000
    kafka.produce(topic, [b"x"] * 4, timestamps=[hour_ago + i * 60_000 for i in range(4)], partition=0)
    kafka.produce(topic, [b"x"] * 4, timestamps=[hour_ago] * 4, partition=1)
    kafka.produce(topic, [b"x"] * 4, timestamps=[hour_ago + i * 60_000 for i in range(4)], partition=2)
    kafka.delete_records(topic, 2, 3)
    kafka.produce(topic, [b"x"] * 4, partition=3)
    kafka.delete_records(topic, 3, 4)
    committed(kafka, group, topic, {0: 1, 1: 4, 2: 1, 3: 1})
    with asking(kafka, group, topic) as ask:
        behind, idle, expired, all_gone = of_group(ask())
    assert (behind["lag"], behind["lost"]) == (3, 0)
    assert behind["lag_seconds"] == pytest.approx(3_540, abs=60)
    assert (idle["lag"], idle["lag_seconds"]) == (0, 0.0)
    assert (expired["lag"], expired["lost"]) == (3, 2)
    assert expired["lag_seconds"] == pytest.approx(3_420, abs=60)
    assert (all_gone["lag"], all_gone["lost"], all_gone["lag_seconds"]) == (3, 3, 0.0)
    assert "expires_in" not in behind


def test_groups_that_move_on_one_partition_are_each_looked_at_again(kafka: Broker):
    topic, group = kafka.create_topic(unique("lag"), 1), unique("group")
    kafka.produce(topic, [b"x"] * 50)
    with asking(kafka, f"{group}.*", topic) as ask:
        for turn in range(3):
            for number in range(3):
                committed(kafka, f"{group}-{number}", topic, {0: 10 * turn + number})
            assert [row["lag_seconds_from"] for row in of_group(ask())] == ["record"] * 3


def test_what_is_to_expire_is_told_where_records_go_by_age(kafka: Broker):
    topic, group = kafka.create_topic(unique("lag"), 1, retention_ms=7_200_000), unique("group")
    kafka.produce(topic, [b"x"] * 2, timestamps=[int(time.time() * 1000) - 3_600_000] * 2)
    committed(kafka, group, topic, {0: 0})
    with asking(kafka, group, topic) as ask:
        (row,) = of_group(ask())
    assert row["expires_in"] == pytest.approx(3_600, abs=60)


def test_an_offset_without_a_record_has_the_age_of_the_next_one_that_is_left(kafka: Broker):
    """As compaction leaves them; here the mark that ends a transaction."""
    topic, group = kafka.create_topic(unique("lag"), 2, retention_ms=-1), unique("group")
    for partition in (0, 1):
        kafka.transaction(topic, [b"x"], partition=partition)
    half_an_hour_ago = int(time.time() * 1000) - 1_800_000
    kafka.produce(topic, [b"x"], timestamps=[half_an_hour_ago], partition=0)
    committed(kafka, group, topic, {0: 1, 1: 1})
    with asking(kafka, group, topic) as ask:
        eventually(lambda: [row["end"] for row in of_group(ask())] == [3, 2], within=LONG)
        next_left, nothing_left = of_group(ask())
    assert next_left["lag_seconds"] == pytest.approx(1_800, abs=60)
    assert (nothing_left["lag"], nothing_left["lag_seconds"]) == (1, 0.0)


def test_a_lag_is_never_negative_while_a_group_reads_at_the_end(kafka: Broker):
    topic, group = kafka.create_topic(unique("lag"), 1), unique("group")
    with asking(kafka, group, topic) as ask:
        for count in range(1, 30):
            kafka.produce(topic, [b"x"])
            committed(kafka, group, topic, {0: count})
            (row,) = of_group(ask())
            assert row["end"] >= row["offset"]
            assert row["lag"] >= 0


def test_a_group_that_was_deleted_goes_on_being_told_as_gone(kafka: Broker):
    topic, group = kafka.create_topic(unique("lag"), 1), unique("group")
    committed(kafka, group, topic, {0: 0})
    with asking(kafka, group, topic) as ask:
        assert [row["state"] for row in of_group(ask())] == ["EMPTY"]
        kafka.admin.delete_consumer_groups([group])[group].result(20)
        for _ in range(2):
            (row,) = of_group(ask())
            assert (row["group"], row["state"], row.get("topic")) == (group, "GONE", None)


def test_partitions_and_brokers_are_told_without_any_group(kafka: Broker):
    topic = kafka.create_topic(unique("lag"), 2)
    with asking(kafka, "no group is called so", topic) as ask:
        cluster, broker, *partitions = ask()
    assert cluster == {"kind": "cluster", "brokers": 1}
    assert (broker["kind"], broker["address"]) == ("broker", kafka.bootstrap)
    assert [row["partition"] for row in partitions] == [0, 1]
    assert {(row["replicas"], row["in_sync"], row["missing_replicas"]) for row in partitions} == {(1, 1, 0)}


def test_what_is_shown_is_what_kafka_exporter_shows(kafka: Broker):
    from streamgauge.metrics import METRICS

    topic, group = kafka.create_topic(unique("lag"), 2), unique("group")
    kafka.produce(topic, [b"x"] * 5, partition=1)
    committed(kafka, group, topic, {0: 0, 1: 2})
    target = Apart(Config(brokers=(kafka.bootstrap,), groups=group, topics=topic), "lag")
    shown = {(name, labels): value for name, labels, value in target.exposed(target.ask(30))}
    target.close()
    labels = {metric.name: metric.labels for metric in METRICS}
    assert {name: labels[name] for name in EXPORTED} == EXPORTED
    assert {name for name, _ in shown} == {*EXPORTED, "kafka_consumer_lag"}
    assert shown["kafka_consumergroup_lag", (group, topic, "1")] == 3
    assert shown["kafka_consumergroup_current_offset", (group, topic, "1")] == 2
    assert shown["kafka_consumergroup_lag_sum", (group, topic)] == 3
    assert shown["kafka_consumergroup_members", (group,)] == 0
    assert shown["kafka_topic_partition_current_offset", (topic, "1")] == 5
    assert shown["kafka_consumer_lag", (group, topic, "1")] == 3


def test_brokers_that_are_not_there_are_told():
    target = Apart(Config(brokers=("127.0.0.1:1",)), "lag")
    with pytest.raises(TargetError, match=r"the brokers at 127\.0\.0\.1:1 do not answer"):
        target.ask(1)
    target.close()


def test_settings_that_the_library_refuses_are_told():
    target = Apart(Config(brokers=("127.0.0.1:1",), settings={"no.such.setting": 1}), "lag")
    with pytest.raises(TargetError, match=r"no\.such\.setting"):
        target.ask(1)
    target.close()


def test_a_process_that_was_killed_is_started_again(kafka: Broker):
    target = Apart(Config(brokers=(kafka.bootstrap,), groups="none", topics="none"), "lag")
    assert len(target.ask(30)) == 2
    child = target._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert len(target.ask(30)) == 2
    target.close()


def test_a_process_that_hangs_is_ended(kafka: Broker):
    target = Apart(Config(brokers=(kafka.bootstrap,), groups="none", topics="none"), "lag")
    assert len(target.ask(30)) == 2
    child = target._child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(TargetError, match="no whole answer in time"):
        target.ask(0.2)
    assert child.poll() is not None
    assert len(target.ask(30)) == 2
    target.close()


def test_secrets_of_the_settings_are_not_shown():
    login = {"sasl.username": "anna", "sasl.password": "hunter22", "security.protocol": "ssl"}
    config = Config(brokers=("b:1",), settings=login)
    assert "hunter22" not in repr(config)
    hidden = {"sasl.username": "***", "sasl.password": "***", "security.protocol": "ssl"}
    assert config.public()["settings"] == hidden
    assert config.scrub("login hunter22 of anna failed") == "login *** of anna failed"
