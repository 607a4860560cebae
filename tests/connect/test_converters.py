"""Whatever the worker's converter makes of a record, the message is the one of the channel ``slack``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamgauge.testing import WebhookReceiver, eventually
from tests.connect.alerts import PATIENCE, SLACK, dead, reason, register, topics
from tests.formats.avro_writing import framed, record
from tests.services.connect import ConnectWorker
from tests.services.connect.avro import CONVERTER, converter
from tests.services.kafka import Broker, unique
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.registry import Registry

pytestmark = [pytest.mark.services, pytest.mark.soak]

CASE = json.loads((Path(__file__).parents[1] / "channels/golden/slack/firing.json").read_text("utf-8"))
TEXTS = ("notice", "status", "id", "monitor", "key", "severity", "title", "opened_at")
WINDOW = ("window_start", "window_end", "expected")
NOTICE = {name: CASE["notice"][name] for name in (*TEXTS, *WINDOW, "observed", "samples", "early")}
JSON_CONVERTER = {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}


@pytest.fixture(scope="module")
def worker(kafka: Broker) -> Iterator[ConnectWorker]:
    """A worker that can read Avro."""
    try:
        made = ConnectWorker(kafka.bootstrap, plugins=[converter()])
        made.start()
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    yield made
    made.close()


def posted(kafka: Broker, worker: ConnectWorker, value: bytes, config: dict[str, str]) -> Any:
    """The message that a record becomes."""
    topic = topics(kafka)
    kafka.produce(topic, [b"\1 not to be read", value])
    with WebhookReceiver() as receiver:
        name = register(worker, topic, {"connector.class": SLACK, "slack.webhook": receiver.url, **config})
        eventually(lambda: receiver.received, worker.log.read_text("utf-8")[-3_000:], within=PATIENCE)
        (letter,) = dead(kafka, topic, 1)
        assert letter.value() == b"\1 not to be read", reason(letter)
        assert worker.states(name) == ["RUNNING", "RUNNING"]
        return receiver.received[0].json


def test_json_without_a_schema(kafka: Broker, worker: ConnectWorker):
    """Connect keeps no order of fields there, so they stand by their names."""
    made = posted(
        kafka,
        worker,
        json.dumps(NOTICE).encode(),
        {**JSON_CONVERTER, "value.converter.schemas.enable": "false"},
    )
    expected = json.dumps(CASE["message"], ensure_ascii=False)
    by_name = expected.replace("id t-17 · amount 17.5 · country –", "amount 17.5 · country – · id t-17")
    assert made == json.loads(by_name)


def test_json_with_a_schema(kafka: Broker, worker: ConnectWorker):
    def field(name: str, kind: str, *, optional: bool = False) -> dict[str, Any]:
        return {"field": name, "type": kind, "optional": optional}

    observed = [field("events", "double"), field("spent", "double")]
    sample = [field("id", "string"), field("amount", "double"), field("country", "string", optional=True)]
    samples = {"type": "array", "items": {"type": "struct", "fields": sample}}
    fields = [
        *(field(name, "string") for name in (*TEXTS, *WINDOW)),
        {"field": "observed", "type": "struct", "fields": observed},
        {"field": "samples", **samples},
        field("early", "boolean"),
    ]
    value = {"schema": {"type": "struct", "fields": fields}, "payload": NOTICE}
    assert posted(kafka, worker, json.dumps(value).encode(), JSON_CONVERTER) == CASE["message"]


def test_avro(kafka: Broker, worker: ConnectWorker, schema_registry: Registry):
    sample = record(("id", "string"), ("amount", "double"), ("country", ["null", "string"]), name="Sample")
    schema = record(
        *((name, "string") for name in (*TEXTS, *WINDOW)),
        ("observed", record(("events", "double"), ("spent", "double"), name="Observed")),
        ("samples", {"type": "array", "items": sample}),
        ("early", "boolean"),
        name="Notice",
    )
    number = schema_registry.register(unique("alerts-value"), schema)
    config = {
        "value.converter": CONVERTER,
        "value.converter.apicurio.registry.url": schema_registry.url.replace("ccompat/v7", "registry/v2"),
        "value.converter.apicurio.registry.as-confluent": "true",
        "value.converter.apicurio.registry.use-id": "contentId",
    }
    assert posted(kafka, worker, framed(number, schema, NOTICE), config) == CASE["message"]
