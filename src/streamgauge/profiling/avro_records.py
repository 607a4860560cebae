"""Whole records of Avro messages, whose schemas a registry knows: all fields, not only those that are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from streamgauge.errors import OutsideError
from streamgauge.formats.avro_schema import plain, require_library

if TYPE_CHECKING:
    from streamgauge.formats.schema_registry import RegistryConfig

_HEAD = 5
"""Bytes before a message: a zero, and the schema's id."""


def looks_framed(payloads: Iterable[bytes | None]) -> bool:
    """Whether all messages begin as a registry's clients write them."""
    heads = [payload[:1] for payload in payloads if payload]
    return bool(heads) and set(heads) == {b"\0"}


def read(payloads: Iterable[bytes | None], config: RegistryConfig) -> Iterator[Mapping[str, Any] | None]:
    """Each message's record; None where there is none.

    Raises:
        ConfigError: the library for Avro is not installed.
        OutsideError: the registry gives none of the schemas.
    """
    from streamgauge.formats.schema_registry import SchemaRegistry

    avro = require_library()
    registry = SchemaRegistry(config)
    payloads = list(payloads)
    numbers = {int.from_bytes(one[1:_HEAD]) for one in payloads if one and one[0] == 0 and len(one) > _HEAD}
    registry.wait(numbers)
    found = {number: registry.get(number) for number in numbers}
    schemas = {number: _parsed(avro, one) for number, one in found.items() if not isinstance(one, str | None)}
    refusals = [one for one in found.values() if isinstance(one, str)]
    if refusals and not schemas:
        raise OutsideError(f"{refusals[0]}; check --registry")
    for payload in payloads:
        yield _record(avro, schemas, payload)


def _parsed(avro: Any, schema: Any) -> Any:
    named: dict[str, Any] = {}
    for other in schema.references.values():
        avro.parse_schema(other, named_schemas=named)
    return avro.parse_schema(schema.data, named_schemas=named)


def _record(avro: Any, schemas: Mapping[int, Any], payload: bytes | None) -> Mapping[str, Any] | None:
    schema = schemas.get(int.from_bytes(payload[1:_HEAD])) if payload and payload[0] == 0 else None
    if schema is None or payload is None:
        return None
    try:
        record = plain(avro.schemaless_reader(BytesIO(payload[_HEAD:]), schema, None))
    except Exception:  # noqa: BLE001  the library raises many kinds for broken bytes; such a record is unreadable
        return None
    return record if isinstance(record, dict) else None
