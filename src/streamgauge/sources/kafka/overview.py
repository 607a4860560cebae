"""What the brokers know of the topics of a stream: their partitions, and which groups read them how far.

Read-only, for who looks on: nothing joins a group, commits or writes. Brokers that go away while they are asked about
groups can make librdkafka end its process later, so let a process of its own ask (:mod:`streamgauge.engines.replay.apart`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition, admin

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock
from streamgauge.errors import StreamgaugeError
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.group import admin_settings
from streamgauge.sources.kafka.looking import Look

PATIENCE = 5.0
"""Seconds for one answer."""
GROUPS = 100
"""Groups that are looked at, by name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Sources of streams by the stream's name, as plain data; and whether groups are asked about too."""

    streams: dict[str, dict[str, Any]]
    groups: bool = True


def answer(asked: bytes) -> dict[str, Any]:
    """Topics, groups and, by stream, why nothing could be learned of it; ``asked`` is an :class:`Asked` as JSON."""
    given = msgspec.json.decode(asked, type=Asked)
    return overview(
        {name: Config.model_validate(source) for name, source in given.streams.items()}, groups=given.groups
    )


def overview(streams: Mapping[str, Config], *, groups: bool) -> dict[str, Any]:
    """Topics, groups and errors as plain data."""
    topics: list[dict[str, Any]] = []
    reading: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for name, config in streams.items():
        try:
            ends = _topics(name, config, topics)
            if groups:
                reading += _groups(name, config, ends)
        except StreamgaugeError as error:
            errors.append({"stream": name, "error": str(error)})
        except (KafkaException, TimeoutError) as error:
            said = error.args[0].str() if isinstance(error, KafkaException) else "no answer in time"
            errors.append({"stream": name, "error": config.scrub(said)})
    return {"topics": topics, "groups": reading, "errors": errors}


def _topics(name: str, config: Config, found: list[dict[str, Any]]) -> dict[Partition, tuple[int, int]]:
    """Add the stream's topics to ``found``; the bounds of their partitions."""
    with Look(config, name, SystemClock()) as look:
        partitions = look.partitions()
        bounds = look.bounds(partitions)
    asking: Any = admin.AdminClient(admin_settings(config, name))
    for topic in dict.fromkeys(partition.name for partition in partitions):
        told = asking.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        found.append(
            {
                "stream": name,
                "topic": topic,
                "brokers": list(config.brokers),
                "partitions": [
                    _partition(partition, bounds.get(partition), told.get(partition.number))
                    for partition in partitions
                    if partition.name == topic
                ],
            }
        )
    return bounds


def _partition(partition: Partition, bounds: tuple[int, int] | None, told: Any) -> dict[str, Any]:
    first, end = bounds or (None, None)
    return {
        "partition": partition.number,
        "first_offset": first,
        "end_offset": end,
        "leader": None if told is None else told.leader,
        "replicas": [] if told is None else list(told.replicas),
        "in_sync": [] if told is None else list(told.isrs),
    }


def _groups(name: str, config: Config, ends: dict[Partition, tuple[int, int]]) -> list[dict[str, Any]]:
    """Those that have committed an offset of one of the partitions, and the stream's own."""
    asking: Any = admin.AdminClient(admin_settings(config, name))
    listed = asking.list_consumer_groups(request_timeout=PATIENCE).result(PATIENCE + 1).valid
    own = config.group or f"streamgauge-{name}"
    names = sorted({one.group_id for one in listed}, key=lambda one: (one != own, one))[:GROUPS]
    committed = {group: _committed(asking, group, list(ends)) for group in names}
    reading = [group for group in names if committed[group] or group == own]
    described = asking.describe_consumer_groups(reading, request_timeout=PATIENCE) if reading else {}
    return [
        _group(name, group, described[group], committed[group], ends) | {"own": group == own}
        for group in reading
    ]


def _committed(asking: Any, group: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
    about = ConsumerGroupTopicPartitions(group, [TopicPartition(*partition) for partition in partitions])
    with suppress(KafkaException, TimeoutError):
        future = asking.list_consumer_group_offsets([about], request_timeout=PATIENCE)[group]
        told = future.result(PATIENCE + 1).topic_partitions
        return {Partition(one.topic, one.partition): int(one.offset) for one in told if one.offset >= 0}
    return {}


def _group(
    stream: str,
    group: str,
    described: Any,
    committed: dict[Partition, int],
    ends: dict[Partition, tuple[int, int]],
) -> dict[str, Any]:
    state, members = None, []
    with suppress(KafkaException, TimeoutError):
        told = described.result(PATIENCE + 1)
        state = told.state.name
        members = [
            {
                "client": member.client_id,
                "host": member.host.lstrip("/"),
                "partitions": [f"{one.topic}:{one.partition}" for one in member.assignment.topic_partitions],
            }
            for member in told.members
        ]
    partitions = [
        {
            "partition": str(partition),
            "committed": committed.get(partition),
            "end_offset": end,
            "lag": None if partition not in committed else max(0, end - committed[partition]),
        }
        for partition, (_, end) in sorted(ends.items())
    ]
    lags = [one["lag"] for one in partitions if one["lag"] is not None]
    return {
        "group": group,
        "stream": stream,
        "state": state,
        "members": members,
        "lag": sum(lags) if lags else None,
        "partitions": partitions,
    }
