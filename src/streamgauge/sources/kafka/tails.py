"""Asks in the background where partitions end, so that nobody who reads ever waits for the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.sources.contract import Tail
from streamgauge.sources.kafka.placing import OffsetSpec

_EVERY = 0.5
"""Seconds between two rounds of asking."""
_LIMIT = 2.0
"""Seconds that one question may take; an answer that is older helps nobody."""


class Tails:
    """The newest known end of each watched partition; old answers stay, and tell their age.

    Each round asks for the high watermarks first and, when they have come, for the last stable offsets. In
    this order a stable offset below the watermark can only mean a transaction that is still open, never
    records that came in between.
    """

    def __init__(self, admin: Any, clock: Clock) -> None:
        self._admin = admin
        self._clock = clock
        self._watched: frozenset[Partition] = frozenset()
        self._known: dict[Partition, Tail] = {}
        self._refused: set[str] = set()
        self._wake = threading.Event()
        self._closed = False
        self.answered_at = float("-inf")
        """Monotonic seconds of the last answer of any broker."""
        self._thread = threading.Thread(target=self._run, name="kafka-tails", daemon=True)
        self._thread.start()

    def watch(self, partitions: Iterable[Partition]) -> None:
        """Ask for these from now on, and forget the others."""
        wanted = frozenset(partitions)
        if wanted != self._watched:
            self._watched = wanted
            self._wake.set()

    def known(self) -> Mapping[Partition, Tail]:
        """What is known, of watched partitions."""
        watched = self._watched
        return {partition: tail for partition, tail in self._known.items() if partition in watched}

    def close(self) -> None:
        """Stop asking; an unanswered question is left alone."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            if self._watched:
                self._round(self._watched)
                self._look_again()
            self._wake.wait(_EVERY)

    def _round(self, watched: frozenset[Partition]) -> None:
        asked_at = self._clock.monotonic()
        ends = self._ask(watched, IsolationLevel.READ_UNCOMMITTED)
        stable = self._ask(frozenset(ends), IsolationLevel.READ_COMMITTED) if ends else {}
        answered_at = self._clock.monotonic()
        if stable:
            self.answered_at = answered_at
        fresh = {
            partition: Tail(ends[partition], offset < ends[partition], asked_at, answered_at)
            for partition, offset in stable.items()
        }
        kept = {partition: tail for partition, tail in self._known.items() if partition in self._watched}
        self._known = {**kept, **fresh}

    def _look_again(self) -> None:
        """Have the library learn anew who leads the partitions of topics that were refused.

        By itself it keeps asking as if nothing had changed, for minutes after a leader was elected.
        """
        refused, self._refused = self._refused, set()
        for topic in refused:
            with suppress(KafkaException):
                self._admin.list_topics(topic, timeout=_LIMIT)

    def _ask(self, partitions: frozenset[Partition], level: Any) -> dict[Partition, int]:
        """The offsets that were answered; a broker that is away answers none."""
        found: dict[Partition, int] = {}
        questions = {TopicPartition(*partition): OffsetSpec.latest() for partition in partitions}
        try:
            futures = self._admin.list_offsets(questions, isolation_level=level, request_timeout=_LIMIT)
        except KafkaException:
            return found
        for where, future in futures.items():
            try:
                answer = future.result(_LIMIT + 1)
            except (KafkaException, TimeoutError):
                self._refused.add(where.topic)
                continue
            if answer.offset >= 0:  # what timed out comes as an answer with no offset
                found[Partition(where.topic, where.partition)] = int(answer.offset)
        return found
