"""How far jobs have come in a topic, slice by slice: kept with the brokers, as offsets of a consumer group.

A slice is noted before anybody works on it: at the offset that the group has, its commit carries where the slice ends
and when it was taken. Whoever asks again gets the same one, until it is said to be done; then the group's offset moves
behind it. So a job that is killed and tried again works on the same records, and no other job needs a disk in common.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import ConfigError, OutsideError, SourceError
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.group import consumer_settings
from streamgauge.sources.kafka.looking import Look
from streamgauge.sources.kafka.ranges import Range, records_of, shared, text_of

_PATIENCE = 10.0
"""Seconds for one answer about the group."""
_STARTING = 30.0
"""Seconds in which brokers that have just begun find out who answers for the group."""
_PASSING = frozenset(
    {
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError._WAIT_COORD,
    }
)
_MEMBERS = frozenset(
    {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS}
)
_Answer = TypeVar("_Answer")


class _Open(msgspec.Struct):
    """What a commit carries while its slice is worked on: its end, and when it was taken (microseconds)."""

    until: int
    taken_at: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The slice to work on now.

    Attributes:
        ranges: its offsets; empty where fewer wait than were asked for.
        taken_at: when it was taken first, in microseconds: the same however often it is asked for.
        again: whether it was taken before and never done.
        waiting: offsets behind it.
        lost: offsets that the brokers had removed before anybody took them.
    """

    ranges: Mapping[Partition, Range]
    taken_at: int
    again: bool
    waiting: int
    lost: int = 0


class Bookmark:
    """The slices of one topic as one group of jobs takes them; use it with ``with``.

    Nobody joins the group: nothing may read in it by subscribing.

    Args:
        config: names the topic and the group.
        clock: says when a slice was taken.

    Raises:
        ConfigError: librdkafka does not understand the settings.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        assert config.group is not None
        self._config = config
        self._clock = clock
        self._topic = ", ".join(config.names)
        self._look = Look(config, self._topic, clock)
        settings = {**consumer_settings(config, config.group, self._topic, None), "log_level": 0}
        quiet = logging.getLogger("streamgauge.kafka.bookmark")
        quiet.setLevel(logging.CRITICAL)
        self._consumer: Any = Consumer(settings, logger=quiet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._look.__exit__(kind, error, trace)

    def next(self, rows: int, least: int = 1) -> Taken:
        """The slice that is not done yet, else a new one of at most ``rows`` records where at least ``least`` wait.

        Raises:
            SourceError: nobody answers, or the topic may not be read.
            OutsideError: the group cannot be asked, or somebody reads in it.
        """
        bounds = self._bounds()
        marks = self._marks(bounds)
        opened = {place: (offset, mark.until) for place, (offset, mark) in marks.items() if mark is not None}
        ends = {place: end for place, (_, end) in bounds.items()}
        if opened and all(end <= ends.get(place, -1) for place, (_, end) in opened.items()):
            taken_at = max(mark.taken_at for _, mark in marks.values() if mark is not None)
            first = {place: marks[place][0] if place in marks else low for place, (low, _) in bounds.items()}
            behind = sum(max(0, end - opened.get(place, (0, first[place]))[1]) for place, end in ends.items())
            return Taken(opened, taken_at, again=True, waiting=behind)
        return self._new(bounds, marks, (rows, least))

    def _new(
        self,
        bounds: Mapping[Partition, Range],
        marks: Mapping[Partition, tuple[int, _Open | None]],
        asked: tuple[int, int],
    ) -> Taken:
        waiting, lost = {}, 0
        for place, (low, high) in bounds.items():
            known = marks[place][0] if place in marks else low
            lost += max(0, low - known)
            # An offset beyond the end is that of a topic of this name which is no more: the new one is read whole.
            waiting[place] = (known if low <= known <= high else low, high)
        rows, least = asked
        now, total = self._clock.now(), records_of(waiting)
        if total < least:
            return Taken({}, now, again=False, waiting=total, lost=lost)
        ranges = shared(waiting, rows)
        self._commit({place: (first, _Open(end, now)) for place, (first, end) in ranges.items()})
        return Taken(ranges, now, again=False, waiting=total - records_of(ranges), lost=lost)

    def done(self, ranges: Mapping[Partition, Range]) -> bool:
        """Move behind a slice; False: that had been done before.

        Raises:
            ConfigError: it is not the slice that is open.
            SourceError, OutsideError: as of :meth:`next`.
        """
        marks = self._marks(dict.fromkeys(self._look.partitions()))
        here = {place: marks.get(place, (0, None)) for place in ranges}
        if all(offset >= ranges[place][1] for place, (offset, _) in here.items()):
            return False
        for place, (offset, mark) in here.items():
            first, end = ranges[place]
            if offset < end and (offset != first or mark is None or mark.until != end):
                opened = text_of({one: (at, open_.until) for one, (at, open_) in marks.items() if open_})
                raise ConfigError(
                    f"the slice {text_of(ranges)} of {self._topic} is not the one that {self._config.group} works on"
                    f" ({opened or 'there is none'}): ask for it with `streamgauge slice next`"
                )
        self._commit({place: (end, None) for place, (_, end) in ranges.items()})
        return True

    def _bounds(self) -> dict[Partition, Range]:
        """Of each partition the offsets that are kept; of all of them, or a slice would seem smaller than it is."""
        there = self._look.partitions()
        found = self._look.bounds(there)
        if len(found) < len(there):
            raise SourceError(
                f"the brokers at {self._config.bootstrap} tell of {len(there) - len(found)} of {len(there)} partitions "
                f"of {self._topic} not how far they reach; try again"
            )
        return found

    def _marks(self, places: Mapping[Partition, object]) -> dict[Partition, tuple[int, _Open | None]]:
        """The group's offset and what it carries, of the partitions where it has one."""
        asked = [TopicPartition(*place) for place in places]
        told = self._asked(lambda: self._consumer.committed(asked, timeout=_PATIENCE))
        return {
            Partition(one.topic, one.partition): (int(one.offset), _opened(one.metadata, int(one.offset)))
            for one in told
            if one.offset >= 0
        }

    def _commit(self, marks: Mapping[Partition, tuple[int, _Open | None]]) -> None:
        """Write all partitions in one request, which the brokers keep whole or not at all."""
        offsets = [
            TopicPartition(
                *place, offset, metadata="" if mark is None else msgspec.json.encode(mark).decode()
            )
            for place, (offset, mark) in marks.items()
        ]

        def write() -> None:
            for one in self._consumer.commit(offsets=offsets, asynchronous=False):
                if one.error is not None:
                    raise KafkaException(one.error)

        self._asked(write)

    def _asked(self, question: Callable[[], _Answer]) -> _Answer:
        """The answer; brokers that have just started are asked again."""
        until = time.monotonic() + _STARTING
        while True:
            try:
                return question()
            except KafkaException as error:
                code = error.args[0].code()
                if code not in _PASSING or time.monotonic() > until:
                    raise self._refused(error.args[0]) from None
                time.sleep(0.2)

    def _refused(self, error: KafkaError) -> OutsideError:
        group = self._config.group
        if error.code() in _MEMBERS:
            return OutsideError(
                f"the group {group} has members that read by themselves: give jobs a group of their own (--group)"
            )
        return OutsideError(
            f"the brokers at {self._config.bootstrap} keep no place for the group {group}: "
            f"{self._config.scrub(error.str())}; try again, or look whether this login may read in that group"
        )


def _opened(carried: str | None, offset: int) -> _Open | None:
    """The slice that a commit carries; what others wrote there is none."""
    try:
        mark = msgspec.json.decode((carried or "").encode(), type=_Open)
    except msgspec.MsgspecError:
        return None
    return mark if mark.until > offset else None
