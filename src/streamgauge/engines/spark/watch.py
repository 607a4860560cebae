"""Asks where partitions end, also between micro-batches: how long an end has stayed the same is known, however long a batch takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from streamgauge.batch import Partition
from streamgauge.sources.kafka.placing import OffsetSpec
from streamgauge.windows.watermark import STALE_AFTER

EVERY = 0.5
"""Seconds between questions in the background."""

_LIMIT = 2.0
"""Seconds that one question may take."""


class End(msgspec.Struct, frozen=True):
    """A partition's end.

    Attributes:
        offset: that the next record will get.
        open: whether records of an unfinished transaction lie before it.
        since: wall clock in seconds from which on every answer said the same, without a pause in which one was missing.
    """

    offset: int
    open: bool
    since: float


def stayed(before: End | None, last: float, offset: int, at: float, *, is_open: bool) -> End:
    """The end after an answer of ``at``, where the one before was of ``last``."""
    same = (
        before is not None and (before.offset, before.open) == (offset, is_open) and at - last <= STALE_AFTER
    )
    return End(offset, is_open, before.since if same and before is not None else at)


class Watch:
    """Asks on a thread of its own, and whenever somebody wants to know.

    Args:
        settings: librdkafka's.
        topics: all of whose partitions are watched.
        now: the wall clock in seconds.
    """

    def __init__(
        self, settings: Mapping[str, Any], topics: Sequence[str], now: Callable[[], float] = time.time
    ) -> None:
        self._admin: Any = AdminClient(dict(settings))
        self._topics = tuple(topics)
        self._now = now
        self._ends: dict[Partition, End] = {}
        self._asked_at = 0.0
        self._asking = threading.Lock()
        threading.Thread(target=self._run, name="ends of partitions", daemon=True).start()

    def ask(self) -> tuple[float, dict[Partition, End]]:
        """When it was asked, and what was answered.

        Raises:
            KafkaException: the brokers are away.
        """
        with self._asking:
            there = {
                Partition(topic, number)
                for topic in self._topics
                for number in self._admin.list_topics(topic, timeout=_LIMIT).topics[topic].partitions
            }
            asked_at = self._now()
            ends = self._offsets(there, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
            stable = self._offsets(set(ends), OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
            self._ends = {
                p: stayed(self._ends.get(p), self._asked_at, ends[p], asked_at, is_open=at < ends[p])
                for p, at in stable.items()
            }
            self._asked_at = asked_at
            return asked_at, self._ends

    def first(self, partitions: set[Partition]) -> dict[Partition, int]:
        """The offsets of their first records.

        Raises:
            KafkaException: the brokers are away.
        """
        return self._offsets(partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)

    def _run(self) -> None:
        while True:
            time.sleep(EVERY)
            with suppress(KafkaException, TimeoutError):
                self.ask()

    def _offsets(self, partitions: set[Partition], spec: Any, level: Any) -> dict[Partition, int]:
        if not partitions:
            return {}
        questions = {TopicPartition(*partition): spec for partition in partitions}
        futures = self._admin.list_offsets(questions, isolation_level=level, request_timeout=_LIMIT)
        found = {
            Partition(w.topic, w.partition): int(f.result(_LIMIT + 1).offset) for w, f in futures.items()
        }
        return {partition: offset for partition, offset in found.items() if offset >= 0}
