"""What is examined: a configuration, and the connections that several checks share."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from streamgauge.batch import Batch, Partition
from streamgauge.clock import Clock, SystemClock
from streamgauge.sources.contract import Slice

if TYPE_CHECKING:
    from streamgauge.config.models import Config, StreamConfig
    from streamgauge.plan import Plan
    from streamgauge.sources.kafka.config import Config as KafkaConfig
    from streamgauge.sources.kafka.looking import Look

SAMPLED = 5_000
"""Records looked at of each stream."""
PATIENCE = 3.0
"""Seconds to wait for a connection."""


@dataclass(slots=True)
class KafkaStream:
    """A stream of a topic whose brokers answered."""

    name: str
    config: StreamConfig
    source: KafkaConfig
    look: Look
    partitions: Sequence[Partition] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """Some of a stream's newest records.

    Attributes:
        slices: as read.
        batches: decoded as the stream says; bad records are in them.
    """

    slices: Sequence[Slice]
    batches: Sequence[Batch]


class Patient:
    """A configuration under examination; use it with ``with``."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock: Clock = clock or SystemClock()
        self.kafka: dict[str, KafkaStream] = {}
        """The streams of topics that can be read, by name; filled by the checks of brokers and topics."""
        self._records: dict[str, Records] = {}
        self._stack = ExitStack()
        self._plan: Plan | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def plan(self) -> Plan:
        """What would run."""
        from streamgauge.plan import make_plan

        if self._plan is None:
            self._plan = make_plan(self.config)
        return self._plan

    def watched(self) -> Iterator[tuple[str, StreamConfig]]:
        """The declared streams that some monitor watches."""
        for name, stream in self.config.streams.items():
            if self.plan.streams[name].groups:
                yield name, stream

    def topics(self) -> Iterator[tuple[str, StreamConfig, KafkaConfig]]:
        """Those of them that read from Kafka."""
        from streamgauge.sources.kafka.config import Config as KafkaConfig

        for name, stream in self.watched():
            if isinstance(stream.source, KafkaConfig):
                yield name, stream, stream.source

    def connect(self, name: str) -> KafkaStream:
        """A connection for questions about a stream, kept until the end.

        Raises:
            ConfigError: librdkafka does not understand the settings.
        """
        from streamgauge.sources.kafka.looking import Look

        stream: Any = self.config.streams[name]
        look = self._stack.enter_context(Look(stream.source, name, self.clock))
        return KafkaStream(name, stream, stream.source, look)

    def records(self, name: str) -> Records:
        """Some of the newest records of a stream, read once.

        Raises:
            SourceError: they cannot be read.
        """
        if name not in self._records:
            slices = self._slices(name)
            self._records[name] = Records(slices, self._decoded(name, slices))
        return self._records[name]

    def _slices(self, name: str) -> list[Slice]:
        from streamgauge.sources.kafka.slices import as_slice

        if name in self.kafka:
            now = self.clock.now()
            found = self.kafka[name].look.newest(SAMPLED)
            return [as_slice(partition, list(messages), now) for partition, messages in found.items()]
        return self._from_source(name)

    def _from_source(self, name: str) -> list[Slice]:
        """The first records of a source that ends."""
        from datetime import timedelta

        from streamgauge.engines.embedded.opening import open_source

        source = open_source(name, self.config.streams[name], self.clock)
        slices: list[Slice] = []
        try:
            source.open({})
            while sum(len(piece.offsets) for piece in slices) < SAMPLED:
                poll = source.poll(SAMPLED, timedelta(0))
                slices += poll.slices
                if not poll.slices:
                    break
        finally:
            source.close()
        return slices

    def _decoded(self, name: str, slices: Sequence[Slice]) -> list[Batch]:
        from streamgauge.engines.decoding.decoder import open_decoder

        decoder = open_decoder(self.config.streams[name], self.plan.streams[name].layout)
        now = self.clock.now()
        return [decoder.decode(piece, now) for piece in slices]


def same_connection(source: KafkaConfig) -> str:
    """One word for all that decides whether brokers let us in: streams that share it are asked once."""
    said = repr((sorted(source.brokers), sorted(source.settings.items())))
    return hashlib.blake2b(said.encode()).hexdigest()


def connects(host: str, port: int) -> str | None:
    """Why no connection can be made; None when one can."""
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except socket.gaierror:
        return f"the host {host} is unknown"
    except TimeoutError:
        return f"{host}:{port} does not answer"
    except OSError as error:
        return f"{host}:{port}: {(error.strerror or str(error)).lower()}"
    return None


def split_address(address: str, port: int) -> tuple[str, int]:
    """Host and port of ``host:port``.

    >>> split_address("localhost:9092", 9092), split_address("[::1]:9093", 9092), split_address("kafka", 9092)
    (('localhost', 9092), ('::1', 9093), ('kafka', 9092))
    """
    plain = address.rpartition("://")[2]
    host, separator, number = plain.rpartition(":")
    if not separator or not number.isdigit():
        return plain.strip("[]"), port
    return host.strip("[]"), int(number)


def largest(values: Mapping[Partition, int]) -> int:
    """The largest, or zero."""
    return max(values.values(), default=0)
