"""How far partitions have come, from what they said last: an idle one comes up to the slowest that is not idle."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from streamgauge.batch import NEVER, Partition

_AT_ONCE = 10_000


@dataclass(slots=True)
class Come:
    """By stream and partition, its largest event time, and whether it is idle; and its watermark."""

    of: dict[tuple[str, Partition], tuple[int, bool]] = field(default_factory=dict)
    marks: dict[tuple[str, Partition], int] = field(default_factory=dict)

    def hear(self, line: Mapping[str, Any]) -> None:
        """Take in a line of kind ``time``."""
        where = line["stream"], Partition.parse(line["partition"])
        self.of[where] = int(line["largest"]), bool(line["idle"])
        self.marks[where] = int(line.get("watermark", NEVER))

    def slowest(self) -> int | None:
        """The watermark that is behind all others of those that spoke; None where none did."""
        spoke = [mark for mark in self.marks.values() if mark != NEVER]
        return min(spoke, default=None)

    def floors(
        self, topics: Mapping[str, Sequence[str]], partitions: Collection[Partition]
    ) -> dict[str, int]:
        """The slowest that is not idle, by stream; where all are, the slowest that ever spoke.

        A stream is left out while some partition of it has said nothing yet.
        """
        found: dict[str, int] = {}
        for stream in {stream for streams in topics.values() for stream in streams}:
            mine = [p for p in partitions if stream in topics.get(p.name, ())]
            said = [self.of.get((stream, partition)) for partition in mine]
            if not said or None in said:
                continue
            come = [one for one in said if one is not None]
            awake = [largest for largest, idle in come if not idle]
            spoke = awake or [largest for largest, _ in come if largest != NEVER]
            if spoke and min(spoke) != NEVER:
                found[stream] = min(spoke)
        return found


class Floors:
    """Listens to what partitions say, from now on."""

    def __init__(self, settings: Mapping[str, Any], topic: str) -> None:
        self._come = Come()
        self._consumer = Consumer(
            {
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 5,
                **settings,
                "group.id": f"streamgauge-floors-{topic}",
            }
        )
        _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)
        self._consumer.assign([TopicPartition(topic, 0, end)])

    def told(self) -> Come:
        """How far all have come by now."""
        while messages := self._consumer.consume(_AT_ONCE, 0):
            for message in messages:
                if message.error() is None:
                    self._come.hear(msgspec.json.decode(message.value() or b"{}"))
        return self._come
