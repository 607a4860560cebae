"""Messages → columns: the hot path. Per record nothing but C: no Python loop touches a single message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from streamgauge.batch import IntArray, Partition
from streamgauge.sources.contract import Slice

_NONE = np.empty(0, np.int64)
_MILLISECONDS: Any = itemgetter(1)


class MessageSlice(Slice):
    """A slice whose timestamps and keys are taken out of its messages when somebody asks for them.

    Of a stream with an event time of its own nobody does, and it would cost a tenth of the reading.
    """

    __slots__ = ("_messages", "_now")

    def __init__(self, partition: Partition, offsets: IntArray, messages: list[Message], now: int) -> None:
        """Messages of one partition (at least one); ``now`` stands in for a missing timestamp."""
        values: dict[str, Any] = {
            "partition": partition,
            "offsets": offsets,
            "next_offset": int(offsets[-1]) + 1,
            "payloads": list(map(Message.value, messages)),
            "frame": None,
            "trusted": messages[0].timestamp()[0] == TIMESTAMP_LOG_APPEND_TIME,
            "unreadable": {},
            "_messages": messages,
            "_now": now,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        """Make the timestamps, or the keys, at first sight; nothing else is ever missing."""
        if name == "keys":
            keys = list(map(Message.key, self._messages))
            object.__setattr__(self, name, keys)
            return keys
        if name != "timestamps":
            raise AttributeError(name)
        stamps = map(_MILLISECONDS, map(Message.timestamp, self._messages))
        times = np.fromiter(stamps, np.int64, len(self._messages)) * 1_000
        if times.min() < 0:  # records of old formats carry none
            times[times < 0] = self._now
        object.__setattr__(self, name, times)
        return times


def events_apart(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """Records, and the few that are none: ends of partitions and errors."""
    if not any(map(Message.error, messages)):
        return messages, []
    errors = list(map(Message.error, messages))
    records = [message for message, error in zip(messages, errors, strict=True) if error is None]
    return records, [message for message, error in zip(messages, errors, strict=True) if error is not None]


def by_partition(messages: list[Message], topic: str | None) -> Iterator[tuple[Partition, list[Message]]]:
    """Each partition with its messages in offset order; ``topic`` if there is but one.

    A poll mostly brings long runs of one partition, which are cut out; where partitions alternate, they are
    gathered, so that there is one group per partition.
    """
    if not messages:
        return
    codes = _codes(messages, topic)
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(messages)]
    if len(borders) - 1 > len(np.unique(codes)):
        order = np.argsort(codes, kind="stable")
        messages = list(map(messages.__getitem__, order.tolist()))
        borders = [0, *(np.flatnonzero(np.diff(codes[order])) + 1).tolist(), len(messages)]
    for start, stop in pairwise(borders):
        first = messages[start]
        yield Partition(topic or str(first.topic()), int(first.partition() or 0)), messages[start:stop]


def _codes(messages: list[Message], topic: str | None) -> IntArray:
    """int64[n]: equal for messages of one partition."""
    numbers = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
    if topic is not None:
        return numbers
    code_of: defaultdict[str | None, int] = defaultdict(count().__next__)
    topics = np.fromiter(map(code_of.__getitem__, map(Message.topic, messages)), np.int64, len(messages))
    return (topics << 32) + numbers


def as_slice(partition: Partition, messages: list[Message], now: int) -> Slice:
    """The columns of one partition's messages (at least one); ``now`` stands in for a missing timestamp."""
    n = len(messages)
    first, last = int(messages[0].offset() or 0), int(messages[-1].offset() or 0)
    if last - first == n - 1:  # offsets only grow, so none is missing between
        offsets = np.arange(first, last + 1, dtype=np.int64)
    else:
        offsets = np.fromiter(map(Message.offset, messages), np.int64, n)
    return MessageSlice(partition, offsets, messages, now)


def moved_on(partition: Partition, next_offset: int) -> Slice:
    """No records, but a later position: what lay between were marks of transactions, or compacted away."""
    return Slice(partition, _NONE, _NONE, next_offset, ())


def positions_after(slices: Sequence[Slice], ends: Mapping[Partition, int]) -> list[Slice]:
    """``slices`` (one per partition), followed by those of partitions whose end lies beyond their records."""
    reached = {piece.partition: piece.next_offset for piece in slices}
    return [
        *slices,
        *(moved_on(partition, end) for partition, end in ends.items() if end > reached.get(partition, -1)),
    ]
