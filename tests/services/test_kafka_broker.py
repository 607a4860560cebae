"""The broker that other tests stand on: survives kill -9, pauses, and goes away when told."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tests.services import missing
from tests.services.kafka import Broker, install, unique
from tests.services.plugin import started

pytestmark = pytest.mark.services


def _read_all(broker: Broker, topic: str, count: int) -> list[bytes | None]:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": unique("group"), **broker.client()}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = [message.value() for message in consumer.consume(count, 20)]
    consumer.close()
    return found


def test_what_was_acknowledged_survives_kill_9_on_the_same_port(own_kafka: Callable[..., Broker]):
    broker = own_kafka()
    topic = broker.create_topic(unique(), 1)
    broker.produce(topic, [b"before"])
    address, pid = broker.bootstrap, broker.pid
    broker.kill()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    broker.start()
    broker.produce(topic, [b"after"])
    assert broker.bootstrap == address
    assert _read_all(broker, topic, 2) == [b"before", b"after"]


def test_pause_stops_the_process_and_close_leaves_nothing_behind():
    broker = started(Broker())
    assert broker.pid is not None
    process = psutil.Process(broker.pid)
    broker.pause()
    assert process.status() == psutil.STATUS_STOPPED
    broker.resume()
    broker.close()
    assert not process.is_running()
    assert not broker.folder.exists()


def test_secured_broker_lets_the_admin_write_and_read(secured_kafka: Broker):
    topic = secured_kafka.create_topic(unique(), 1)
    secured_kafka.produce(topic, [b"secret"])
    assert _read_all(secured_kafka, topic, 1) == [b"secret"]


def test_without_java_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv(missing.REQUIRE, "0")
    with pytest.raises(
        missing.CannotBeHadError, match="install it, such as `apt-get install openjdk"
    ) as caught:
        install.jars()
    with pytest.raises(pytest.skip.Exception, match="need Java 17"):
        missing.skip_or_fail(str(caught.value))
    monkeypatch.setenv(missing.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="need Java 17"):
        missing.skip_or_fail(str(caught.value))
