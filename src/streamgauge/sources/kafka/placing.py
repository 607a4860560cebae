"""Where partitions without a stored position start: asked of the broker without holding up anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, TypeAlias

from confluent_kafka import OFFSET_INVALID, IsolationLevel, KafkaError, KafkaException, TopicPartition, admin

from streamgauge.batch import Partition
from streamgauge.clock import to_micros

Spot: TypeAlias = Literal["earliest", "latest"] | datetime

OffsetSpec: Any = admin.OffsetSpec  # type: ignore[attr-defined]  # exported in fact
_LIMIT = 5.0
_MOVED = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
)
"""Somebody else leads the partition by now."""
_PATIENCE = 0.2
"""Seconds between two rounds of asking while the broker does not answer."""


class Starts:
    """Decides where a partition starts: what the store knows wins, else what the configuration says.

    Partitions that were added after the stream was first read start at their beginning.
    """

    def __init__(self, start: Spot, positions: Mapping[Partition, int], *, by_pattern: bool) -> None:
        """``positions`` is looked up at each assignment, so it may be a live view of the store."""
        self._start = start
        self._positions = positions
        self._by_pattern = by_pattern
        self._told: dict[Partition, int] = {}
        self._present: frozenset[Partition] | None = None

    def present(self, partitions: Iterable[Partition]) -> None:
        """Tell which partitions exist at the beginning; only the first call counts."""
        if self._present is None:
            self._present = frozenset(partitions)

    def told(self, positions: Mapping[Partition, int]) -> None:
        """Remember what the store has committed since."""
        self._told.update(positions)

    def stand(self, positions: Mapping[Partition, int]) -> None:
        """This is where the store stands now, whatever was known before."""
        self._positions = {**self._positions, **positions}
        for partition in positions:
            self._told.pop(partition, None)

    def position(self, partition: Partition) -> int | None:
        """The stored position, if there is one."""
        known = [p for p in (self._positions.get(partition), self._told.get(partition)) if p is not None]
        return max(known, default=None)

    def spot(self, partition: Partition) -> Spot:
        """Where a partition without a stored position starts."""
        added_later = self._present is not None and partition not in self._present
        return "earliest" if added_later or self._read_before(partition.name) else self._start

    def _read_before(self, topic: str) -> bool:
        return any(self._by_pattern or partition.name == topic for partition in self._positions)


class Placing:
    """Partitions whose first offset is being asked for."""

    def __init__(self, admin: Any, monotonic: Callable[[], float]) -> None:
        self._admin = admin
        self._monotonic = monotonic
        self._wanted: dict[Partition, Spot] = {}
        self._asked: dict[Partition, Future[Any]] = {}
        self._known: dict[Partition, int] = {}
        self._again_at = float("-inf")
        self._moved: set[str] = set()

    def __len__(self) -> int:
        return len(self._wanted) + len(self._known)

    @property
    def partitions(self) -> frozenset[Partition]:
        """Those that have not been handed out by :meth:`found`."""
        return frozenset({*self._wanted, *self._known})

    def want(self, partition: Partition, spot: Spot) -> None:
        """Find the offset of ``spot``."""
        self._wanted[partition] = spot
        self._asked.pop(partition, None)

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Never mind these."""
        for partition in partitions:
            for kept in (self._wanted, self._asked, self._known):
                kept.pop(partition, None)

    def found(self) -> dict[Partition, int]:
        """Offsets that are known by now, those asked for together at once; never waits."""
        if self._wanted and not self._asked:
            self._ask()
        if not all(future.done() for future in self._asked.values()):
            return {}
        asked, self._asked = self._asked, {}
        turned = [partition for partition, future in asked.items() if not self._read(partition, future)]
        if turned:
            return {}
        found, self._known = self._known, {}
        return found

    def _ask(self) -> None:
        if self._monotonic() < self._again_at:
            return
        for topic in self._moved:
            with suppress(KafkaException):  # by itself the library would keep asking those who led it before
                self._admin.list_topics(topic, timeout=_PATIENCE)
        self._moved = set()
        questions = {TopicPartition(*partition): _question(spot) for partition, spot in self._wanted.items()}
        futures = self._admin.list_offsets(
            questions, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_LIMIT
        )
        self._asked = {Partition(where.topic, where.partition): future for where, future in futures.items()}

    def _read(self, partition: Partition, future: Future[Any]) -> bool:
        """Take an answer over; False where it was "no record that late", so that the end is asked for next."""
        error = future.exception()
        if (
            error is not None or future.result().offset == OFFSET_INVALID
        ):  # the latter is how a time-out looks
            # Whether it is for good, the consumer will be told too.
            self._again_at = self._monotonic() + _PATIENCE
            if isinstance(error, KafkaException) and error.args[0].code() in _MOVED:
                self._moved.add(partition.name)
            return True
        if future.result().offset < 0:
            self._wanted[partition] = "latest"
            return False
        self._known[partition] = int(future.result().offset)
        del self._wanted[partition]
        return True


def _question(spot: Spot) -> Any:
    if isinstance(spot, datetime):
        return OffsetSpec.for_timestamp(to_micros(spot) // 1_000)
    return OffsetSpec.earliest() if spot == "earliest" else OffsetSpec.latest()
