"""The records that are looked at: as a source gave them, to be replayed, and flat, to be counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from streamgauge.batch import Partition
from streamgauge.errors import ConfigError, SourceError
from streamgauge.sources.contract import Slice

if TYPE_CHECKING:
    from confluent_kafka import Message

    from streamgauge.clock import Clock
    from streamgauge.formats.schema_registry import RegistryConfig
    from streamgauge.sources.kafka import Config as KafkaConfig
    from streamgauge.sources.kafka.ranges import Ranges

Steps: TypeAlias = tuple[str, ...]
"""Where a value lies in a record: the object keys to walk through."""
Format: TypeAlias = Literal["json", "csv", "parquet", "avro"]
_FORMATS: tuple[Format, ...] = ("json", "csv", "parquet", "avro")


@dataclass(frozen=True, slots=True)
class Row:
    """One record.

    Attributes:
        values: its values by where they lie; objects within are walked into.
        partition, offset: where it was read.
        stamp: the source's timestamp in microseconds; of files, the time of reading.
        key: the message's key, of a topic.
    """

    values: Mapping[Steps, Any]
    partition: Partition
    offset: int
    stamp: int
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was looked at.

    Attributes:
        name: a name for the stream.
        format: how its records are written.
        slices: the records as read, by partition in offset order.
        rows: those that can be read.
        unreadable: how many cannot.
        of_topic: whether they come from a topic, so that their timestamps mean something.
        partial: whether there is more than was looked at.
        registry: where the schemas of Avro messages are, as it will stand in the file.
    """

    name: str
    format: Format
    slices: tuple[Slice, ...]
    rows: tuple[Row, ...]
    unreadable: int
    of_topic: bool
    partial: bool
    registry: str | None = None

    @property
    def records(self) -> int:
        """How many records were looked at."""
        return len(self.rows) + self.unreadable


def of_files(name: str, paths: Sequence[str], limit: int, clock: Clock) -> Sample:
    """The first ``limit`` records of files.

    Raises:
        SourceError: a file is missing or cannot be read.
        ConfigError: it holds no record that can be read.
    """
    from streamgauge.sources.files import format_of, open_files

    source = open_files(list(paths), clock=clock)
    slices: list[Slice] = []
    seen, ended = 0, False
    source.open({})
    waiting: set[Partition] = set()
    try:
        while seen < limit and not ended:
            poll = source.poll(limit - seen, timedelta(0))
            slices += poll.slices
            seen += sum(len(piece.offsets) for piece in poll.slices)
            waiting = (waiting | set(poll.assigned)) - set(poll.ended)
            ended = not waiting
    finally:
        source.close()
    known = format_of(slices[0].partition.name) if slices else None
    form: Format = next((one for one in _FORMATS if one == known), "json")
    return _sample(name, form, slices, {}, of_topic=False, partial=not ended)


def of_topic(
    name: str, config: KafkaConfig, limit: int, clock: Clock, registry: RegistryConfig | None = None
) -> Sample:
    """The newest ``limit`` records of a topic, about as many of each partition; nothing is committed.

    They are JSON, or Avro where a ``registry`` is given.

    Raises:
        SourceError: what the brokers refuse, that they are away, or that the topic is empty.
        OutsideError: the registry gives no schema.
        ConfigError: none of its records can be read.
    """
    from streamgauge.sources.kafka.looking import Look

    with Look(config, name, clock) as look:
        messages = look.newest(limit)
    return _of_messages(name, config, messages, clock, registry)


def of_slice(name: str, config: KafkaConfig, ranges: Ranges, clock: Clock) -> Sample:
    """The records of a topic of JSON between offsets, all of them; nothing is committed.

    Raises:
        SourceError: what the brokers refuse, that they are away, or that they hold these offsets no more.
        ConfigError: none of its records can be read.
    """
    from streamgauge.sources.kafka.looking import Look

    with Look(config, name, clock) as look:
        messages = look.between(ranges)
    return _of_messages(name, config, messages, clock, None)


def _of_messages(
    name: str,
    config: KafkaConfig,
    messages: Mapping[Partition, Sequence[Message]],
    clock: Clock,
    registry: RegistryConfig | None,
) -> Sample:
    from streamgauge.sources.kafka.slices import as_slice

    topic = ", ".join(config.names)
    if not messages:
        raise SourceError(
            f"topic {topic} at {config.bootstrap} holds no records to look at; try again when there are some, "
            "or give a file with records like them"
        )
    now = clock.now()
    slices = [as_slice(partition, list(found), now) for partition, found in messages.items()]
    keys = {p: [message.key() for message in found] for p, found in messages.items()}
    partial = any(int(found[0].offset() or 0) > 0 for found in messages.values())
    return _sample(name, "json", slices, keys, of_topic=True, partial=partial, registry=registry)


def since(sample: Sample, start: int, times: Mapping[tuple[Partition, int], int]) -> Sample:
    """The records from a moment of event time on: partitions of unequal pace then span the same time.

    ``times``: event time by partition and offset; what has none stays.
    """
    import numpy as np

    slices = []
    for piece in sample.slices:
        keep = np.array(
            [times.get((piece.partition, int(offset)), start) >= start for offset in piece.offsets], np.bool_
        )
        if keep.any():
            slices.append(_only(piece, np.flatnonzero(keep).tolist()))
    rows = tuple(row for row in sample.rows if times.get((row.partition, row.offset), start) >= start)
    return replace(sample, slices=tuple(slices), rows=rows)


def _only(piece: Slice, rows: list[int]) -> Slice:
    payloads = piece.payloads
    return Slice(
        piece.partition,
        piece.offsets[rows],
        piece.timestamps[rows],
        piece.next_offset,
        None if payloads is None else [payloads[row] for row in rows],
        None if piece.frame is None else piece.frame[rows],
        piece.trusted,
        {new: piece.unreadable[row] for new, row in enumerate(rows) if row in piece.unreadable},
    )


def _sample(
    name: str,
    form: Format,
    slices: Sequence[Slice],
    keys: Mapping[Partition, Sequence[bytes | None]],
    *,
    of_topic: bool,
    partial: bool,
    registry: RegistryConfig | None = None,
) -> Sample:
    rows, bad = [], 0
    form = form if registry is None else "avro"
    for piece in slices:
        mine = keys.get(piece.partition, ())
        for number, record in enumerate(_records(piece, registry)):
            if record is None:
                bad += 1
                continue
            key = mine[number] if number < len(mine) else None
            stamp, offset = int(piece.timestamps[number]), int(piece.offsets[number])
            rows.append(Row(dict(_flat(record)), piece.partition, offset, stamp, key))
    if not rows:
        raise ConfigError(_nothing(name, form, slices, bad))
    shown = None if registry is None else registry.url[0]
    return Sample(name, form, tuple(slices), tuple(rows), bad, of_topic, partial, shown)


def _nothing(name: str, form: Format, slices: Sequence[Slice], bad: int) -> str:
    from streamgauge.profiling.avro_records import looks_framed

    where = ", ".join(sorted({piece.partition.name for piece in slices})) or name
    payloads = [payload for piece in slices for payload in piece.payloads or ()]
    if form == "json" and looks_framed(payloads):
        return f"the messages of {where} look like Avro with a schema registry's ids: say where it is with --registry"
    return (
        f"none of the {bad} records looked at in {where} can be read as {form.upper()} objects; "
        "JSON, CSV, Parquet and Avro can, and other lines after something has made JSON of them"
    )


def _records(piece: Slice, registry: RegistryConfig | None) -> Iterator[Mapping[str, Any] | None]:
    if registry is not None:
        from streamgauge.profiling.avro_records import read

        yield from read(piece.payloads or (), registry)
        return
    if piece.frame is not None:
        for number, row in enumerate(piece.frame.iter_rows(named=True)):
            yield None if number in piece.unreadable else row
        return
    yield from _parsed(piece.payloads or ())


def _parsed(payloads: Iterable[bytes | None]) -> Iterator[Mapping[str, Any] | None]:
    import msgspec

    decoder = msgspec.json.Decoder()
    for payload in payloads:
        try:
            value = decoder.decode(payload or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        yield value if isinstance(value, dict) else None


def _flat(record: Mapping[str, Any], way: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, (*way, key))
        else:
            yield (*way, key), value
