"""Where ``generate`` writes: a file or a Kafka topic."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from streamgauge.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    from streamgauge.sources.synthetic import Records

PATIENCE = 10
"""Seconds to wait for a broker's first answer."""


class Target(Protocol):
    """Where records go."""

    where: str

    def write(self, records: Records) -> None:
        """Take some records.

        Raises:
            OutsideError: it cannot.
        """
        ...

    def flush(self) -> None:
        """Let what was written be seen."""
        ...

    def close(self) -> None:
        """Wait until everything arrived.

        Raises:
            OutsideError: it did not.
        """
        ...


class FileTarget:
    """NDJSON into a file, compressed as its name says; ``-`` is the standard output."""

    def __init__(self, name: str) -> None:
        self.where = "the standard output" if name == "-" else name
        self._raw: BinaryIO = sys.stdout.buffer if name == "-" else create(Path(name))
        self._is_ours = name != "-"
        self._file = _compressed(self._raw, Path(name).suffix)

    def write(self, records: Records) -> None:
        """One line each."""
        try:
            self._file.write(b"\n".join(records.payloads) + b"\n")
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutsideError(f"cannot write {self.where}: {error.strerror}") from error

    def flush(self) -> None:
        """Hand it to the system."""
        self._file.flush()

    def close(self) -> None:
        """Finish the compressed stream and the file."""
        if self._file is not self._raw:
            self._file.close()
        if self._is_ours:
            self._raw.close()
        else:
            with suppress(BrokenPipeError):
                self._raw.flush()


def create(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise OutsideError(f"cannot write {path}: {error.strerror}") from error


def _compressed(raw: BinaryIO, suffix: str) -> BinaryIO:
    if suffix == ".gz":  # no name and no time within, so that the same records are the same file
        return cast("BinaryIO", gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6))
    if suffix == ".zst":
        import zstandard

        return cast("BinaryIO", zstandard.ZstdCompressor().stream_writer(raw, closefd=False))
    return raw


class TopicTarget:
    """A Kafka topic; keyed, idempotent, placed as Java's producer places.

    Raises:
        OutsideError: no broker answers, or the topic is missing and no number of partitions was named.
    """

    def __init__(self, topic: str, brokers: str, partitions: int | None, settings: Mapping[str, str]) -> None:
        from confluent_kafka import KafkaException, Producer

        self.where = f"topic {topic} at {brokers}"
        self._topic = topic
        self._trouble: list[str] = []
        self._failures: list[str] = []
        self._told = False
        common = {"bootstrap.servers": brokers, "log_level": 0, "error_cb": self._note, **settings}
        try:
            self._producer = Producer(
                {
                    "enable.idempotence": True,
                    "partitioner": "murmur2_random",
                    "linger.ms": 5,
                    "message.timeout.ms": 30_000,
                    "queue.buffering.max.messages": 500_000,
                    "delivery.report.only.error": True,
                    "on_delivery": self._failed,
                    **common,
                }
            )
        except KafkaException as error:
            raise ConfigError(f"librdkafka refuses the settings: {error.args[0].str()}") from error
        self._ready(brokers, partitions, common)

    def write(self, records: Records) -> None:
        """Queue them; waits while the queue is full."""
        produce, topic = self._producer.produce, self._topic
        for key, value in zip(records.keys, records.payloads, strict=True):
            try:
                produce(topic, value, key)
            except BufferError:
                self._queue_again(key, value)
        self._producer.poll(0)
        self._complain()

    def produce(self, messages: Iterable[tuple[str | None, bytes, int]]) -> None:
        """Queue (key, value, milliseconds since 1970) each; waits while the queue is full."""
        for key, value, at in messages:
            while True:
                try:
                    self._producer.produce(self._topic, value, key, timestamp=at)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
            self._complain()

    def flush(self) -> None:
        """Serve what has been answered."""
        self._producer.poll(0)
        self._complain()

    def close(self) -> None:
        """Wait for the last acknowledgement; not when it was told already that records are refused."""
        if self._told:
            self._producer.purge()
            return
        missing = self._producer.flush(40)
        self._complain()
        if missing:
            raise OutsideError(f"{missing} records were not acknowledged by {self.where}; {self._last()}")

    def _queue_again(self, key: str, value: bytes) -> None:
        while True:
            self._producer.poll(0.1)
            self._complain()
            with suppress(BufferError):
                return self._producer.produce(self._topic, value, key)

    def _ready(self, brokers: str, partitions: int | None, common: Mapping[str, Any]) -> None:
        from confluent_kafka import KafkaException

        try:
            topics = self._producer.list_topics(timeout=PATIENCE).topics
        except KafkaException:
            raise OutsideError(
                f"no broker answers at {brokers} within {PATIENCE} s ({self._last()}): "
                "check `--brokers`, and that Kafka runs there"
            ) from None
        if self._topic in topics:
            return
        if partitions is None:
            raise OutsideError(
                f"there is no {self.where}, or it is not shown to this user: "
                "create it, or add `--partitions N` to have it created"
            )
        self._create_topic(partitions, common)

    def _create_topic(self, partitions: int, common: Mapping[str, Any]) -> None:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin = AdminClient(dict(common))
        new = NewTopic(self._topic, num_partitions=partitions)
        try:
            admin.create_topics([new], operation_timeout=PATIENCE)[self._topic].result(2 * PATIENCE)
        except KafkaException as error:
            raise OutsideError(f"cannot create {self.where}: {error.args[0].str()}") from error

    def _note(self, error: Any) -> None:
        self._trouble.append(error.str())

    def _failed(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failures.append(error.str())

    def _complain(self) -> None:
        if self._failures:
            self._told = True
            raise OutsideError(
                f"{self.where} did not take {len(self._failures)} records, the first because: {self._failures[0]}"
            )

    def _last(self) -> str:
        self._producer.poll(0)  # brings what went wrong meanwhile
        return self._trouble[-1] if self._trouble else "it does not say why"
