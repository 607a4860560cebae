"""Faults of what reads and writes a topic of a real broker: retention overtakes a group, and records cannot be read."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition, admin

from tests.exactness.live import TOTAL, stream
from tests.health.watching import Watch
from tests.services.kafka import Broker, unique

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


def commit(kafka: Broker, group: str, topic: str, offset: int) -> None:
    consumer: Any = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()


def keep_a_second(kafka: Broker, topic: str) -> None:
    """Retention is short from now on."""
    words: Any = admin
    change = words.ConfigEntry("retention.ms", "1000", incremental_operation=words.AlterConfigOpType.SET)
    resource = words.ConfigResource("topic", topic, incremental_configs=[change])
    kafka.admin.incremental_alter_configs([resource])[resource].result(30)


def test_retention_overtakes_a_group(kafka: Broker, tmp_path):
    """Ten of its thirty records are read, and the broker deletes all: twenty are lost to it."""
    topic, group = kafka.create_topic(unique("kept"), 1, retention_ms=-1), unique("overtaken")
    kafka.produce(topic, [b"x"] * 30, timestamps=[int(time.time() * 1000) - 3_600_000] * 30)
    commit(kafka, group, topic, 30)
    given = {"KAFKA_BROKERS": kafka.bootstrap, "KAFKA_TOPICS": topic, "KAFKA_GROUPS": group,
             "KAFKA_EVERY": "200ms", "KAFKA_TIMEOUT": "30s"}  # fmt: skip
    with Watch(tmp_path, "kafka", given=given) as watch:
        watch.until(lambda: watch.read("kafka-cluster") > 50, "some answers", within=60)
        assert watch.told() == set()

        commit(kafka, group, topic, 10)
        keep_a_second(kafka, topic)

        def lost() -> bool:
            return any(one.observed.get("lost") == 20 for one in watch.incidents("kafka-lag"))

        watch.until(
            lost, "what is lost", within=150
        )  # a broker looks for the first time 30 s after its start
        (told,) = watch.incidents("kafka-lag")
        assert (told.key, told.severity) == (group, "critical")
        assert watch.told() == {"kafka-lag"}


def test_dead_letters_arrive(kafka: Broker, tmp_path):
    topic = kafka.create_topic(unique("broken"), 1)
    refused = {
        "stream": "streamgauge.dead_letters",
        "detect": {"type": "any", "by": "stream", "resolve_after": "1m", "when": "offset >= 0"},
    }
    config = {
        "streams": {"payments": stream(kafka, topic)},
        "monitors": {"payments-read": TOTAL, "dead-letters": refused},
    }
    with Watch(tmp_path, given={}, more=config) as watch:
        kafka.produce(topic, [b'{"account": "a", "at": %d}' % (time.time() * 1000)] * 10)
        watch.until(lambda: watch.read() == 10, "the good ones", within=60)
        assert watch.told() == set()
        kafka.produce(topic, [b"no json"])
        watch.tells("dead-letters", "payments", within=60)
        (told,) = watch.incidents("dead-letters")
        assert watch.told() == {"dead-letters"}
        assert told.samples[0]["offset"] == 10, told
