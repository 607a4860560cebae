"""Avro from a real topic with a real registry, through `streamgauge run`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamgauge.formats.avro import Config, open_format
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.shapes import fields_of, open_shaped, shape_field
from tests.exactness.running import Run, looking, peek, read_so_far, until, write
from tests.formats.avro_writing import decoded, framed, layout, record
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports
from tests.services.registry import Registry

pytestmark = pytest.mark.services
PLAIN = {"STREAMGAUGE_JIT": "off"}
"""A few records are not worth compiling for."""

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
V1 = record(("account", "string"), ("amount", "int"), ("at", MILLIS))
V2 = record(("account", "string"), ("amount", "long"), ("at", MILLIS), ("country", ["null", "string"]))
V3 = record(("amount", "double"), ("account", "string"), ("at", MICROS))


def at(second: int) -> datetime:
    return datetime(2026, 11, 22, 10, 0, second, tzinfo=UTC)


def row(second: int, **more: Any) -> dict[str, Any]:
    return {"account": "a", "amount": 1, "at": at(second), **more}


def watching(folder: Path, broker: Broker, topic: str, registry: str) -> Path:
    source = {
        "type": "kafka",
        "brokers": broker.bootstrap,
        "topic": topic,
        "start": "earliest",
        "group": topic,
    }
    stream = {
        "source": source,
        "format": {"type": "avro", "registry": {"url": registry, "wait": "2s"}},
        "fields": {"account": "string", "amount": "float", "at": "timestamp"},
        "time": "at",
        "partitioned_by": "account",
        "deadline": "1h",  # however slow the machine is, no time passes without records
    }
    window = {"type": "tumbling", "size": "5s", "by": "account", "compute": {"spent": "sum(amount)"}}
    monitor = {
        "stream": "payments",
        "window": window,
        "detect": {"type": "threshold", "when": "spent > 1000"},
    }
    return write(folder, {"streams": {"payments": stream}, "monitors": {"much": monitor}})


def spent(config: Path) -> list[float]:
    with looking(config) as look:
        return look.history("much")["spent"].to_list()


def evolve(registry: Registry) -> tuple[str, list[int]]:
    """A subject with three versions: a field added, a field removed, a field widened."""
    subject = unique("payments-value")
    return subject, [registry.register(subject, schema) for schema in (V1, V2, V3)]


def test_a_schema_that_changes_on_the_way(tmp_path: Path, kafka: Broker, schema_registry: Registry):
    topic = kafka.create_topic(unique("avro"), retention_ms=-1)
    _, (one, two, three) = evolve(schema_registry)
    messages = [
        framed(one, V1, row(0)),
        framed(two, V2, row(1, country="DE")),
        framed(three, V3, row(2, amount=2.5)),
        framed(one, V1, row(3)),
        b"not avro",
        framed(three, V3, row(9)),
    ]
    kafka.produce(topic, messages)
    config = watching(tmp_path, kafka, topic, schema_registry.url)
    with Run(config, env=PLAIN) as run:
        until(lambda: read_so_far(config, "payments") == 6, "six records are read", alive=run)
        assert run.stop() == 0
    assert spent(config) == [5.5]
    with looking(config) as look:
        assert [letter.offset for letter in look.dead_letters()] == [4]


def test_an_unknown_schema_goes_to_the_dead_letter_after_a_bounded_wait(
    tmp_path: Path, kafka: Broker, schema_registry: Registry
):
    topic = kafka.create_topic(unique("avro"), retention_ms=-1)
    _, (one, *_) = evolve(schema_registry)
    kafka.produce(topic, [framed(one, V1, row(0)), framed(2_000_000, V1, row(1)), framed(one, V1, row(9))])
    config = watching(tmp_path, kafka, topic, schema_registry.url)
    with Run(config, env=PLAIN) as run:
        until(lambda: read_so_far(config, "payments") == 3, "three records are read", alive=run)
        assert run.stop() == 0
    assert spent(config) == [1.0]
    with looking(config) as look:
        (letter,) = look.dead_letters()
    assert letter.offset == 1
    assert str(letter.reason).startswith(f"schema 2000000 could not be had from {schema_registry.url}")
    assert letter.payload == framed(2_000_000, V1, row(1))


def test_a_registry_that_is_away_from_the_start(tmp_path: Path, kafka: Broker):
    topic = kafka.create_topic(unique("avro"), retention_ms=-1)
    kafka.produce(topic, [framed(1, V1, row(0))])
    config = watching(tmp_path, kafka, topic, f"http://127.0.0.1:{free_ports(1)[0]}")
    with Run(config, env=PLAIN) as run:
        until(lambda: peek(config, lambda look: look.dead_letters()), "it is given up", alive=run)
        assert run.says("records wait for a schema")
        assert run.stop() == 0
    with looking(config) as look:
        assert "it is away" in look.dead_letters()[0].reason


def test_references_between_subjects(schema_registry: Registry):
    place = record(("city", "string"), name="com.example.Place")
    subject = unique("place")
    schema_registry.register(subject, place)
    trip = record(("start", "com.example.Place"), ("amount", "int"), name="com.example.Trip")
    reference = {"name": "com.example.Place", "subject": subject, "version": 1}
    number = schema_registry.register(unique("trip"), trip, [reference])
    decoder = open_format(
        Config.model_validate({"registry": {"url": schema_registry.url}}),
        layout(FieldSpec("city", "string", path="start.city"), FieldSpec("amount", "int")),
    )
    whole = record(("start", place), ("amount", "int"), name="com.example.Trip")
    batch = decoded(decoder, [framed(number, whole, {"start": {"city": "Kiel"}, "amount": 3})])
    assert batch.columns["city"].values() == ["Kiel"]


def test_the_shape_of_a_record_is_that_of_its_writers_schema(schema_registry: Registry):
    subject = unique("shapes")
    first, second = (schema_registry.register(subject, schema) for schema in (V1, V2))
    layout_ = layout(FieldSpec("account", "string"), FieldSpec(shape_field(1), "string"))
    config = Config.model_validate({"registry": {"url": schema_registry.url}})
    decoder = open_shaped(layout_, lambda rest: open_format(config, rest))
    batch = decoded(decoder, [framed(first, V1, row(0)), framed(second, V2, row(1, country="CH"))])
    old = {"account": "string", "amount": "number", "at": "timestamp"}
    texts = batch.columns[shape_field(1)].values()
    assert [fields_of(text) for text in texts] == [old, {**old, "country": "null|string"}]
