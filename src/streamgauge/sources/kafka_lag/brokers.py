"""The questions to the brokers, in the order in which no lag can be negative: first how far groups are, then the ends.

Read-only: nothing joins a group, commits an offset or writes a record.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition, admin

from streamgauge.sources.kafka_lag.config import Config
from streamgauge.sources.polling.target import TargetError

Place: TypeAlias = tuple[str, int]
"""A topic and the number of a partition."""

SETTINGS_KEPT = 300.0
"""Seconds for which the retention of topics is believed."""

GONE_FOR = 86_400.0
"""Seconds for which a group that is no more is told of."""

_words: Any = admin


@dataclass(slots=True)
class Group:
    """One consumer group.

    Attributes:
        state: the brokers' word, such as ``STABLE`` or ``EMPTY``; ``GONE``: there was such a group; None: they did not say.
        protocol: ``classic`` or ``consumer`` (KIP-848).
        members: how many there are.
        owners: by partition, the client that has it.
        offsets: by partition, what was committed.
        error: why nothing more is known.
    """

    name: str
    state: str | None = None
    protocol: str | None = None
    members: int = 0
    owners: dict[Place, str] = field(default_factory=dict)
    offsets: dict[Place, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionLook:
    """How one partition is kept: the leader's number (-1: none), and those of replicas."""

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One answer; ``retention`` in milliseconds, of topics whose records go by age."""

    brokers: Mapping[int, str]
    partitions: Mapping[Place, PartitionLook]
    groups: Sequence[Group]
    starts: Mapping[Place, int]
    ends: Mapping[Place, int]
    retention: Mapping[str, int]


class Brokers:
    """Asks one cluster.

    Args:
        config: which groups and topics.
        client: an ``AdminClient``, or what answers like one.
    """

    def __init__(self, config: Config, client: Any) -> None:
        self._config = config
        self._client = client
        self._groups = re.compile(config.groups)
        self._topics = re.compile(config.topics)
        self._seen: dict[str, float] = {}
        self._retention: dict[str, int] = {}
        self._retention_at: dict[str, float] = {}

    def ask(self, seconds: float) -> Picture:
        """Everything once.

        Raises:
            TargetError: the brokers do not answer, or refuse.
        """
        until = time.monotonic() + seconds
        try:
            # First what any broker answers: a question about groups that meets brokers which are away lingers on.
            told = self._client.list_topics(timeout=seconds)
            groups = self._asked_groups(until)
            brokers = {number: f"{one.host}:{one.port}" for number, one in told.brokers.items()}
            partitions = dict(self._partitions(told.topics))
            places = partitions.keys() | {place for group in groups for place in group.offsets}
            starts = self._offsets(places, _words.OffsetSpec.earliest(), until)
            ends = self._offsets(places, _words.OffsetSpec.latest(), until)
            retention = self._retentions({topic for topic, _ in places}, until)
        except KafkaException as error:
            raise self._refused(error.args[0]) from None
        except TimeoutError:
            raise TargetError(f"the brokers at {self._where} gave no answer within {seconds:g} s") from None
        return Picture(brokers, partitions, groups, starts, ends, retention)

    @property
    def _where(self) -> str:
        return ",".join(self._config.brokers)

    def _refused(self, error: Any) -> TargetError:
        words = self._config.scrub(str(error.str() or error.name()))
        return TargetError(f"the brokers at {self._where} do not answer: {words}")

    def _partitions(self, topics: Mapping[str, Any]) -> Iterable[tuple[Place, PartitionLook]]:
        for name, topic in topics.items():
            if topic.error is None and self._topics.fullmatch(name):
                for number, one in topic.partitions.items():
                    yield (name, number), PartitionLook(one.leader, tuple(one.replicas), tuple(one.isrs))

    # groups

    def _asked_groups(self, until: float) -> list[Group]:
        listed = self._client.list_consumer_groups(request_timeout=_left(until)).result(_left(until) + 1)
        if listed.errors and not listed.valid:
            raise KafkaException(listed.errors[0])
        groups = {
            one.group_id: Group(one.group_id, protocol=_protocol(one))
            for one in listed.valid
            if self._groups.fullmatch(one.group_id)
        }
        if groups:
            described = self._client.describe_consumer_groups(list(groups), request_timeout=_left(until))
            committed = {name: self._committed(name, until) for name in groups}
            for name, group in groups.items():
                _describe(group, described[name], until, self._topics)
                _commits(group, committed[name], until, self._topics)
        found = [group for group in groups.values() if group.state != "DEAD" or group.offsets]
        return found + self._gone({group.name for group in found}, whole=not listed.errors)

    def _gone(self, there: set[str], *, whole: bool) -> list[Group]:
        """Groups that were there not long ago, where all brokers were heard of theirs."""
        now = time.monotonic()
        self._seen = {name: at for name, at in self._seen.items() if now - at < GONE_FOR}
        missing = sorted(self._seen.keys() - there) if whole else []
        self._seen |= dict.fromkeys(there, now)
        return [Group(name, "GONE") for name in missing]

    def _committed(self, group: str, until: float) -> Any:
        asked = [ConsumerGroupTopicPartitions(group)]
        return self._client.list_consumer_group_offsets(asked, request_timeout=_left(until))[group]

    # partitions

    def _offsets(self, places: Iterable[Place], spec: Any, until: float) -> dict[Place, int]:
        asked = {TopicPartition(topic, number): spec for topic, number in places}
        if not asked:
            return {}
        futures = self._client.list_offsets(asked, request_timeout=_left(until))
        found = {}
        for place, future in futures.items():
            try:
                found[place.topic, place.partition] = int(future.result(_left(until) + 1).offset)
            except KafkaException:  # without a leader just now, or deleted: the others are known
                continue
        return found

    def _retentions(self, topics: Iterable[str], until: float) -> dict[str, int]:
        """By topic, after how many milliseconds records go; asked now and then."""
        now = time.monotonic()
        due = [topic for topic in topics if now - self._retention_at.get(topic, -1e9) > SETTINGS_KEPT]
        if due:
            kind = _words.ResourceType.TOPIC
            asked = [_words.ConfigResource(kind, topic) for topic in due]
            for resource, future in self._client.describe_configs(
                asked, request_timeout=_left(until)
            ).items():
                self._retention_at[resource.name] = now
                self._retention.pop(resource.name, None)
                try:
                    told = future.result(_left(until) + 1)
                except KafkaException:  # not ours to see: then nothing is said of it
                    continue
                policy, kept = told["cleanup.policy"].value, int(told["retention.ms"].value)
                if "delete" in policy and kept >= 0:
                    self._retention[resource.name] = kept
        return dict(self._retention)


def _left(until: float) -> float:
    return max(0.2, until - time.monotonic())


def _protocol(listed: Any) -> str | None:
    kind = getattr(listed, "type", None)
    return None if kind is None else kind.name.lower()


def _describe(group: Group, future: Any, until: float, topics: re.Pattern[str]) -> None:
    try:
        told = future.result(_left(until) + 1)
    except (KafkaException, TimeoutError) as error:
        group.error = _words_of(error)
        return
    group.state, group.members = told.state.name, len(told.members)
    for member in told.members:
        assigned = member.assignment.topic_partitions if member.assignment is not None else ()
        for one in assigned:
            if topics.fullmatch(one.topic):
                group.owners[one.topic, one.partition] = member.client_id


def _commits(group: Group, future: Any, until: float, topics: re.Pattern[str]) -> None:
    try:
        told = future.result(_left(until) + 1).topic_partitions
    except (KafkaException, TimeoutError) as error:
        group.error = group.error or _words_of(error)
        return
    for one in told or ():
        if one.offset >= 0 and topics.fullmatch(one.topic):
            group.offsets[one.topic, one.partition] = one.offset


def _words_of(error: Exception) -> str:
    return str(error.args[0].str()) if isinstance(error, KafkaException) else "no answer in time"
