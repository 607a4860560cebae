"""The rows of INSERT statements as messages, as ksqlDB would write them: names in upper case, keys in the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from streamgauge.sql import inserting
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import ColumnSpec, CreateStream, Define, Insert, Statement
from streamgauge.sql.streams import ROWTIME, refuse_format


@dataclass(frozen=True, slots=True)
class Message:
    """One row; ``at`` is its timestamp in milliseconds."""

    key: str | None
    value: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Topic:
    """The rows of one stream, in the order of its INSERTs; ``partitions``: as WITH says."""

    name: str
    stream: str
    partitions: int | None
    messages: Sequence[Message]


def topics(statements: Sequence[Statement], parameters: Mapping[str, str], now: int) -> list[Topic]:
    """What the INSERTs of all streams produce.

    Args:
        statements: of all files.
        parameters: by ``--set``.
        now: microseconds; the timestamp of rows that give none.

    Raises:
        SqlError: a row does not fit its stream, or the stream is not declared.
    """
    values = {one.name: one.value for one in statements if isinstance(one, Define)} | dict(parameters)
    streams = {one.name.casefold(): one for one in statements if isinstance(one, CreateStream)}
    inserts: dict[str, list[Insert]] = {}
    for one in statements:
        if isinstance(one, Insert):
            name = one.stream.text.casefold()
            if name not in streams:
                message = f"there is no stream {one.stream.text}; declare it with CREATE STREAM"
                raise SqlError(message, one.script, one.stream.start)
            inserts.setdefault(name, []).append(one)
    return [_topic(streams[name], rows, values, now) for name, rows in inserts.items()]


def _topic(stream: CreateStream, inserts: Sequence[Insert], parameters: Mapping[str, str], now: int) -> Topic:
    refuse_format(stream)
    rows = inserting.frame(stream, inserts, parameters, now)
    topic, partitions = stream.properties.get("kafka_topic"), stream.properties.get("partitions")
    return Topic(
        stream.name.upper() if topic is None else str(topic.value),
        stream.name,
        None if partitions is None else int(str(partitions.value)),
        [_message(stream.columns, row) for row in rows.iter_rows(named=True)],
    )


def _message(columns: Sequence[ColumnSpec], row: Mapping[str, Any]) -> Message:
    keys = [row[spec.path] for spec in columns if spec.is_key]
    value: dict[str, Any] = {}
    for spec in columns:
        if not spec.is_key and spec.kind is not None:
            _put(value, spec.path.upper().split("."), row[spec.path])
    return Message(_key(keys), msgspec.json.encode(value), int(row[ROWTIME]) // 1_000)


def _key(keys: Sequence[Any]) -> str | None:
    """One column as text, as producers and consoles write it; several as a JSON list."""
    if not keys or all(key is None for key in keys):
        return None
    if len(keys) > 1:
        return msgspec.json.encode(keys).decode()
    return keys[0] if isinstance(keys[0], str) else msgspec.json.encode(keys[0]).decode()


def _put(record: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    for step in steps[:-1]:
        record = record.setdefault(step, {})
    record[steps[-1]] = value
