"""A reference of a topic's first records, for who has none."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streamgauge.errors import ConfigError, OutsideError

PATIENCE = 10.0
"""Seconds to wait for the brokers' first answer."""


def first_records(
    brokers: str, topic: str, count: int, options: Mapping[str, Any], stopping: threading.Event
) -> list[dict[str, Any]] | None:
    """The first ``count`` JSON objects of a topic, waited for; None when told to stop. Nothing is committed.

    Raises:
        OutsideError: the brokers do not answer, or have no such topic.
    """
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

    asked = {
        "bootstrap.servers": brokers,
        "group.id": "drift-baseline",
        "enable.auto.commit": False,
        **options,
    }
    consumer = Consumer(asked)
    try:
        try:
            found = consumer.list_topics(topic, timeout=PATIENCE).topics[topic]
        except KafkaException as error:
            raise OutsideError(
                f"{brokers} cannot be asked about topic {topic}: {error.args[0].str()}"
            ) from error
        if found.error is not None:
            raise OutsideError(f"{brokers} has no topic {topic}: {found.error.str()}")
        consumer.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for number in sorted(found.partitions)]
        )
        records: list[dict[str, Any]] = []
        while len(records) < count and not stopping.is_set():
            messages = consumer.consume(count - len(records), timeout=0.5)
            found_now = [_object(message.value()) for message in messages if message.error() is None]
            records += [record for record in found_now if record is not None]
        return None if len(records) < count else records
    finally:
        consumer.close()


def written(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the reference of some records.

    Left out are texts that name single records, and what the stream cannot count as one kind of value: fields that held
    nothing, lists, objects, or now a text and now a number.

    Raises:
        ConfigError: there is nothing in them that has a distribution.
    """
    from streamgauge.statistics.columns import table
    from streamgauge.statistics.reference import build
    from streamgauge.statistics.reference_file import encoded

    names = dict.fromkeys(name for record in records for name in record)
    flat = {name: [_plain(record.get(name)) for record in records] for name in names}
    read = table(flat)
    kept = [
        name
        for name, column in read.columns.items()
        if _counts(column, [record.get(name) for record in records])
    ]
    if not kept:
        raise ConfigError("the records hold nothing that has a distribution: no number, no category")
    chosen = read.chosen(kept)
    path.write_bytes(encoded(build(chosen.columns, booleans=chosen.booleans)))


def _counts(column: Any, values: Sequence[Any]) -> bool:
    """Whether a field has a distribution, and every value of it is of the kind that the stream will read."""
    if any(isinstance(value, list | dict) for value in values) or all(value is None for value in values):
        return False
    if not isinstance(column, list):
        return not any(isinstance(value, bool) for value in values) or all(
            value is None or isinstance(value, bool) for value in values
        )
    texts = all(value is None or isinstance(value, str) for value in values)
    return texts and len(set(column)) <= max(20, len(column) / 2)


def _object(payload: bytes | None) -> dict[str, Any] | None:
    try:
        record = msgspec.json.decode(payload or b"")
    except msgspec.DecodeError:
        return None
    return record if isinstance(record, dict) else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None
