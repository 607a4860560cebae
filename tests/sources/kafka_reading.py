"""Reads a Kafka source as an engine does, and keeps what came."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from tests.services.kafka import Broker, unique

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock
from streamgauge.sources.contract import Poll, Tail
from streamgauge.sources.kafka import Config, open_source
from streamgauge.sources.kafka.reader import KafkaSource

QUICK = {"topic.metadata.refresh.interval.ms": 300, "heartbeat.interval.ms": 300, "session.timeout.ms": 6000}
"""Settings under which partitions, topics and members are noticed soon."""


class Reading:
    """A source that is polled until something holds.

    Attributes:
        values, offsets: what was read, per partition in the order read.
        next: where reading goes on, per partition.
        assigned, gaps, revoked, lost: what was told, merged.
    """

    def __init__(self, source: KafkaSource, positions: Mapping[Partition, int] | None = None) -> None:
        self.source = source
        self.polls: list[Poll] = []
        self.values: defaultdict[Partition, list[Any]] = defaultdict(list)
        self.offsets: defaultdict[Partition, list[int]] = defaultdict(list)
        self.next: dict[Partition, int] = {}
        self.assigned: dict[Partition, int] = {}
        self.gaps: dict[Partition, tuple[int, int]] = {}
        self.revoked: set[Partition] = set()
        self.lost: set[Partition] = set()
        source.open(positions or {})

    def poll(self, limit: int = 1000) -> Poll:
        poll = self.source.poll(limit, timedelta(milliseconds=50))
        for name in ("assigned", "gaps", "revoked", "lost"):
            getattr(self, name).update(getattr(poll, name))
        self.next.update(poll.assigned)
        self.next.update({partition: to for partition, (_, to) in poll.gaps.items()})
        for piece in poll.slices:
            assert piece.payloads is not None
            self.values[piece.partition] += piece.payloads
            self.offsets[piece.partition] += piece.offsets.tolist()
            self.next[piece.partition] = piece.next_offset
        self.polls.append(poll)
        return poll

    def until(self, holds: Callable[[], Any], *, within: float = 90.0) -> Self:
        deadline = time.monotonic() + within
        while not holds():
            self.poll()
            assert time.monotonic() < deadline, f"did not come within {within:g} s; read {dict(self.values)}"
        return self

    def count(self) -> int:
        return sum(map(len, self.values.values()))

    def caught_up(self) -> bool:
        """All partitions read to an end that was asked for after what was read."""
        tails = self.source.tails()
        return bool(self.next) and all(
            partition in tails
            and tails[partition].end_offset == position
            and not tails[partition].open_transaction
            for partition, position in self.next.items()
        )

    def settle(self) -> Self:
        """Read on until an end asked for from now on is reached."""
        now = time.monotonic()
        return self.until(lambda: self.caught_up() and self.oldest_tail().asked_at > now)

    def settle_tail(self, partition: Partition, end: int) -> Tail:
        """Poll until the partition is known to end at ``end``."""
        self.until(lambda: self.source.tails()[partition].end_offset == end)
        return self.source.tails()[partition]

    def oldest_tail(self) -> Tail:
        return min(self.source.tails().values(), key=lambda tail: tail.asked_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.source.close()


def source_of(
    broker: Broker,
    topic: str | None = None,
    *,
    instance: str | None = None,
    settings: Mapping[str, Any] | None = None,
    **config: Any,
) -> KafkaSource:
    """A source on ``broker``, quick to notice, in a group of its own, from the beginning unless told."""
    given = {"start": "earliest", "group": unique("group"), **config}
    if topic is not None:
        given["topic"] = topic
    merged = {**QUICK, **broker.client(), **(settings or {})}
    whole = Config.model_validate({"type": "kafka", "brokers": broker.bootstrap, "settings": merged, **given})
    return open_source(whole, "payments", SystemClock(), instance=instance)
