"""When the first unread record of a partition was written: what makes a lag of offsets a lag of seconds.

Read from the record itself where that can be afforded, so that it is right on idle topics (nothing unread: 0), compacted
ones (the next record that is left), and where records have gone by age (the first one kept). What was read is remembered
until the group moves on. Beyond so many per answer it is estimated by when the end of the partition passed that place.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from streamgauge.sources.kafka.config import Config as Connection
from streamgauge.sources.kafka.group import admin_settings
from streamgauge.sources.kafka_lag.brokers import Place
from streamgauge.sources.kafka_lag.config import Config

Unread: TypeAlias = tuple[str, int, int]
"""Topic, partition, and the offset from which on nothing was read."""

POINTS = 30
"""Ends of a partition that are remembered."""

AT_ONCE = 1_000
"""Messages that are taken from the library at once; those behind the first of a partition are passed over."""

ROUNDS = 5
"""How many different offsets of one partition are looked at per answer."""


class Ends:
    """When the end of each partition had come how far."""

    def __init__(self) -> None:
        self._known: defaultdict[Place, deque[tuple[float, int]]] = defaultdict(lambda: deque(maxlen=POINTS))

    def add(self, ends: Mapping[Place, int], at: float) -> None:
        """The ends as they were at ``at`` (Unix seconds)."""
        for place in [place for place in self._known if place not in ends]:
            del self._known[place]
        for place, end in ends.items():
            points = self._known[place]
            if points and points[-1][1] > end:  # made anew, or cut off
                points.clear()
            points.append((at, end))

    def written(self, place: Place, offset: int) -> float | None:
        """About when ``offset`` was written: between two looks, in proportion. None: before the first look.

        >>> ends = Ends()
        >>> ends.add({("t", 0): 100}, 10.0)
        >>> ends.add({("t", 0): 200}, 20.0)
        >>> ends.written(("t", 0), 150), ends.written(("t", 0), 99)
        (15.0, None)
        """
        before: tuple[float, int] | None = None
        for at, end in self._known.get(place, ()):
            if end > offset:
                if before is None:
                    return None
                share = (offset - before[1]) / (end - before[1])
                return before[0] + share * (at - before[0])
            before = (at, end)
        return None


class FirstUnread:
    """Looks at first unread records; the consumer is its own and joins nothing."""

    def __init__(self, config: Config, consumer: Any) -> None:
        self._most = config.unread_times
        self._consumer = consumer
        self._known: dict[Unread, float] = {}

    def times(self, wanted: Iterable[Unread], seconds: float) -> Mapping[Unread, float]:
        """Unix seconds at which they were written, as far as known by now; inf where nothing is left to read."""
        asked = set(wanted)
        self._known = {unread: at for unread, at in self._known.items() if unread in asked}
        left = sorted(asked - self._known.keys(), key=lambda unread: (unread[2], unread))[: self._most]
        until = time.monotonic() + seconds
        for _ in range(ROUNDS):
            turn = {(topic, number): offset for topic, number, offset in reversed(left)}
            if not turn or time.monotonic() > until:
                break
            self._look(turn, until)
            left = [
                (topic, number, offset)
                for topic, number, offset in left
                if turn.get((topic, number)) != offset
            ]
        return self._known

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _look(self, turn: Mapping[Place, int], until: float) -> None:
        waiting = dict(turn)
        try:
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in waiting.items()])
            while waiting and time.monotonic() < until:
                for message in self._consumer.consume(AT_ONCE, 0.005):
                    self._hear(message, waiting)
        except KafkaException:  # what is not known is estimated
            pass
        finally:
            self._consumer.unassign()

    def _hear(self, message: Any, waiting: dict[Place, int]) -> None:
        place = (message.topic(), message.partition())
        offset = waiting.get(place, OFFSET_INVALID)
        error = message.error()
        if offset == OFFSET_INVALID:
            return
        if error is None:
            self._known[*place, offset] = message.timestamp()[1] / 1_000
        elif error.code() == KafkaError._PARTITION_EOF:
            self._known[*place, offset] = float("inf")
        del waiting[place]


def open_consumer(connection: Connection, stream: str) -> Any:
    """A consumer that reads single records where it is sent."""
    return Consumer(
        {
            **admin_settings(connection, stream),
            "group.id": f"streamgauge-{stream}-looks",  # never joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_uncommitted",
            "queued.min.messages": 1,
            "max.partition.fetch.bytes": 65_536,
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 5,  # the default of a second stalls who takes one record here and one there
        }
    )
