"""`health --pack kafka` on a real broker: all is well, a consumer that stopped is named, and what a look cannot know is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from streamgauge.testing import eventually
from tests.cli.in_process import Ended, Verb
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports

pytestmark = pytest.mark.services


def committed(kafka: Broker, group: str, topic: str, offset: int) -> Any:
    """A consumer of ``group``, without being its member, that has committed ``offset``."""
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": group, "enable.auto.commit": False}
    consumer = Consumer(settings)
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    return consumer


@pytest.fixture
def topic(kafka: Broker) -> str:
    name = kafka.create_topic(unique("looked-at"), 1)
    kafka.produce(name, [b"x"] * 30)
    return name


@pytest.fixture
def health(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("health", capsys)


def asked(health: Verb, kafka: Broker, topic: str, groups: str, *more: str) -> Ended:
    given = [f"KAFKA_TOPICS={topic}", f"KAFKA_GROUPS={groups}", "KAFKA_TIMEOUT=30s"]
    options = [word for one in given for word in ("--set", one)]
    return health("--pack", "kafka", "--brokers", kafka.bootstrap, "--every", "200ms", *options, *more)


def test_a_group_that_has_read_all_is_well(kafka: Broker, topic: str, health: Verb):
    group = unique("reader")
    committed(kafka, group, topic, 30).close()
    ended = asked(health, kafka, topic, group)
    assert ended.code == 0, ended.out + ended.err
    assert not [line for line in ended.lines if " critical" in line or " warning" in line]
    (lag,) = [line for line in ended.lines if line.startswith("kafka-lag")]
    assert lag.split() == ["kafka-lag", "ok", "1", "of", "1"]


def test_a_stopped_consumer_is_named_and_one_that_is_there_is_not_judged_yet(
    kafka: Broker, topic: str, health: Verb
):
    stopped, hung = unique("stopped"), unique("hung")
    committed(kafka, stopped, topic, 10).close()
    member = committed(kafka, hung, topic, 20)
    member.subscribe([topic])
    eventually(lambda: member.poll(0.1) is not None, "a record", within=timedelta(minutes=1))
    ended = asked(health, kafka, topic, f"{stopped}|{hung}", "--json")
    member.close()
    assert ended.code == 1, ended.out + ended.err
    states = {one["key"]: one for one in ended.objects if one["what"] == "kafka-lag"}
    assert states[stopped]["state"] == "critical"
    assert "status STOP, lag 20" in states[stopped]["why"]
    assert "start the consumer" in states[stopped]["do"]
    assert states[hung]["state"] == "learning"
    assert states[hung]["why"].startswith("lag 10, members 1: it did not move between 2 answers")


def test_fewer_brokers_than_there_should_be(kafka: Broker, topic: str, health: Verb):
    ended = asked(health, kafka, topic, "none", "--set", "KAFKA_BROKER_COUNT=3", "--looks", "1")
    assert ended.code == 1, ended.out + ended.err
    (wrong,) = [line for line in ended.lines if " critical" in line]
    assert wrong.startswith("kafka-brokers")
    assert "brokers 1; expected brokers >= 3" in wrong


def test_brokers_that_are_away(health: Verb):
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    ended = health("--pack", "kafka", "--brokers", nobody, "--set", "KAFKA_TIMEOUT=1s", "--json")
    assert ended.code == 3, ended.out + ended.err
    (away,) = ended.objects
    assert (away["what"], away["state"]) == ("stream kafka-cluster", "unreachable")
    assert f"the brokers at {nobody} do not answer" in away["why"]
