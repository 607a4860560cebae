"""The Kafka source: a member of a consumer group that takes its positions from the store.

Everything but the background questions about tails happens on the thread that polls: librdkafka calls back
(assigned, revoked, lost, errors) only from within ``consume``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import ConfigError
from streamgauge.sources.contract import Poll, Tail
from streamgauge.sources.kafka import group
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.contact import first_contact, really_missing
from streamgauge.sources.kafka.placing import Placing, Starts
from streamgauge.sources.kafka.slices import as_slice, by_partition, events_apart, positions_after
from streamgauge.sources.kafka.tails import Tails
from streamgauge.sources.kafka.troubles import Troubles

_GATHER = 0.005
"""Seconds that a poll waits for company of its first record: bounds how often a slow stream wakes us."""
_UNPLACED = 0.02
"""Seconds that a poll may wait while the start of a partition is being asked for."""
_ARE_THEY_THERE = 0.5
"""Seconds in which brokers that nobody here has spoken with yet are to answer a question."""
_LEAVE = 2.0
"""Seconds for leaving in order; a broker that does not answer is left without a word."""

_NO_SUCH_OFFSET = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION}
)

_log = structlog.get_logger(__name__)


class Sharing(Protocol):
    """Who writes for partitions where several processes share a group: told in the middle of their coming and going."""

    def take(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """These are ours from now on; where reading goes on, of those that were read before."""
        ...

    def give_up(self, partitions: Sequence[Partition]) -> None:
        """These will be another's once this returns: what has been taken of them can be committed now."""
        ...


class KafkaSource:
    """Reads the topics of one stream; see :mod:`streamgauge.sources.contract` for what each method promises.

    ``open`` again on an opened source goes back to other positions without leaving the group; where another
    process has joined in our name, it joins anew.
    """

    def __init__(self, config: Config, stream: str, clock: Clock, *, instance: str | None = None) -> None:
        self.group = config.group or f"streamgauge-{stream}"
        self._config = config
        self._stream = stream
        self._clock = clock
        self._instance = instance
        self._only_topic = config.names[0] if len(config.names) == 1 else None
        self._troubles = Troubles(config, stream, self.group, clock.monotonic)
        self._next: dict[Partition, int] = {}
        """Position of each partition that is being read."""
        self._gone: dict[Partition, int] = {}
        """Position that was wanted, of each partition where it is gone and a new one is asked for."""
        self._paused: set[Partition] = set()
        self._shown: dict[Partition, int] = {}
        self._news = _News()
        self._joined = self._closed = False
        self._consumer: Any = None
        self._admin: Any = None
        self._starts: Starts
        self._placing: Placing
        self._tails: Tails
        self._sharing: Sharing | None = None

    def share(self, sharing: Sharing) -> None:
        """Read only what ``sharing`` has made its own; to be called before :meth:`open`."""
        self._sharing = sharing

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Join the group; brokers that are away are no error, what they refuse is.

        ``positions`` is looked up again at each assignment: it may be a live view of the store.

        Raises:
            ConfigError: librdkafka does not understand the settings.
            SourceError: host, login, permission or topic is wrong.
        """
        self._starts = Starts(self._config.start, positions, by_pattern=self._config.pattern is not None)
        if self._joined and self._troubles.fenced:
            self._disconnect()
        if self._joined:
            self._go_back()
            return
        self._connect()
        self._joined = True
        try:
            present = first_contact(self._consumer, self._config, self._troubles, self._clock)
            if present is not None:
                self._starts.present(present)
                self.other_members()  # asked for the permission's sake: joining would refuse only later
        except Exception:
            self.close()
            raise
        self._join()

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """At most ``limit`` records; waits up to ``timeout`` for the first, then 5 ms for its company."""
        self._raise_final()
        wait = min(timeout.total_seconds(), _UNPLACED) if len(self._placing) else timeout.total_seconds()
        messages, events = events_apart(self._consume(limit, wait))
        if messages or events:
            self._troubles.alive(self._clock.monotonic())
        ends = self._hear(events)
        self._place()
        now = self._clock.now()
        slices = [
            as_slice(partition, group_, now)
            for partition, group_ in by_partition(messages, self._only_topic)
            if partition in self._next
        ]
        slices = positions_after(slices, self._beyond(ends))
        self._next.update((piece.partition, piece.next_offset) for piece in slices)
        self._tails.watch(self._next)
        at_end = frozenset(p for p, end in ends.items() if p in self._next and end >= self._next[p])
        poll = replace(self._news.tell(slices), at_end=at_end)
        if poll == Poll():
            self._raise_final()
        return poll

    def tails(self) -> Mapping[Partition, Tail]:
        """The newest known ends; ``end_offset`` is the high watermark, so lag is its distance to ours."""
        return self._tails.known()

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop reading these; what was read ahead of them is read again after ``resume``."""
        self._paused.update(partitions)
        self._consumer.pause(_places(p for p in partitions if p in self._next))

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)
        self._consumer.resume(_places(p for p in partitions if p in self._next))

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Show the store's positions to lag tools and autoscalers; a failure is logged and nothing more."""
        self._starts.told(positions)
        new = {p: at for p, at in positions.items() if p in self._next and self._shown.get(p) != at}
        if not new:
            return
        try:
            self._consumer.commit(offsets=_places_at(new), asynchronous=True)
            self._shown.update(new)
        except KafkaException as error:
            self._on_commit(error.args[0], [])

    def other_members(self) -> list[str]:
        """Who else is in the group now, in words; our own earlier self (same ``instance``) is not counted.

        Empty while the brokers are away.

        Raises:
            SourceError: the group may not be looked at.
        """
        try:
            about = next(iter(self._config.names), None)
            connect = group.PATIENCE if self._joined else _ARE_THEY_THERE
            return group.other_members(
                self._admin_client(), self.group, self._instance, about, connect=connect
            )
        except TimeoutError:
            return []
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                self._troubles.add(error.args[0])
                self._troubles.raise_final()
            return []

    def describe(self) -> Mapping[str, Any]:
        """What is read and where it starts; ``trouble`` is what keeps the brokers away, if they are."""
        said = {key: value for key, value in self._config.public().items() if value not in (None, [], {})}
        trouble = {"trouble": self._troubles.last} if self._troubles.last else {}
        return {**said, "group": self.group, **trouble}

    def close(self) -> None:
        """Leave within two seconds; a named instance keeps its partitions for its return."""
        if self._closed or not self._joined:
            return
        self._closed = True
        self._leave()

    # connecting

    def _join(self) -> None:
        """Become a member of the group, which says what we read."""
        self._consumer.subscribe(
            [f"^({self._config.pattern})$"] if self._config.pattern else list(self._config.names),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=lambda _, partitions: self._on_gone(partitions, self._news.lost),
        )

    def _leave(self) -> None:
        self._tails.close()
        leaving = threading.Thread(target=self._consumer.close, name="kafka-close", daemon=True)
        leaving.start()
        leaving.join(_LEAVE)

    def _disconnect(self) -> None:
        """Give up a membership that is another's by now, and be as before the first ``open``."""
        self._closed = True  # what the library says in leaving concerns nobody
        self._leave()
        self._closed = self._joined = False
        self._news, self._admin = _News(), None
        for held in (self._next, self._gone, self._paused, self._shown):
            held.clear()
        self._troubles.forget()

    def _connect(self) -> None:
        conf = group.consumer_settings(self._config, self.group, self._stream, self._instance)
        callbacks = {"error_cb": self._troubles.add, "on_commit": self._on_commit}
        try:
            self._consumer = Consumer(
                {**conf, **callbacks}, logger=logging.getLogger("streamgauge.librdkafka")
            )
            admin = self._admin_client()
        except KafkaException as error:
            words = self._config.refused(str(error.args[0].str()))
            raise ConfigError(
                f"stream {self._stream!r}: Kafka's library refuses the configuration: {words}; "
                "correct `settings:` of the source"
            ) from None
        self._placing = Placing(admin, self._clock.monotonic)
        self._tails = Tails(admin, self._clock)

    def _admin_client(self) -> Any:
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            self._admin = AdminClient(group.admin_settings(self._config, self._stream))
        return self._admin

    def _raise_final(self) -> None:
        self._troubles.alive(self._tails.answered_at)
        missing = self._troubles.missing_topics()
        gone, existing = really_missing(self._consumer, [] if self._config.pattern else missing)
        if gone:
            raise self._troubles.missing(gone, existing)
        self._troubles.raise_final()

    # reading

    def _consume(self, limit: int, wait: float) -> list[Message]:
        messages: list[Message] = []
        try:
            messages = self._consumer.consume(limit, _GATHER)
            if not messages and wait > _GATHER:
                messages = self._consumer.consume(1, wait - _GATHER)
                if messages and limit > 1:
                    messages += self._consumer.consume(limit - 1, _GATHER)
        except KafkaException as error:
            self._troubles.add(error.args[0])
        return messages

    def _hear(self, events: Iterable[Message]) -> dict[Partition, int]:
        """Take note of what is no record; returns the ends that were reached."""
        ends: dict[Partition, int] = {}
        for event in events:
            error: Any = event.error()
            partition = Partition(event.topic() or "", event.partition() or 0)
            if error.code() == KafkaError._PARTITION_EOF:
                ends[partition] = event.offset() or 0
            elif error.code() in _NO_SUCH_OFFSET:
                self._on_no_such_offset(partition)
            else:
                self._troubles.add(error, event.topic())
        return ends

    def _beyond(self, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        """Those ends that lie behind our position: marks of transactions, or compaction."""
        return {p: end for p, end in ends.items() if p in self._next and end > self._next[p]}

    # partitions come and go

    def _on_assign(self, _: Any, partitions: list[TopicPartition]) -> None:
        names = [Partition(each.topic, each.partition) for each in partitions]
        self._starts.present(names)
        self._begin(names)

    def _begin(self, partitions: Iterable[Partition]) -> None:
        """Read partitions that are ours, at once where the position is known, else when it has been found."""
        known: dict[Partition, int] = {}
        partitions = list(partitions)
        if self._sharing is not None:
            self._starts.stand(self._sharing.take(partitions))
        for partition in partitions:
            position = self._starts.position(partition)
            if position is None:
                self._placing.want(partition, self._starts.spot(partition))
            else:
                known[partition] = position
        self._read_from(known)
        self._news.assigned.update(known)

    def _read_from(self, positions: Mapping[Partition, int]) -> None:
        self._consumer.incremental_assign(_places_at(positions))
        self._next.update(positions)
        paused = self._paused.intersection(positions)
        if paused:
            self._consumer.pause(_places(paused))
        if positions:
            shown = {str(partition): position for partition, position in sorted(positions.items())}
            _log.info("reading", stream=self._stream, group=self.group, from_offsets=shown)

    def _place(self) -> None:
        found = self._placing.found()
        if not found:
            return
        self._read_from(found)
        for partition, position in found.items():
            wanted = self._gone.pop(partition, None)
            if wanted is None:
                self._news.assigned[partition] = position
            else:
                self._news.gaps[partition] = (wanted, position)
                _log.warning(
                    "records are gone, reading goes on behind them",
                    stream=self._stream,
                    partition=str(partition),
                    wanted=wanted,
                    next=position,
                )

    def _on_no_such_offset(self, partition: Partition) -> None:
        if partition in self._next:
            self._consumer.incremental_unassign(_places([partition]))
            self._gone[partition] = self._next.pop(partition)
            self._placing.want(partition, "earliest")

    def _on_revoke(self, _: Any, partitions: list[TopicPartition]) -> None:
        if self._sharing is not None and not self._closed:
            self._sharing.give_up([Partition(each.topic, each.partition) for each in partitions])
        self._on_gone(partitions, self._news.revoked)

    def _on_gone(self, partitions: list[TopicPartition], into: set[Partition]) -> None:
        if not self._closed:
            self._stop_reading({Partition(each.topic, each.partition) for each in partitions}, into)

    def _stop_reading(self, partitions: set[Partition], into: set[Partition]) -> None:
        self._consumer.incremental_unassign(_places(partitions.intersection(self._next)))
        self._placing.drop(partitions)
        for partition in partitions:
            known = self._next.pop(partition, None) is not None or partition in self._gone
            untold = self._news.assigned.pop(partition, None) is not None
            if known and not untold:
                into.add(partition)
            self._gone.pop(partition, None)
            self._shown.pop(partition, None)
            self._news.gaps.pop(partition, None)

    def _go_back(self) -> None:
        ours = {*self._next, *self._placing.partitions}
        self._stop_reading(ours, set())
        self._starts.present(ours)
        self._begin(ours)

    def _on_commit(self, error: Any, _: list[TopicPartition]) -> None:
        if error is not None:
            self._shown.clear()
            _log.warning(
                "the group's offsets could not be written; other tools see old ones, nothing is lost",
                stream=self._stream,
                group=self.group,
                error=self._config.scrub(str(error)),
            )


class _News:
    """What the next poll has to tell beside its slices."""

    def __init__(self) -> None:
        self.assigned: dict[Partition, int] = {}
        self.revoked: set[Partition] = set()
        self.lost: set[Partition] = set()
        self.gaps: dict[Partition, tuple[int, int]] = {}

    def tell(self, slices: Sequence[Any]) -> Poll:
        poll = Poll(
            slices=slices or (),
            assigned=dict(self.assigned),
            revoked=frozenset(self.revoked),
            lost=frozenset(self.lost),
            gaps=dict(self.gaps),
        )
        for news in (self.assigned, self.revoked, self.lost, self.gaps):
            news.clear()
        return poll


def _places(partitions: Iterable[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in partitions]


def _places_at(positions: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*partition, offset) for partition, offset in positions.items()]
