"""What may be written beside ``type: kafka``, and what is never shown of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from streamgauge.sources.kafka import Config


def config(**given: Any) -> Config:
    return Config.model_validate({"type": "kafka", "brokers": "localhost:9092", **given})


def test_the_shortest_form():
    shortest = config(topic="payments")
    assert (shortest.names, shortest.bootstrap, shortest.start) == (("payments",), "localhost:9092", "latest")
    assert shortest.group is None


def test_brokers_may_be_a_list():
    assert config(topic="t", brokers=["a:1", "b:2"]).bootstrap == "a:1,b:2"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("earliest", "earliest"),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        (datetime(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)),  # noqa: DTZ001  as YAML reads it
    ],
)
def test_starts(written: object, read: object):
    assert config(topic="t", start=written).start == read


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "expected exactly one of topic, topics, pattern; found none"),
        ({"topic": "a", "pattern": "b"}, "found `topic` and `pattern`"),
        ({"topic": "a", "start": "newest"}, "'newest' is no start: write earliest, latest or a moment"),
        ({"topic": "a", "settings": {"group.id": "g"}}, "`group.id` cannot be set: write `group:` instead"),
        ({"topic": "a", "settings": {"enable.auto.commit": True}}, "Streamgauge commits after its store has"),
        ({"pattern": r"orders-\d+"}, r"'\\d' is not known there: patterns are POSIX"),
        ({"pattern": "(?:a|b)"}, "'(?' is not known there"),
        ({"pattern": "orders-[a"}, "is no regular expression"),
        ({"topic": "a", "brokers": []}, "at least 1 item"),
        ({"topic": "a", "offset": "earliest"}, "unknown key"),
    ],
)
def test_mistakes(given: dict[str, Any], sentence: str):
    with pytest.raises(ValidationError) as caught:
        config(**given)
    assert sentence in str(caught.value)


SECRETS = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "who-it-is",
    "sasl.password": "hush-hush-1",
    "ssl.key.password": "hush-hush-2",
    "ssl.key.pem": "hush-hush-3",
    "sasl.oauthbearer.client.secret": "hush-hush-4",
    "fetch.wait.max.ms": 50,
}


def test_secrets_are_never_shown():
    secret = config(topic="t", settings=SECRETS)
    shown = f"{secret!r} {secret} {secret.public()}"
    assert "hush" not in shown
    assert "who-it-is" not in shown
    assert secret.public()["settings"]["sasl.mechanism"] == "PLAIN"
    assert secret.public()["settings"]["fetch.wait.max.ms"] == 50
    assert secret.settings["sasl.password"] == "hush-hush-1"


def test_secrets_are_taken_out_of_the_librarys_words():
    assert (
        config(topic="t", settings=SECRETS).scrub("login with hush-hush-1 failed") == "login with *** failed"
    )


def test_looking_at_the_configuration_does_not_load_the_client():
    code = "import sys, streamgauge.sources.kafka; sys.exit('confluent_kafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_is_not_there_is_told_where_the_library_does_not(tmp_path):
    there, gone = tmp_path / "ca.pem", tmp_path / "gone.pem"
    there.touch()
    said = "ssl.ca.location failed: x509"
    assert config(topic="t", settings={"ssl.ca.location": str(there)}).refused(said) == said
    assert (
        config(topic="t", settings={"ssl.ca.location": str(gone)}).refused(said)
        == f"{said}: {gone} does not exist"
    )
    hidden = config(topic="t", settings={"ssl.key.location": str(gone)})
    assert hidden.refused("ssl.key.location failed") == (
        "ssl.key.location failed: the file of `ssl.key.location` does not exist"
    )
