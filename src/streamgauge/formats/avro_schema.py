"""One writer's Avro schema, ready to read its records: only the fields used, logical types as plain numbers.

Dates and timestamps are read as the numbers they are written as, and their unit is kept beside
(:attr:`Writer.units`), so that whole columns are converted at once. Fields that nobody uses are skipped,
unless the schema names a type in several places, which is rare and then costs only time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any, Literal, TypeAlias

from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec, TimeUnit
from streamgauge.formats.json_struct import Tree
from streamgauge.formats.reasons import clean
from streamgauge.formats.values import UnfitError

Unit: TypeAlias = TimeUnit | Literal["d"]
"""What a number in a timestamp field counts since 1970; ``d`` are days."""

_UNITS: Mapping[str, Unit] = {
    "timestamp-millis": "ms",
    "timestamp-micros": "us",
    "timestamp-nanos": "ns",
    "local-timestamp-millis": "ms",
    "local-timestamp-micros": "us",
    "local-timestamp-nanos": "ns",
    "date": "d",
}
_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_MISSING = "the format avro needs the library fastavro; install it: pip install 'streamgauge[avro]'"


def require_library() -> Any:
    """The library that knows Avro.

    Raises:
        ConfigError: it is not installed, with what to do.
    """
    try:
        import fastavro
    except ImportError:
        raise ConfigError(_MISSING) from None
    return fastavro


class Writer:
    """Reads the records that were written with one schema.

    Attributes:
        units: of each timestamp field whose type says its unit.
    """

    def __init__(self, schema: Any, tree: Tree, references: Mapping[str, Any] | None = None) -> None:
        """Prepare to read.

        Args:
            schema: as plain data.
            tree: the fields used, as the records hold them.
            references: schemas of other subjects that this one names, each after those that it needs itself.

        Raises:
            UnfitError: it is no Avro schema of a record.
        """
        avro = require_library()
        named: dict[str, Any] = {}
        try:
            for text in (references or {}).values():
                avro.parse_schema(_stripped(text), named_schemas=named)
            self._writer = avro.parse_schema(_stripped(schema), named_schemas=named)
        except Exception as error:  # the library raises many kinds for what is no schema
            raise UnfitError(f"its schema cannot be understood: {clean(str(error), 200)}") from error
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise UnfitError("its schema is not that of a record")
        self._reader = _projected(schema, tree)
        self._named = named
        self._read = avro.schemaless_reader
        self.units: Mapping[str, Unit] = dict(_units(schema, tree))

    def record(self, message: bytes, start: int = 0) -> dict[str, Any]:
        """The record that ``message`` holds from byte ``start`` to its end; decimals are ``Decimal``.

        Raises:
            UnfitError: the bytes are not a record of this schema.
        """
        stream = BytesIO(message)
        stream.seek(start)
        try:
            record: dict[str, Any] = self._read(stream, self._writer, self._reader)
        except Exception as error:  # the library raises many kinds for broken bytes
            why = "they end too early" if isinstance(error, EOFError | IndexError) else clean(str(error), 100)
            raise UnfitError(f"the bytes are not a record of its schema: {why}") from error
        if stream.tell() != len(message):
            more = len(message) - stream.tell()
            raise UnfitError(f"the bytes are not a record of its schema: {more} of them are left over")
        return record


def plain(value: Any) -> Any:
    """A value as JSON would hold it: decimals become numbers.

    >>> plain({"price": Decimal("1.50"), "count": Decimal("3")})
    {'price': 1.5, 'count': 3}
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _stripped(schema: Any) -> Any:
    """The schema without logical types but decimals: what they annotate stays a number or text."""
    if isinstance(schema, list):
        return [_stripped(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    keep = schema.get("logicalType") == "decimal"
    return {key: _stripped(part) for key, part in schema.items() if keep or key != "logicalType"}


def _projected(schema: Any, tree: Tree) -> Any:
    """The reader's schema with only the fields used; None (all of them) where a type is named again."""
    if any(True for _ in _references(schema)):
        return None
    return require_library().parse_schema(_stripped(_pruned(schema, tree)))


def _references(schema: Any) -> Iterator[str]:
    """Names of types that are defined elsewhere in the schema."""
    if isinstance(schema, str):
        if schema not in _PRIMITIVES:
            yield schema
    elif isinstance(schema, list):
        for branch in schema:
            yield from _references(branch)
    elif isinstance(schema, dict):
        kind = schema.get("type")
        if kind in ("record", "error"):
            for field in schema.get("fields", ()):
                yield from _references(field["type"])
        elif kind in ("array", "map"):
            yield from _references(schema.get("items", schema.get("values")))
        elif kind not in ("enum", "fixed"):
            yield from _references(kind)


def _pruned(schema: Any, tree: Tree) -> Any:
    """The schema with only the fields of ``tree`` in its records."""
    if isinstance(schema, list):
        return [_pruned(branch, tree) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("type"), (dict, list)):
        return _pruned(schema["type"], tree)
    if schema.get("type") != "record":
        return schema
    fields = []
    for field in schema["fields"]:
        below = tree.get(field["name"])
        if below is not None:
            kept = field["type"] if isinstance(below, FieldSpec) else _pruned(field["type"], below)
            fields.append({"name": field["name"], "type": kept})
    return {**schema, "fields": fields}


def _units(schema: Any, tree: Tree) -> Iterator[tuple[str, Unit]]:
    """The fields whose types say what their numbers count."""
    for branch in schema if isinstance(schema, list) else [schema]:
        if not isinstance(branch, dict) or branch.get("type") != "record":
            continue
        for field in branch["fields"]:
            below = tree.get(field["name"])
            if isinstance(below, FieldSpec):
                unit = _unit_of(field["type"])
                if unit is not None:
                    yield below.name, unit
            elif below is not None:
                yield from _units(field["type"], below)


def _unit_of(schema: Any) -> Unit | None:
    if isinstance(schema, list):
        found = {_unit_of(branch) for branch in schema if branch != "null"}
        return found.pop() if len(found) == 1 else None
    if not isinstance(schema, dict):
        return None
    if isinstance(schema.get("type"), (dict, list)):
        return _unit_of(schema["type"])
    return _UNITS.get(str(schema.get("logicalType")))
