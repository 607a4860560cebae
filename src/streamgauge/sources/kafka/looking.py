"""Questions to the brokers of one stream, for who looks and changes nothing.

Nothing joins the stream's group, commits an offset or writes a record, so it may be asked while the stream is
being watched.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
    admin,
)

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import ConfigError, SourceError
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.contact import first_contact
from streamgauge.sources.kafka.group import admin_settings, consumer_settings
from streamgauge.sources.kafka.ranges import Ranges
from streamgauge.sources.kafka.troubles import Troubles

_PATIENCE = 5.0
"""Seconds to wait for one answer."""
_PAUSE = 0.2
_STARTING = frozenset(
    {
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What brokers answer for groups a moment after they began."""
_MOST = 5_000
"""Messages asked of the library at once."""
_words: Any = admin


class BrokersAwayError(SourceError):
    """No broker answers."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a consumer group, as the brokers know it."""

    client: str
    host: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class GroupLook:
    """How a group stands.

    Attributes:
        state: the brokers' word for it, such as STABLE or EMPTY; None: there is no such group yet.
        members: who is in it.
        may_read: whether we may join it; None where the brokers do not say.
        committed: the offset that was shown last, by partition.
    """

    state: str | None
    members: tuple[Member, ...]
    may_read: bool | None
    committed: Mapping[Partition, int]


class Look:
    """A connection for questions about one stream; use it with ``with``.

    Raises:
        ConfigError: librdkafka does not understand the settings.
    """

    def __init__(self, config: Config, stream: str, clock: Clock) -> None:
        self._config = config
        self._stream = stream
        self._clock = clock
        self.group_name = config.group or f"streamgauge-{stream}"
        self._troubles = self._new_troubles()
        settings: dict[str, Any] = {
            **consumer_settings(config, self.group_name, stream, None),
            "error_cb": self._hear,
            "log_level": 0,
        }
        asking: dict[str, Any] = {**admin_settings(config, stream), "error_cb": self._hear}
        quiet = logging.getLogger("streamgauge.kafka.looking")
        quiet.setLevel(logging.CRITICAL)
        try:
            self._consumer: Any = Consumer(settings, logger=quiet)
            self._admin: Any = admin.AdminClient(asking, logger=quiet)
        except KafkaException as error:
            self._consumer = None
            words = config.refused(error.args[0].str())
            raise ConfigError(f"stream {stream!r}: {words}; correct `settings:` of the source") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    @property
    def trouble(self) -> str | None:
        """What the library said last of why it gets no answer."""
        return self._troubles.last

    def greet(self) -> bool:
        """Whether some broker answers and lets us in; topics are not asked about.

        Raises:
            SourceError: host, certificate or login is refused, in words.
        """
        nothing = self._config.model_copy(update={"topic": None, "topics": (), "pattern": "^$"})
        return first_contact(self._consumer, nothing, self._troubles, self._clock) is not None

    def partitions(self) -> list[Partition]:
        """The partitions that the stream reads.

        Raises:
            BrokersAwayError: nobody answers.
            SourceError: what the brokers refuse, in words: login, certificate, topic, permission.
        """
        found = first_contact(self._consumer, self._config, self._troubles, self._clock)
        if found is None:
            why = f": {self._troubles.last}" if self._troubles.last else ""
            raise BrokersAwayError(f"no broker answers at {self._config.bootstrap}{why}")
        return sorted(found)

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """The first offset that is kept, and the next one to be written (of what is committed), by partition."""
        places = [TopicPartition(*partition) for partition in partitions]
        low = self._offsets(places, _words.OffsetSpec.earliest())
        high = self._offsets(places, _words.OffsetSpec.latest())
        return {partition: (low[partition][0], high[partition][0]) for partition in low if partition in high}

    def newest_stamps(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The largest timestamp of each partition that has records, in microseconds; nothing is read for it."""
        found = self._offsets([TopicPartition(*p) for p in partitions], _words.OffsetSpec.max_timestamp())
        return {partition: stamp * 1_000 for partition, (_, stamp) in found.items() if stamp > 0}

    def newest(self, limit: int, *, within: float = 10.0) -> dict[Partition, list[Message]]:
        """About the ``limit`` newest records, as many of each partition, in offset order.

        Raises:
            SourceError: they may not be read.
        """
        bounds = self.bounds(self.partitions())
        each = max(1, limit // max(1, sum(high > low for low, high in bounds.values())))
        ranges = {p: (max(low, high - each), high) for p, (low, high) in bounds.items() if high > low}
        return self._read(ranges, time.monotonic() + within)[0]

    def between(self, ranges: Ranges, *, within: float = 30.0) -> dict[Partition, list[Message]]:
        """The records of a slice, in offset order.

        Args:
            ranges: of each partition the first offset and the one behind the last.
            within: seconds without a record after which it gives up.

        Raises:
            SourceError: they may not be read, some are removed or not written yet, or the brokers fell silent.
        """
        bounds = self.bounds(self.partitions())
        for place, (first, end) in sorted(ranges.items()):
            low, high = bounds.get(place, (0, 0))
            if first < low or end > high:
                raise SourceError(
                    f"topic {place.name}: partition {place.number} holds offsets {low} to {high}, not {first} to {end}: "
                    "they were removed by the topic's retention, or the topic was made anew; take another slice"
                )
        found, silent = self._read(ranges, time.monotonic() + within, silence=within)
        if silent:
            raise BrokersAwayError(
                f"{self._config.bootstrap} gave no record for {within:.0f} s, though {len(silent)} partitions have "
                "more; try again"
            )
        return found

    def _read(
        self, ranges: Ranges, until: float, *, silence: float = 0.0
    ) -> tuple[dict[Partition, list[Message]], set[Partition]]:
        """The records between, and the partitions that did not come to their end.

        It stops at the moment ``until``, and goes on beyond it for ``silence`` seconds after each record.
        """
        if not ranges:
            return {}, set()
        self._consumer.assign([TopicPartition(*place, first) for place, (first, _) in ranges.items()])
        found: defaultdict[Partition, list[Message]] = defaultdict(list)
        waiting = set(ranges)
        while waiting and time.monotonic() < until:
            for message in self._consumer.consume(_MOST, 0.2):
                partition = Partition(str(message.topic()), int(message.partition()))
                if message.error() is not None:
                    self._ended(message.error(), partition, waiting)
                    continue
                until = max(until, time.monotonic() + silence) if silence else until
                offset = int(message.offset() or 0)
                if offset < ranges[partition][1]:
                    found[partition].append(message)
                if offset >= ranges[partition][1] - 1:
                    waiting.discard(partition)
            self._troubles.raise_final(opening=True)
        self._consumer.unassign()
        return {partition: messages for partition, messages in sorted(found.items()) if messages}, waiting

    def may_read(self, topic: str) -> bool | None:
        """Whether this login may read a topic, as the brokers say without reading; None where they do not."""
        from confluent_kafka import TopicCollection

        try:
            future = self._admin.describe_topics(
                TopicCollection([topic]), include_authorized_operations=True, request_timeout=_PATIENCE
            )[topic]
            return _allows(future.result(_PATIENCE + 1).authorized_operations, "READ")
        except (KafkaException, TimeoutError):
            return None

    def group(self, partitions: Iterable[Partition]) -> GroupLook:
        """How the stream's group stands.

        Raises:
            SourceError: it may not be looked at.
        """
        try:
            told = self._describe()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return GroupLook(None, (), None, {})
            refused = self._new_troubles()  # of its own: the topic may well be read
            refused.add(error.args[0])
            refused.raise_final(opening=True)
            raise SourceError(
                f"the brokers tell nothing of the group {self.group_name} ({error.args[0].name()}); try again later"
            ) from None
        members = tuple(
            Member(member.client_id, member.host.lstrip("/"), member.group_instance_id)
            for member in told.members
        )
        state = told.state.name
        known = None if state == "DEAD" else state
        return GroupLook(
            known, members, _allows(told.authorized_operations, "READ"), self._committed(partitions)
        )

    def _describe(self) -> Any:
        """The brokers' picture of the group; those that have just started are asked again."""
        until = time.monotonic() + 2 * _PATIENCE
        while True:
            future = self._admin.describe_consumer_groups(
                [self.group_name], include_authorized_operations=True, request_timeout=_PATIENCE
            )[self.group_name]
            try:
                return future.result(_PATIENCE + 1)
            except KafkaException as error:
                if error.args[0].code() not in _STARTING or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)

    def _new_troubles(self) -> Troubles:
        return Troubles(self._config, self._stream, self.group_name, self._clock.monotonic)

    def _committed(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        asked = ConsumerGroupTopicPartitions(self.group_name, [TopicPartition(*p) for p in partitions])
        try:
            future = self._admin.list_consumer_group_offsets([asked], request_timeout=_PATIENCE)[
                self.group_name
            ]
            told = future.result(_PATIENCE + 1).topic_partitions
        except (KafkaException, TimeoutError):
            return {}
        return {Partition(one.topic, one.partition): one.offset for one in told if one.offset >= 0}

    def internal_partitions(self) -> list[Partition]:
        """Those of the brokers' own topic of group offsets, where we may know of it: its stamps are the brokers'."""
        try:
            topic = self._consumer.list_topics("__consumer_offsets", timeout=_PATIENCE).topics[
                "__consumer_offsets"
            ]
        except KafkaException:
            return []
        return (
            [] if topic.error is not None else [Partition(topic.topic, number) for number in topic.partitions]
        )

    def _offsets(self, places: list[TopicPartition], spec: Any) -> dict[Partition, tuple[int, int]]:
        """Offset and timestamp (milliseconds) that answer ``spec``; partitions without an answer are left out."""
        if not places:
            return {}
        futures = self._admin.list_offsets(
            dict.fromkeys(places, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_PATIENCE,
        )
        found = {}
        for place, future in futures.items():
            try:
                told = future.result(_PATIENCE + 1)
            except (KafkaException, TimeoutError):
                continue
            found[Partition(place.topic, place.partition)] = (int(told.offset), int(told.timestamp))
        return found

    def _ended(self, error: KafkaError, partition: Partition, waiting: set[Partition]) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            waiting.discard(partition)
        else:
            self._hear(error, partition.name)

    def _hear(self, error: KafkaError, topic: str | None = None) -> None:
        """Note a complaint, unless it is about the group, which nobody here joins."""
        if error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            self._troubles.add(error, topic)


def _allows(operations: Any, wanted: str) -> bool | None:
    if not operations:
        return None
    return bool({operation.name for operation in operations} & {wanted, "ALL"})
