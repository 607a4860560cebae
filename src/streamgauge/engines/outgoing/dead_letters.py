"""Copies bad records from the store to a file or a topic, each at least once, beside the path of records.

The store keeps them in any case; a copy goes on where it was after a restart. What a topic gets is the record
as it came, with headers that say where it lay and why it was refused.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import structlog

from streamgauge.clock import iso
from streamgauge.config.models import DeadLettersConfig, StreamConfig
from streamgauge.errors import StoreError
from streamgauge.stores.contract import DeadLetter, Store

AT_ONCE = 500
EVERY = 1.0
"""Seconds between looks."""

RETRY = 5.0
"""Seconds between tries while a place refuses."""

_log = structlog.get_logger("streamgauge.dead_letters")


class Place(Protocol):
    """Takes bad records; raises ``OSError`` when it cannot now."""

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Write all of them, durably."""
        ...


class FilePlace:
    """One JSON object per line; bytes that are no UTF-8 are given as base64."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Append and flush to the disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(as_json(letter), ensure_ascii=False) + "\n" for letter in letters)
            file.flush()
            os.fsync(file.fileno())


class TopicPlace:
    """The record's own bytes, with headers ``streamgauge-stream``, ``-partition``, ``-offset``, ``-reason``."""

    def __init__(self, brokers: str, topic: str, settings: Mapping[str, Any]) -> None:
        from confluent_kafka import Producer

        self._topic = topic
        self._producer = Producer(
            {"topic.metadata.propagation.max.ms": 1000, "message.timeout.ms": 10_000, **settings}
            | {"bootstrap.servers": brokers, "enable.idempotence": True, "acks": "all"}
        )

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Produce all and wait for every report."""
        reports: list[str | None] = []

        def report(error: object, _message: object) -> None:
            reports.append(None if error is None else str(error))

        for letter in letters:
            headers: list[tuple[str, str | bytes | None]] = [
                ("streamgauge-stream", letter.stream.encode()),
                ("streamgauge-partition", str(letter.partition).encode()),
                ("streamgauge-offset", str(letter.offset).encode()),
                ("streamgauge-reason", letter.reason.encode()),
            ]
            self._producer.produce(self._topic, letter.payload, headers=headers, on_delivery=report)
        self._producer.flush(15)
        failures = [failure for failure in reports if failure is not None]
        if failures or len(reports) < len(letters):
            raise OSError(f"topic {self._topic}: {failures[0] if failures else 'no answer within 15 s'}")


class Copier(threading.Thread):
    """Copies the bad records of one stream; looks once a second whether there are new ones."""

    def __init__(self, stream: str, place: Place, store: Store) -> None:
        super().__init__(name=f"dead letters of {stream}", daemon=True)
        self._stream = stream
        self._place = place
        self._store = store
        self._stopping = threading.Event()

    def stop(self, timeout: float = 20.0) -> None:
        """Copy what is there, then end."""
        self._stopping.set()
        self.join(timeout)

    def run(self) -> None:
        """Until stopped; once more after that."""
        refused = last = False
        while not last:
            last = self._stopping.wait(RETRY if refused else EVERY)
            try:
                while self._copy_some():
                    pass
                refused = False
            except (OSError, StoreError) as error:
                if not refused:
                    _log.warning("bad records wait in the store", stream=self._stream, why=str(error))
                refused = True

    def _copy_some(self) -> bool:
        name = f"dead letters of {self._stream}"
        letters = self._store.dead_letters_after(self._stream, self._store.cursor(name), AT_ONCE)
        if letters:
            self._place.put(letters)
            self._store.move_cursor(name, letters[-1].sequence)
        return len(letters) == AT_ONCE


def as_json(letter: DeadLetter) -> dict[str, Any]:
    """A bad record as plain data: ``payload`` where it is UTF-8, else ``payload_base64``."""
    line: dict[str, Any] = {
        "stream": letter.stream,
        "partition": str(letter.partition),
        "offset": letter.offset,
        "at": iso(letter.at),
        "reason": letter.reason,
    }
    if letter.truncated:
        line["truncated"] = True
    if letter.payload is None:
        return line | {"payload": None}
    try:
        return line | {"payload": letter.payload.decode()}
    except UnicodeDecodeError:
        return line | {"payload_base64": base64.b64encode(letter.payload).decode()}


@contextmanager
def copied(streams: Mapping[str, StreamConfig], store: Store) -> Iterator[None]:
    """While within, bad records are copied to where their streams say; at the end those that are still to be."""
    copiers = [
        Copier(name, _place(config.dead_letters, config), store)
        for name, config in streams.items()
        if config.dead_letters is not None
    ]
    for copier in copiers:
        copier.start()
    try:
        yield
    finally:
        for copier in copiers:
            copier.stop()


def _place(config: DeadLettersConfig, stream: StreamConfig) -> Place:
    if config.file is not None:
        return FilePlace(Path(config.file))
    brokers: Any = config.brokers or getattr(stream.source, "brokers", "")
    named = brokers if isinstance(brokers, str) else ",".join(brokers)
    own = getattr(stream.source, "settings", {}) if config.brokers is None else {}
    assert config.topic is not None
    return TopicPlace(named, config.topic, {**own, **config.settings})
