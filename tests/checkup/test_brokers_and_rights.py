"""Planted faults of brokers, logins, rights and groups: the doctor names each, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.checkup.contract import Grade
from streamgauge.checkup.examination import exit_code
from streamgauge.testing import eventually
from tests.checkup.examined import Shifted, configured, faults, findings, of_topic, payments, the_fault
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports

pytestmark = pytest.mark.services


def stamped_topic(broker: Broker, partitions: int = 2) -> str:
    """A topic whose records the broker stamps, with some of them."""
    topic = broker.create_topic(unique(), partitions, message_timestamp_type="LogAppendTime")
    broker.produce(topic, payments())
    return topic


def test_a_healthy_setup_is_praised_and_not_blamed(kafka: Broker, tmp_path: Path):
    config = configured(tmp_path, of_topic(kafka, stamped_topic(kafka)))
    found = findings(config)
    assert not [one for one in found if one.grade not in (Grade.FINE, Grade.UNKNOWN)]
    assert {one.check for one in found} >= {
        "settings",
        "brokers",
        "topic",
        "group",
        "clock",
        "records",
        "event time",
    }
    assert exit_code(found) == 0


def test_a_healthy_secured_setup_too(secured_kafka: Broker, tmp_path: Path):
    topic, group = stamped_topic(secured_kafka), unique("group")
    secured_kafka.allow("reader", topic=topic, group=group)
    source = of_topic(secured_kafka, topic, group=group, settings=secured_kafka.client("reader"))
    found = findings(configured(tmp_path, source))
    assert not [one for one in found if one.grade not in (Grade.FINE, Grade.UNKNOWN)]
    assert "over TLS, as user 'reader'" in next(one.found for one in found if one.check == "brokers")


def test_brokers_that_are_away(tmp_path: Path):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    config = configured(tmp_path, {"type": "kafka", "brokers": address, "topic": "payments"})
    fault = the_fault(config)
    assert (fault.check, fault.grade) == ("brokers", Grade.MISSING)
    assert fault.found == f"nobody answers at {address} ({address}: connection refused)"
    assert exit_code(findings(config)) == 3


def test_one_who_speaks_without_tls_to_a_broker_that_wants_it(secured_kafka: Broker, tmp_path: Path):
    fault = the_fault(configured(tmp_path, of_topic(secured_kafka, "payments")))
    assert fault.check == "brokers"
    assert "is open, but no broker answers there" in fault.found
    assert "security.protocol" in fault.advice


def test_a_wrong_password(secured_kafka: Broker, tmp_path: Path):
    settings = secured_kafka.client("reader", password="not-this-one")
    fault = the_fault(configured(tmp_path, of_topic(secured_kafka, "payments", settings=settings)))
    assert (fault.check, fault.grade) == ("brokers", Grade.WRONG)
    assert "refused the login of user 'reader'" in fault.found
    assert fault.advice == "check sasl.username, sasl.password and sasl.mechanism under `settings:`"
    assert "not-this-one" not in repr(fault)


def test_a_wrong_authority(secured_kafka: Broker, tmp_path: Path):
    settings = {
        **secured_kafka.client("reader"),
        "ssl.ca.location": str(secured_kafka.certificates / "other-ca.pem"),
    }
    fault = the_fault(configured(tmp_path, of_topic(secured_kafka, "payments", settings=settings)))
    assert (fault.check, fault.grade) == ("brokers", Grade.WRONG)
    assert "no secure connection" in fault.found
    assert "ssl.ca.location" in fault.advice


def test_a_topic_that_is_missing(kafka: Broker, tmp_path: Path):
    fault = the_fault(configured(tmp_path, of_topic(kafka, unique("nowhere"))))
    assert (fault.check, fault.grade) == ("topic", Grade.WRONG)
    assert "does not exist" in fault.found
    assert "create it" in fault.advice


def test_a_topic_that_may_be_seen_but_not_read(secured_kafka: Broker, tmp_path: Path):
    topic, group = stamped_topic(secured_kafka), unique("group")
    secured_kafka.allow("reader", topic=topic, operation="DESCRIBE")
    secured_kafka.allow("reader", group=group)
    source = of_topic(secured_kafka, topic, group=group, settings=secured_kafka.client("reader"))
    fault = the_fault(configured(tmp_path, source))
    assert (fault.check, fault.grade) == ("topic", Grade.WRONG)
    assert fault.found == f"'reader' may see topic {topic}, but not read it"


def test_a_topic_that_may_not_even_be_seen(secured_kafka: Broker, tmp_path: Path):
    topic = stamped_topic(secured_kafka)
    fault = the_fault(
        configured(tmp_path, of_topic(secured_kafka, topic, settings=secured_kafka.client("reader")))
    )
    assert (fault.check, fault.grade) == ("topic", Grade.WRONG)
    assert fault.advice == "allow READ on that topic"


@pytest.mark.parametrize("allowed", [None, "DESCRIBE"])
def test_a_group_that_may_not_be_joined(secured_kafka: Broker, tmp_path: Path, allowed: str | None):
    topic, group = stamped_topic(secured_kafka), unique("group")
    secured_kafka.allow("reader", topic=topic)
    if allowed is not None:
        secured_kafka.allow("reader", group=group, operation=allowed)
    source = of_topic(secured_kafka, topic, group=group, settings=secured_kafka.client("reader"))
    fault = the_fault(configured(tmp_path, source))
    assert (fault.check, fault.grade) == ("group", Grade.WRONG)
    assert group in fault.found
    assert "allow READ on" in fault.advice


def test_another_program_in_the_group(kafka: Broker, tmp_path: Path):
    topic, group = stamped_topic(kafka), unique("group")
    with member(kafka, topic, group):
        fault = the_fault(configured(tmp_path, of_topic(kafka, topic, group=group)))
    assert (fault.check, fault.grade) == ("group", Grade.WRONG)
    assert "other programs read in the group" in fault.found
    assert "stranger" in fault.found


@contextmanager
def member(broker: Broker, topic: str, group: str) -> Iterator[None]:
    from confluent_kafka import Consumer

    settings: dict[str, Any] = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": group,
        "client.id": "stranger",
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    try:

        def joined() -> bool:
            consumer.poll(0.1)
            return len(consumer.assignment()) > 0

        eventually(joined, within=timedelta(seconds=60))
        yield
    finally:
        consumer.close()


@pytest.mark.parametrize(("seconds", "words"), [(-600, "ahead of"), (600, "behind")])
def test_a_clock_that_is_wrong(kafka: Broker, tmp_path: Path, seconds: float, words: str):
    """Records come while the doctor looks, so that the difference shows in both directions."""
    topic = stamped_topic(kafka)
    config = configured(tmp_path, of_topic(kafka, topic), max_ahead="1h")
    config["streams"]["payments"] |= {"time": None}
    producer = kafka.new_producer()
    clock = Producing(seconds, lambda: (producer.produce(topic, payments(1)[0]), producer.flush(10)))
    found = [one for one in faults(config, clock) if one.check == "clock"]
    assert [one.grade for one in found] == [Grade.WRONG]
    assert f"{words} this machine's" in found[0].found


class Producing(Shifted):
    """A wrong clock; whenever somebody asks for the time, a record is written."""

    def __init__(self, seconds: float, write: Any) -> None:
        super().__init__(seconds)
        self._write = write

    def now(self) -> int:
        self._write()
        return super().now()
