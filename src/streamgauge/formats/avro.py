"""Avro: messages with a schema registry's ids before them, bare messages of one schema, and ``.avro`` files.

Each record is read with the schema that it was written with, so fields may come, go and widen (``int`` to
``long``, ``float``, ``double``): a field that the writer does not have is missing. The values then follow the
rules of ``json``. Records whose schema is not known yet wait (``registry: {wait: 30s}``), and then go to the
dead-letter; those whose schema is known go on while the registry is away.

``source: {type: files}`` cuts ``.avro`` files, which carry their schema, into records as JSON objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from pydantic import model_validator

from streamgauge.batch import Batch, IntArray
from streamgauge.errors import ConfigError
from streamgauge.formats.assembly import Sieve
from streamgauge.formats.avro_schema import Unit, Writer, plain, require_library
from streamgauge.formats.contract import Decoder, FormatConfig, Layout
from streamgauge.formats.event_time import Moments, moments
from streamgauge.formats.json import RecordDecoder
from streamgauge.formats.json_struct import tree_of, values_of
from streamgauge.formats.schema_registry import RegistryConfig, SchemaRegistry
from streamgauge.formats.shapes import of_avro
from streamgauge.formats.values import UnfitError
from streamgauge.settings import FileName, Shorthand, wrong
from streamgauge.sources.contract import Slice

_HEAD = 5
"""Bytes before a message: a zero, and the schema's id."""


class Config(FormatConfig):
    """``format: {type: avro, registry: "http://localhost:8085"}``."""

    type: Literal["avro"] = "avro"
    registry: Annotated[RegistryConfig, Shorthand("url")] | None = None
    """The schema registry whose ids stand before the messages (Confluent's wire format)."""
    schema_file: FileName | None = None
    """A file with the one schema of messages that carry no id."""

    @model_validator(mode="after")
    def _one_way(self) -> Config:
        if self.registry is not None and self.schema_file is not None:
            raise wrong("schema_file", "write either `registry` or `schema_file`")
        return self


def open_format(config: Config, layout: Layout) -> Decoder:
    """A decoder for one stream.

    Raises:
        ConfigError: fastavro is not installed, the schema's file cannot be read, or two fields contradict
            each other.
    """
    require_library()
    if config.registry is not None:
        return RegistryDecoder(layout, SchemaRegistry(config.registry))
    if config.schema_file is not None:
        return BareDecoder(layout, _from_file(Path(config.schema_file)))
    return RecordDecoder(layout, texts=False)


class BareDecoder:
    """Decodes messages that are a record and nothing else, all of one schema."""

    def __init__(self, layout: Layout, schema: Any) -> None:
        """Prepare to read records of ``schema``.

        Raises:
            ConfigError: it is no schema of a record.
        """
        self._messages = _Messages(layout)
        try:
            self._writer = Writer(schema, self._messages.tree)
        except UnfitError as error:
            raise ConfigError(f"schema_file: {error}") from error
        self._shape = of_avro(schema)

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`."""
        return self._messages.decode(piece, now, lambda payload: (self._writer, self._writer.record(payload)))

    def shapes(self, piece: Slice, rows: IntArray) -> list[str | None]:
        """See :class:`~streamgauge.formats.shapes.Shaped`: that of the one schema."""
        return [self._shape] * len(rows)


class RegistryDecoder:
    """Decodes messages in Confluent's wire format: a zero byte, the schema's id in four bytes, the record."""

    def __init__(self, layout: Layout, registry: SchemaRegistry) -> None:
        """``registry`` answers for the ids."""
        self._messages = _Messages(layout)
        self._registry = registry
        self._writers: dict[bytes, Writer | str] = {}
        self._shapes: dict[bytes, str] = {}

    def ready(self, piece: Slice) -> bool:
        """See :class:`~streamgauge.formats.contract.Fetching`."""
        return self._registry.settled(self._unknown(piece))

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`; waits for schemas that are not known yet."""
        self._registry.wait(self._unknown(piece))
        return self._messages.decode(piece, now, self._read)

    def shapes(self, piece: Slice, rows: IntArray) -> list[str | None]:
        """See :class:`~streamgauge.formats.shapes.Shaped`: those of the writers' schemas."""
        payloads = piece.payloads or ()
        return [self._shape((payloads[row] or b"")[:_HEAD]) for row in rows.tolist()]

    def _shape(self, head: bytes) -> str | None:
        if head not in self._shapes:
            found = self._registry.get(int.from_bytes(head[1:]))
            if found is None or isinstance(found, str):
                return None
            self._shapes[head] = of_avro(found.data)
        return self._shapes[head]

    def _unknown(self, piece: Slice) -> list[int]:
        heads = {payload[:_HEAD] for payload in piece.payloads or () if payload}
        heads -= self._writers.keys()
        return [int.from_bytes(head[1:]) for head in heads if len(head) == _HEAD and head[0] == 0]

    def _read(self, payload: bytes) -> tuple[Writer, dict[str, Any]]:
        writer = self._writers.get(payload[:_HEAD]) or self._writer(payload)
        if isinstance(writer, str):
            raise UnfitError(writer)
        return writer, writer.record(payload, _HEAD)

    def _writer(self, payload: bytes) -> Writer | str:
        if payload[0] != 0:
            raise UnfitError(
                f"not in the wire format of a schema registry: it begins with byte 0x{payload[0]:02x}, expected 0x00"
            )
        if len(payload) < _HEAD:
            raise UnfitError(
                f"{len(payload)} bytes; expected a zero, a schema's id in four bytes, and a record"
            )
        number = int.from_bytes(payload[1:_HEAD])
        found = self._registry.get(number)
        if found is None or isinstance(found, str):
            raise UnfitError(found or f"schema {number} is not known")
        try:
            writer: Writer | str = Writer(found.data, self._messages.tree, found.references)
        except UnfitError as error:
            writer = f"schema {number}: {error}"
        self._writers[payload[:_HEAD]] = writer
        return writer


class _Messages:
    """From messages to a batch, whoever knows their schemas."""

    def __init__(self, layout: Layout) -> None:
        self._rules = RecordDecoder(layout, texts=False)
        self.tree = tree_of(layout.fields.values())

    def decode(self, piece: Slice, now: int, read: Any) -> Batch:
        """``read`` gives the writer's schema and the record of a message, or raises UnfitError."""
        if piece.frame is not None:
            return self._rules.decode(piece, now)
        payloads = piece.payloads or ()
        sieve = Sieve(piece, payloads.__getitem__)
        rows: list[Any] = []
        writers: list[Writer] = []
        for at, payload in enumerate(payloads):
            if at in piece.unreadable:
                continue
            try:
                writer, row = self._row(payload, read)
            except UnfitError as reason:
                sieve.drop(at, str(reason))
            else:
                rows.append(row)
                writers.append(writer)
        times = {
            spec.name: _moments(values_of(rows, way), [w.units.get(spec.name, spec.unit) for w in writers])
            for spec, way in self._rules.moment_fields()
        }
        return self._rules.assembled(rows, times, (sieve, piece, now), endless=True)

    def _row(self, payload: bytes | None, read: Any) -> tuple[Writer, Any]:
        if payload is None:
            raise UnfitError("a message without a value (a tombstone); expected an Avro record")
        if not payload:
            raise UnfitError("an empty message; expected an Avro record")
        writer, record = read(payload)
        try:
            return writer, msgspec.convert(record, self._rules.struct)
        except msgspec.ValidationError:
            return writer, self._rules.fitted(plain(record))


def _moments(values: Sequence[Any], units: Sequence[Unit | None]) -> Moments:
    """A column of moments whose unit each writer's schema says."""
    kinds = set(units)
    if len(kinds) <= 1:
        return _of_unit(values, kinds.pop() if kinds else None)
    micros, missing = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    problems: dict[int, str] = {}
    for unit, rows in _by_unit(units):
        part = _of_unit([values[row] for row in rows], unit)
        micros[rows] = part.micros
        if part.missing is not None:
            missing[rows] = part.missing
        problems |= {rows[at]: reason for at, reason in part.problems.items()}
    return Moments(micros, missing if missing.any() else None, problems)


def _by_unit(units: Sequence[Unit | None]) -> Iterator[tuple[Unit | None, list[int]]]:
    for unit in sorted(set(units), key=str):
        yield unit, [row for row, other in enumerate(units) if other == unit]


def _of_unit(values: Sequence[Any], unit: Unit | None) -> Moments:
    if unit != "d":
        return moments(values, unit)
    return moments([value * 86_400 if isinstance(value, int) else value for value in values], "s")


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"schema_file: {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"schema_file: {path} is not JSON: {error}") from error
