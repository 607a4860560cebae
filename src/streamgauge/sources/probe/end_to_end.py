"""A record into each partition of a topic, and back: what producers and consumers of a cluster get to feel."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from streamgauge.sources.probe.config import Config

_A_WHILE = 0.05
"""Seconds for which it waits at once, between two looks at the time."""
_QUIET = logging.getLogger("streamgauge.librdkafka.quiet")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass
class _Trip:
    """One record on its way: when it was sent, and what has become of it."""

    sent: float
    acknowledged: float | None = None
    back: float | None = None
    refused: str | None = None


@dataclass
class _Clients:
    """A producer and a consumer that stands at the end of each partition."""

    producer: Producer
    consumer: Consumer
    partitions: frozenset[int] = field(default_factory=frozenset)


class EndToEnd:
    """Keeps its connections from try to try; makes them anew after one that failed.

    Records are told apart by their value, so several probes may share a topic. No group is joined, no offset committed.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._topic = config.topic or ""
        self._target = f"{','.join(config.kafka)}/{self._topic}"
        self._clients: _Clients | None = None
        self._words: str | None = None
        self._value = b""

    def try_once(self, seconds: float) -> list[dict[str, Any]]:
        """A record per partition; one altogether where the topic cannot be had."""
        began = time.perf_counter()
        self._words = None
        try:
            clients = self._ready(began + seconds)
            trips = self._send(clients)
            self._receive(clients, trips, began + seconds)
        except (KafkaException, BufferError) as error:
            self.close()
            return [self._row(time.perf_counter() - began, self._why(error))]
        if any(trip.back is None for trip in trips.values()):
            self.close()
        return [self._told(partition, trip, seconds) for partition, trip in sorted(trips.items())]

    def close(self) -> None:
        """Let go of the connections; what is still to be sent is not."""
        clients, self._clients = self._clients, None
        if clients is not None:
            with suppress(KafkaException, RuntimeError):
                clients.producer.purge()
                clients.consumer.close()

    def _ready(self, until: float) -> _Clients:
        """Connections that know all partitions the topic has now."""
        clients = self._clients
        if clients is None:
            clients = self._clients = self._connect()
        known = clients.consumer.list_topics(self._topic, timeout=_left(until)).topics[self._topic]
        if known.error is not None:
            raise KafkaException(known.error)
        if frozenset(known.partitions) != clients.partitions:
            ends = []
            for number in known.partitions:
                place = TopicPartition(self._topic, number)
                _, end = clients.consumer.get_watermark_offsets(place, timeout=_left(until))
                ends.append(TopicPartition(self._topic, number, end))
            clients.consumer.assign(ends)
            clients.partitions = frozenset(known.partitions)
        return clients

    def _connect(self) -> _Clients:
        both = {
            **self._config.settings,
            "bootstrap.servers": ",".join(self._config.kafka),
            "allow.auto.create.topics": False,
            "error_cb": self._complain,
        }
        # Beyond the timeout a record is given up: it shall not arrive while the next one is awaited.
        patience = max(1, round(self._config.timeout.total_seconds() * 1000))
        sending = {**both, "message.timeout.ms": patience, "linger.ms": 0}
        reading = {**both, "group.id": "streamgauge-probe", "enable.auto.commit": False}
        return _Clients(Producer(sending, logger=_QUIET), Consumer(reading, logger=_QUIET))

    def _send(self, clients: _Clients) -> dict[int, _Trip]:
        self._value = uuid.uuid4().hex.encode()
        trips: dict[int, _Trip] = {}

        def arrived(error: KafkaError | None, message: Any) -> None:
            trip = trips[message.partition()]
            if error is not None:
                trip.refused = self._config.scrub(error.str())
            else:
                trip.acknowledged = message.latency()

        for partition in clients.partitions:
            trips[partition] = _Trip(time.perf_counter())
            clients.producer.produce(self._topic, self._value, partition=partition, on_delivery=arrived)
        return trips

    def _receive(self, clients: _Clients, trips: Mapping[int, _Trip], until: float) -> None:
        while time.perf_counter() < until:
            clients.producer.poll(0)
            message = clients.consumer.poll(_A_WHILE)
            if message is not None:
                self._look_at(message, trips)
            if all(trip.refused or (trip.back and trip.acknowledged is not None) for trip in trips.values()):
                return

    def _look_at(self, message: Any, trips: Mapping[int, _Trip]) -> None:
        if message.error() is not None:
            self._complain(message.error())
        elif message.value() == self._value:
            trips[message.partition()].back = time.perf_counter()

    def _told(self, partition: int, trip: _Trip, seconds: float) -> dict[str, Any]:
        took = (trip.back or time.perf_counter()) - trip.sent
        error = None
        if trip.back is None:
            came = "was acknowledged and did not come back" if trip.acknowledged else "was not acknowledged"
            words = f": {self._words}" if self._words else ""
            error = trip.refused or f"a record {came} within {seconds:g} s{words}"
        return {**self._row(took, error), "partition": partition, "acknowledged": trip.acknowledged}

    def _row(self, seconds: float, error: str | None) -> dict[str, Any]:
        return {
            "kind": "kafka",
            "target": self._target,
            "ok": error is None,
            "seconds": seconds,
            "error": error,
        }

    def _why(self, error: Exception) -> str:
        """What went wrong; where the library only gave up waiting, what it complained of before."""
        found = error.args[0] if error.args else None
        if isinstance(found, KafkaError):
            if found.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return f"there is no topic {self._topic!r}; create it for the probe"
            return self._words or self._config.scrub(found.str())
        return self._config.scrub(str(error))

    def _complain(self, error: KafkaError) -> None:
        """Called by the library; that all brokers are down says less than what came before it."""
        if self._words is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._words = self._config.scrub(error.str())


def _left(until: float) -> float:
    return max(0.01, until - time.perf_counter())
