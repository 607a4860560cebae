"""Several brokers that are one cluster, each of them also a controller."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from streamgauge.testing import eventually
from tests.services.kafka.broker import Broker

_PROPERTIES = (
    "offsets.topic.replication.factor={all}",
    "transaction.state.log.replication.factor={all}",
    "controller.quorum.bootstrap.servers={controllers}",
    "node.id={number}",
)
"""What differs from a broker alone: of two lines with one name Kafka takes the later."""


class Node(Broker):
    """One of them; the others' controllers are known when it is formatted."""

    def join(self, number: int, quorum: Sequence[str]) -> None:
        """Say which one it is, and who the controllers are, as ``format --initial-controllers`` wants them."""
        controllers = ",".join(one.split("@")[1].rsplit(":", 1)[0] for one in quorum)
        values = {"all": len(quorum), "controllers": controllers, "number": number}
        self._properties = [*self._properties, *(line.format(**values) for line in _PROPERTIES)]
        self._quorum = ["--initial-controllers", ",".join(quorum)]


class Cluster:
    """Three brokers on free loopback ports; use it with ``with``.

    Attributes:
        brokers: in the order of their numbers, which begin at 1; each may be killed, paused and started again.
        bootstrap: all of them.
    """

    def __init__(
        self, *, java: Mapping[int, Sequence[str]] | None = None, properties: Sequence[str] = ()
    ) -> None:
        """Prepare; nothing runs yet.

        ``java``: further arguments of a broker's Java machine, by its number; ``properties``: further lines of all.
        """
        given = java or {}
        self.brokers = [
            Node(heap="320m", java=given.get(number, ()), properties=properties) for number in (1, 2, 3)
        ]
        quorum = [
            f"{number}@127.0.0.1:{broker.controller}:{_identity()}"
            for number, broker in enumerate(self.brokers, 1)
        ]
        for number, broker in enumerate(self.brokers, 1):
            broker.join(number, quorum)
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def __enter__(self) -> Self:
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.await_answer(120.0)
        eventually(self._whole, "all brokers know each other", within=timedelta(seconds=60))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for broker in self.brokers:
            broker.close()

    def _whole(self) -> bool:
        return len(self.brokers[0].admin.list_topics(timeout=10).brokers) == len(self.brokers)

    def create_topic(self, name: str, assigned: Sequence[Sequence[int]]) -> str:
        """Create a topic by the numbers of the brokers that have each partition, its leader first; returns its name."""
        from confluent_kafka.cimpl import NewTopic

        placed: Any = [list(numbers) for numbers in assigned]
        topic = NewTopic(name, len(placed), replica_assignment=placed, config={"min.insync.replicas": "2"})
        self.brokers[0].admin.create_topics([topic], operation_timeout=20)[name].result(30)

        def known() -> bool:
            told = self.brokers[0].admin.list_topics(name, timeout=10).topics[name]
            return told.error is None and len(told.partitions) == len(placed)

        eventually(known, f"the topic {name}", within=timedelta(seconds=30))
        return name


def _identity() -> str:
    """A directory's, as Kafka writes it: 16 random bytes in base64 without its end."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
