"""Avro: values of every type, schemas that change, what goes to the dead-letter."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamgauge.clock import to_micros
from streamgauge.config import load
from streamgauge.errors import ConfigError
from streamgauge.formats.avro import BareDecoder, Config, RegistryDecoder, open_format
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.schema_registry import RefusedError, RegistryConfig, Schema, SchemaRegistry
from tests.formats.avro_writing import bare, decoded, framed, layout, reasons, record

AT = datetime(2026, 11, 22, 10, 0, 0, 250_000, tzinfo=UTC)
MICROS = to_micros(AT)


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def column(schema_type: Any, value: Any, kind: Any, **spec: Any) -> list[Any]:
    """One value written as one Avro type and read as one field."""
    decoder = BareDecoder(layout(FieldSpec("x", kind, **spec)), record(("x", schema_type)))
    batch = decoded(decoder, [bare(record(("x", schema_type)), {"x": value})])
    return batch.columns["x"].values() if len(batch) else reasons(batch)


@pytest.mark.parametrize(
    ("schema_type", "value", "kind", "expected"),
    [
        ("string", "a", "string", "a"),
        ("int", 5, "int", 5),
        ("long", 2**40, "int", 2**40),
        ("int", 5, "float", 5.0),
        ("float", 0.5, "float", 0.5),
        ("double", 2.5, "float", 2.5),
        ("double", 5.0, "int", 5),
        ("double", float("nan"), "float", None),
        ("boolean", True, "bool", True),
        (["null", "string"], None, "string", None),
        (["null", "string"], "a", "string", "a"),
        (["string", "null"], "a", "string", "a"),
        (["null", "int", "double"], 2.5, "float", 2.5),
        ({"type": "enum", "name": "E", "symbols": ["DE", "FR"]}, "FR", "string", "FR"),
        (logical("string", "uuid"), "0f0e", "string", "0f0e"),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("12.34"), "float", 12.34),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("-0.01"), "float", -0.01),
        (logical("bytes", "decimal", precision=9, scale=0), Decimal(7), "int", 7),
        (
            {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2},
            Decimal("1.50"),
            "float",
            1.5,
        ),
    ],
)
def test_values(schema_type: Any, value: Any, kind: str, expected: Any):
    assert column(schema_type, value, kind) == [expected]


@pytest.mark.parametrize(
    ("schema_type", "value", "micros"),
    [
        (logical("long", "timestamp-millis"), AT, MICROS),
        (logical("long", "timestamp-micros"), AT, MICROS),
        (["null", logical("long", "timestamp-micros")], AT, MICROS),
        (logical("long", "timestamp-millis"), datetime(1971, 1, 2, tzinfo=UTC), 366 * 86_400_000_000),
        (logical("int", "date"), date(2026, 11, 22), to_micros(datetime(2026, 11, 22, tzinfo=UTC))),
        ("long", MICROS // 1_000, MICROS),
        ("string", "2026-11-22T10:00:00.250Z", MICROS),
    ],
)
def test_moments(schema_type: Any, value: Any, micros: int):
    assert column(schema_type, value, "timestamp") == [micros]


@pytest.mark.parametrize(
    ("schema_type", "value", "kind", "reason"),
    [
        ("string", "a", "float", 'x: expected a number, got the text "a"'),
        ("bytes", b"a", "string", "x: expected text, got a bytes"),
        ("double", 2.5, "int", "x: expected an integer, got the number 2.5"),
        ("double", float("inf"), "float", "x: the number is infinite; expected a finite one"),
        ({"type": "array", "items": "int"}, [1], "int", "x: expected an integer, got a list"),
        ("boolean", True, "int", "x: expected an integer, got true"),
    ],
)
def test_values_that_do_not_fit(schema_type: Any, value: Any, kind: str, reason: str):
    assert column(schema_type, value, kind) == [reason]


def test_bounds_send_records_to_the_dead_letter():
    assert column("double", -1.0, "float", min=0) == ["x: expected at least 0, got the number -1.0"]


def test_paths_lead_into_records_and_maps():
    user = {
        "type": "record",
        "name": "User",
        "fields": [{"name": "id", "type": "int"}, {"name": "n", "type": "string"}],
    }
    schema = record(("user", ["null", user]), ("tags", {"type": "map", "values": "string"}))
    fields = layout(FieldSpec("who", "int", path="user.id"), FieldSpec("tier", "string", path="tags.tier"))
    messages = [
        bare(schema, {"user": {"id": 7, "n": "x"}, "tags": {"tier": "gold"}}),
        bare(schema, {"user": None, "tags": {}}),
    ]
    batch = decoded(BareDecoder(fields, schema), messages)
    assert batch.columns["who"].values() == [7, None]
    assert batch.columns["tier"].values() == ["gold", None]


def test_a_type_that_is_named_twice_is_read_whole():
    place = {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]}
    schema = record(("start", place), ("amount", "double"), ("end", "Place"))
    fields = layout(FieldSpec("to", "string", path="end.city"))
    batch = decoded(
        BareDecoder(fields, schema),
        [bare(schema, {"start": {"city": "A"}, "amount": 1.0, "end": {"city": "B"}})],
    )
    assert batch.columns["to"].values() == ["B"]


def test_fields_that_nobody_uses_are_skipped():
    schema = record(("a", "string"), ("b", {"type": "array", "items": "string"}), ("x", "int"))
    decoder = BareDecoder(layout(FieldSpec("x", "int")), schema)
    assert decoder._writer.record(bare(schema, {"a": "long" * 100, "b": ["q"] * 9, "x": 3})) == {"x": 3}


V1 = record(("account", "string"), ("amount", "int"))
V2 = record(("account", "string"), ("amount", "double"), ("country", ["null", "string"]))
V3 = record(("amount", "double"), ("country", "string"), ("at", logical("long", "timestamp-micros")))
V4 = record(("amount", "double"), ("country", "string"), ("at", logical("long", "timestamp-millis")))


def registry(schemas: dict[int, Any], **settings: Any) -> SchemaRegistry:
    def fetch(number: int) -> Schema:
        found = schemas.get(number)
        if found is None:
            raise RefusedError("it knows no such schema", missing=True)
        if isinstance(found, Exception):
            raise found
        return Schema(found)

    return SchemaRegistry(RegistryConfig(url=("http://registry:8085",), **settings), fetch=fetch)


FIELDS = (FieldSpec("account", "string"), FieldSpec("amount", "float"), FieldSpec("country", "string"))


def test_fields_are_added_removed_and_widened_within_one_slice():
    decoder = RegistryDecoder(layout(*FIELDS), registry({1: V1, 2: V2, 3: V3}))
    messages = [
        framed(1, V1, {"account": "a", "amount": 1}),
        framed(2, V2, {"account": "b", "amount": 2.5, "country": "DE"}),
        framed(3, V3, {"amount": 3.5, "country": "FR", "at": AT}),
        framed(1, V1, {"account": "c", "amount": 4}),
    ]
    batch = decoded(decoder, messages)
    assert batch.columns["account"].values() == ["a", "b", None, "c"]
    assert batch.columns["amount"].values() == [1.0, 2.5, 3.5, 4.0]
    assert batch.columns["country"].values() == [None, "DE", "FR", None]


def test_writers_may_count_time_in_different_units():
    decoder = RegistryDecoder(layout(FieldSpec("at", "timestamp"), time="at"), registry({3: V3, 4: V4}))
    row = {"amount": 1.0, "country": "FR", "at": AT}
    batch = decoded(decoder, [framed(3, V3, row), framed(4, V4, row), framed(3, V3, row)])
    assert batch.times.tolist() == [MICROS] * 3


def test_a_required_field_that_the_writer_does_not_have():
    decoder = RegistryDecoder(layout(FieldSpec("country", "string", required=True)), registry({1: V1}))
    batch = decoded(decoder, [framed(1, V1, {"account": "a", "amount": 1})])
    assert reasons(batch) == ["country is missing, and every record must carry it"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "a message without a value (a tombstone); expected an Avro record"),
        (b"", "an empty message; expected an Avro record"),
        (
            b'{"a": 1}',
            "not in the wire format of a schema registry: it begins with byte 0x7b, expected 0x00",
        ),
        (b"\0\0\0", "3 bytes; expected a zero, a schema's id in four bytes, and a record"),
        (b"\0\0\0\0\1", "the bytes are not a record of its schema: they end too early"),
        (
            framed(1, V1, {"account": "abc", "amount": 1})[:-3],
            "the bytes are not a record of its schema: they end",
        ),
        (
            framed(1, V1, {"account": "abc", "amount": 1}) + b"x",
            "the bytes are not a record of its schema: 1 of them are left over",
        ),
        (b"\0\0\0\0\7....", "schema 7: its schema is not that of a record"),
        (b"\0\0\0\0\x08....", "schema 8: its schema cannot be understood"),
        (b"\0\0\0\0\x09....", "schema 9 of http://registry:8085: it is of type PROTOBUF"),
    ],
)
def test_a_bad_message_costs_itself(message: bytes | None, reason: str):
    refused = RefusedError("it is of type PROTOBUF; this stream's format is avro", final=True)
    decoder = RegistryDecoder(layout(*FIELDS), registry({1: V1, 7: "string", 8: {"type": "rec"}, 9: refused}))
    good = framed(1, V1, {"account": "a", "amount": 1})
    batch = decoded(decoder, [good, message, good])
    assert batch.offsets.tolist() == [0, 2]
    assert len(batch.bad) == 1
    assert batch.bad[0].reason.startswith(reason)


def test_one_schema_from_a_file(tmp_path: Path):
    (tmp_path / "payment.avsc").write_text(json.dumps(V1))
    decoder = open_format(Config(schema_file=str(tmp_path / "payment.avsc")), layout(*FIELDS))
    batch = decoded(decoder, [bare(V1, {"account": "a", "amount": 3})])
    assert batch.columns["amount"].values() == [3.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read: No such file"), ("{", "is not JSON"), ('"string"', "is not that of a record")],
)
def test_a_schema_file_that_is_wrong(tmp_path: Path, text: str | None, words: str):
    path = tmp_path / "payment.avsc"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=f"schema_file: .*{words}"):
        open_format(Config(schema_file=str(path)), layout(*FIELDS))


def test_a_missing_library_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "fastavro", None)
    with pytest.raises(ConfigError, match=r"install it: pip install 'streamgauge\[avro\]'"):
        open_format(Config(), layout(*FIELDS))


STREAM = """
streams:
  payments:
    source: {{type: kafka, brokers: "localhost:9092", topic: payments}}
    format: {{type: avro, registry: {registry}}}
    fields: {{account: string}}
"""


def test_a_registry_is_an_address_or_a_login():
    short = load(STREAM.format(registry='"http://localhost:8085"'))
    assert short.streams["payments"].format.registry.url == ("http://localhost:8085",)  # type: ignore[attr-defined]
    long = load(
        STREAM.format(
            registry='{url: "http://u:inside@localhost:8085", username: reader, password: "${REGISTRY_PASSWORD}"}'
        ),
        environ={"REGISTRY_PASSWORD": "open-sesame"},
    )
    shown = f"{long!r}{long.public()}{long.streams['payments'].format.registry.shown}"  # type: ignore[attr-defined]
    assert "open-sesame" not in shown
    assert "inside" not in shown


@pytest.mark.parametrize(
    ("registry_text", "words"),
    [
        ("localhost", "expected an address such as http://localhost:8085"),
        ("{url: 'http://x', password: y}", "write `username` too"),
        ("{url: 'http://x', token: y, username: z}", "write either `token`, or `username` and `password`"),
    ],
)
def test_mistakes_in_a_registry(registry_text: str, words: str):
    with pytest.raises(ConfigError, match=words):
        load(STREAM.format(registry=registry_text))
