"""What brokers refuse: a sentence that says what happened, where, and what to do; at start and later."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports
from tests.sources.kafka_reading import Reading, source_of

from streamgauge.errors import ConfigError, SourceError

Mechanism = Literal["SCRAM-SHA-512", "PLAIN"]
pytestmark = pytest.mark.services


def test_a_missing_topic_is_told_with_similar_names(kafka: Broker):
    topic = kafka.create_topic(unique("shop-floor"))  # no other test has topics that are called like this
    wrong = topic.replace("shop-floor", "shop-flor")
    with pytest.raises(SourceError) as caught:
        source_of(kafka, wrong).open({})
    assert str(caught.value) == (
        f"stream 'payments': topic '{wrong}' does not exist on the brokers at {kafka.bootstrap}; "
        f"create it, or correct the name. Similar names there: {topic}."
    )


def test_a_topic_that_is_deleted_later_is_told(kafka: Broker):
    topic = kafka.create_topic(unique())
    with Reading(source_of(kafka, topic)) as reading:
        reading.settle()
        kafka.delete_topic(topic)
        with pytest.raises(SourceError, match=f"topic '{topic}' does not exist on the brokers"):
            reading.until(lambda: False)
    assert {partition.name for partition in reading.lost | reading.revoked} == {topic}


def test_a_setting_that_the_library_does_not_know(kafka: Broker):
    with pytest.raises(ConfigError, match=r'No such configuration property: "fetch\.color"'):
        source_of(kafka, "any", settings={"fetch.color": "red"}).open({})


def test_an_unknown_host():
    broker = Broker()
    broker.bootstrap = "no-such-host.invalid:9092"
    with pytest.raises(
        SourceError, match=r"host of the brokers at no-such-host.invalid:9092 is unknown.*correct `brokers:`"
    ):
        source_of(broker, "any").open({})


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_wrong_password_is_told_and_not_shown(secured_kafka: Broker, mechanism: Mechanism):
    wrong = secured_kafka.client("reader", password="not-this-one", mechanism=mechanism)
    source = source_of(secured_kafka, "any", settings=wrong)
    with pytest.raises(SourceError) as caught:
        source.open({})
    assert f"the brokers at {secured_kafka.bootstrap} refused the login of user 'reader'" in str(caught.value)
    assert "check sasl.username, sasl.password" in str(caught.value)
    assert "not-this-one" not in f"{caught.value}{source.describe()}{source._config!r}"


def test_a_wrong_authority(secured_kafka: Broker):
    wrong = {"ssl.ca.location": str(secured_kafka.certificates / "other-ca.pem")}
    with pytest.raises(
        SourceError, match=r"no secure connection to .* check security.protocol, and ssl.ca.location"
    ):
        source_of(secured_kafka, "any", settings=wrong).open({})


@pytest.mark.parametrize("login", [True, False])
def test_tls_spoken_to_a_plain_port(kafka: Broker, secured_kafka: Broker, login: bool):
    settings = secured_kafka.client("reader")
    if not login:
        settings = {"security.protocol": "SSL", "ssl.ca.location": settings["ssl.ca.location"]}
    with pytest.raises(SourceError) as caught:
        source_of(kafka, "any", settings=settings).open({})
    assert f"the brokers at {kafka.bootstrap} do not speak TLS there: " in str(caught.value)
    assert "name their secure port in `brokers:`" in str(caught.value)
    assert "reader-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"security.protocol": "PLAINTEXT"}, {"security.protocol": "SASL_PLAINTEXT"}]
)
def test_plain_words_to_a_secured_port_are_no_error_but_told(secured_kafka: Broker, settings: dict[str, str]):
    with Reading(source_of(secured_kafka, "any", settings=settings)) as reading:
        trouble = reading.source.describe()["trouble"]
    assert "they may want another security.protocol than " + settings["security.protocol"] in trouble


def test_a_login_where_none_is_asked_for(kafka: Broker):
    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
    user = {"sasl.username": "reader", "sasl.password": "reader-secret"}
    with pytest.raises(SourceError) as caught:
        source_of(kafka, "any", settings=login | user).open({})
    assert "refused the login of user 'reader'" in str(caught.value)
    assert "reader-secret" not in str(caught.value)


def test_a_mechanism_that_is_not_offered_is_told_with_those_that_are(secured_kafka: Broker):
    other = {**secured_kafka.client("reader"), "sasl.mechanism": "SCRAM-SHA-256"}
    with pytest.raises(SourceError, match="supported mechanisms: SCRAM-SHA-512,PLAIN") as caught:
        source_of(secured_kafka, "any", settings=other).open({})
    assert "sasl.mechanism under `settings:`" in str(caught.value)


def test_an_authority_file_that_is_not_there(secured_kafka: Broker, tmp_path: Path):
    wrong = {"ssl.ca.location": str(tmp_path / "none.pem")}
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        source_of(secured_kafka, "any", settings=wrong).open({})


def test_no_permission_on_the_topic(secured_kafka: Broker):
    topic = secured_kafka.create_topic(unique())
    with pytest.raises(
        SourceError, match=f"user 'reader' may not read topic '{topic}' .* allow READ on that topic"
    ):
        source_of(secured_kafka, topic, settings=secured_kafka.client("reader")).open({})


def test_a_topic_that_may_be_seen_but_not_read_is_told_when_it_is_read(secured_kafka: Broker):
    topic, group = secured_kafka.create_topic(unique()), unique("group")
    secured_kafka.allow("reader", topic=topic, operation="DESCRIBE")
    secured_kafka.allow("reader", group=group)
    source = source_of(secured_kafka, topic, group=group, settings=secured_kafka.client("reader"))
    with Reading(source) as reading, pytest.raises(SourceError, match=f"may not read topic '{topic}'"):
        reading.until(lambda: False)


def test_no_permission_on_the_group(secured_kafka: Broker):
    topic, group = secured_kafka.create_topic(unique()), unique("group")
    secured_kafka.allow("reader", topic=topic)
    with pytest.raises(
        SourceError, match=f"may not join the consumer group '{group}' .* allow READ on that group"
    ):
        source_of(secured_kafka, topic, group=group, settings=secured_kafka.client("reader")).open({})


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_reader_who_is_allowed_reads(secured_kafka: Broker, mechanism: Mechanism):
    topic, group = secured_kafka.create_topic(unique()), unique("group")
    secured_kafka.allow("reader", topic=topic, group=group)
    secured_kafka.produce(topic, [b"secret"])
    settings = secured_kafka.client("reader", mechanism=mechanism)
    with Reading(source_of(secured_kafka, topic, group=group, settings=settings)) as reading:
        reading.settle()
        assert reading.count() == 1
        assert "reader-secret" not in str(reading.source.describe())


def test_permission_withdrawn_later_is_told(secured_kafka: Broker):
    topic, group = secured_kafka.create_topic(unique()), unique("group")
    secured_kafka.allow("reader", topic=topic, group=group)
    with Reading(
        source_of(secured_kafka, topic, group=group, settings=secured_kafka.client("reader"))
    ) as reading:
        reading.settle()
        secured_kafka.disallow(topic)
        with pytest.raises(SourceError, match=f"may not read topic '{topic}'"):
            reading.until(lambda: False)


def test_a_port_where_nobody_listens_is_no_error_at_start():
    broker = Broker()
    broker.bootstrap = f"127.0.0.1:{free_ports(1)[0]}"
    with Reading(source_of(broker, "any")) as reading:
        reading.until(lambda: "Connection refused" in (reading.source.describe()["trouble"] or ""))
        assert reading.source.other_members() == []
        assert reading.source.tails() == {}
