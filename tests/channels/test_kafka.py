"""The alert topic, on a real broker."""

from datetime import timedelta
from typing import Any

import pytest

from streamgauge.channels.contract import Result
from streamgauge.channels.kafka import Config, KafkaChannel, open_channel
from streamgauge.errors import ConfigError
from streamgauge.testing import eventually
from tests.channels.notices import firing, hostile, resolved
from tests.services.kafka import Broker, unique


def channel_to(address: str, topic: str, timeout: str = "10s", **settings: Any) -> KafkaChannel:
    return open_channel(
        Config.model_validate(
            {"type": "kafka", "brokers": address, "topic": topic, "timeout": timeout, "settings": settings}
        ),
        "alerts",
    )


@pytest.mark.services
def test_a_notice_is_a_record_keyed_by_fingerprint_with_its_id(kafka: Broker):
    import msgspec

    topic = kafka.create_topic(unique("alerts"), 1)
    channel = channel_to(kafka.bootstrap, topic)
    answers = [channel.send(notice) for notice in (firing(), resolved(), hostile())]
    channel.close()
    assert [answer.result for answer in answers] == [Result.DELIVERED] * 3
    first, second, third = kafka.read(topic, 3)
    assert msgspec.json.decode(first.value()) == firing()
    assert first.key() == second.key() == firing()["fingerprint"].encode()
    assert dict(first.headers()) == {
        "idempotency-key": firing()["notice"].encode(),
        "content-type": b"application/json",
    }
    assert dict(second.headers())["idempotency-key"] == resolved()["notice"].encode()
    assert third.key() == hostile()["fingerprint"].encode("utf-8", "replace")


@pytest.mark.services
def test_a_missing_topic_is_said_and_tried_again(kafka: Broker):
    topic = unique("absent")
    channel = channel_to(kafka.bootstrap, topic, "5s")
    answer = channel.send(firing())
    assert answer.result is Result.AGAIN
    assert answer.detail == f"topic {topic} on {kafka.bootstrap}: the topic does not exist; create it"
    kafka.create_topic(topic, 1)
    eventually(lambda: channel.send(firing()).result is Result.DELIVERED)
    channel.close()


@pytest.mark.services
def test_a_notice_that_is_too_large_is_given_up(kafka: Broker):
    topic = kafka.create_topic(unique("small"), 1, max_message_bytes=2000)
    channel = channel_to(kafka.bootstrap, topic, **{"compression.type": "none"})
    answer = channel.send(firing(title="x" * 10_000))
    channel.close()
    assert answer.result is Result.GAVE_UP
    assert "larger than the topic allows" in answer.detail


@pytest.mark.services
def test_no_permission_and_a_wrong_password_are_said(secured_kafka: Broker):
    topic = secured_kafka.create_topic(unique("closed"), 1)
    reader = channel_to(secured_kafka.bootstrap, topic, "5s", **secured_kafka.client("reader"))
    answer = reader.send(firing())
    reader.close()
    assert answer.result is Result.AGAIN
    assert "no permission" in answer.detail
    wrong = {**secured_kafka.client("reader"), "sasl.password": "s3cret"}
    stranger = channel_to(secured_kafka.bootstrap, topic, "2s", **wrong)
    answer = stranger.send(firing())
    stranger.close()
    assert answer.result is Result.AGAIN
    assert "no answer within 2 s (_AUTHENTICATION: " in answer.detail
    assert "s3cret" not in answer.detail


@pytest.mark.services
def test_a_broker_that_pauses_is_unclear_and_nothing_is_lost(own_kafka):
    broker = own_kafka()
    topic = broker.create_topic(unique("alerts"), 1)
    channel = channel_to(broker.bootstrap, topic, "1s")
    eventually(lambda: channel.send(firing()).result is Result.DELIVERED)  # its coordinator may be loading
    broker.pause()
    answer = channel.send(firing(2))
    assert answer.result is Result.AGAIN
    assert "no answer within 1 s" in answer.detail
    broker.resume()
    eventually(lambda: channel.send(firing(2)).result is Result.DELIVERED)
    channel.close()
    ids = [
        dict(record.headers())["idempotency-key"].decode() for record in broker.read(topic, 99, whole=True)
    ]
    assert list(dict.fromkeys(ids)) == [firing()["notice"], firing(2)["notice"]]


def test_nobody_there_ends_in_time():
    channel = channel_to("127.0.0.1:1", "alerts", "500ms")
    answer = channel.send(firing())
    channel.close()
    assert answer.result is Result.AGAIN
    assert answer.detail.startswith("topic alerts on 127.0.0.1:1: no answer within 0.5 s (_")


def test_a_setting_that_librdkafka_does_not_know_is_a_mistake():
    with pytest.raises(ConfigError, match=r"topic alerts on x:1: .*no.such.setting"):
        channel_to("x:1", "alerts", **{"no.such.setting": "1"})


def test_settings_are_not_shown():
    config = Config.model_validate(
        {"brokers": "x:1", "topic": "a", "settings": {"sasl.password": "s3cret", "sasl.username": "me"}}
    )
    assert "s3cret" not in f"{config!r} {config.public()}"
    assert repr(KafkaChannel("x:1", "a", timedelta(seconds=1))) == "KafkaChannel(topic a on x:1)"
