"""Records of ``kafka_lag`` as the series of kafka_exporter, so that dashboards made for it work unchanged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streamgauge.sources.polling.target import Sample


class Row(msgspec.Struct):
    """What is shown of a record."""

    kind: str
    group: str | None = None
    members: int | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    start: int | None = None
    end: int | None = None
    lag: int | None = None
    leader: int | None = None
    preferred: bool | None = None
    replicas: int | None = None
    in_sync: int | None = None
    missing_replicas: int | None = None
    broker: int | None = None
    address: str | None = None
    brokers: int | None = None


_decode = msgspec.json.Decoder(Row).decode

_OF_PARTITION: Mapping[str, str] = {
    "kafka_topic_partition_current_offset": "end",
    "kafka_topic_partition_oldest_offset": "start",
    "kafka_topic_partition_leader": "leader",
    "kafka_topic_partition_leader_is_preferred": "preferred",
    "kafka_topic_partition_replicas": "replicas",
    "kafka_topic_partition_in_sync_replica": "in_sync",
}


def samples(records: Sequence[bytes]) -> Iterable[Sample]:
    """The samples of one answer."""
    partitions: defaultdict[str, int] = defaultdict(int)
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    members: dict[str, int] = {}
    for row in map(_decode, records):
        if row.kind == "cluster":
            yield "kafka_brokers", (), float(row.brokers or 0)
        elif row.kind == "broker":
            yield "kafka_broker_info", (str(row.broker), row.address or ""), 1.0
        elif row.kind == "partition":
            partitions[row.topic or ""] += 1
            yield from _of_partition(row)
        elif row.kind == "group" and row.group is not None:
            if row.members is not None:
                members[row.group] = row.members
            yield from _of_group(row, sums)
    for topic, count in partitions.items():
        yield "kafka_topic_partitions", (topic,), float(count)
    for group, count in members.items():
        yield "kafka_consumergroup_members", (group,), float(count)
    for labels, (offset, lag) in sums.items():
        yield "kafka_consumergroup_current_offset_sum", labels, float(offset)
        yield "kafka_consumergroup_lag_sum", labels, float(lag)


def _of_partition(row: Row) -> Iterable[Sample]:
    labels = (row.topic or "", str(row.partition))
    for name, field in _OF_PARTITION.items():
        value: Any = getattr(row, field)
        if value is not None:
            yield name, labels, float(value)
    under = float(bool(row.missing_replicas))
    yield "kafka_topic_partition_under_replicated_partition", labels, under


def _of_group(row: Row, sums: dict[tuple[str, str], list[int]]) -> Iterable[Sample]:
    if row.offset is None or row.topic is None:
        return
    group = row.group or ""
    labels = (group, row.topic, str(row.partition))
    summed = sums[group, row.topic]
    summed[0] += row.offset
    yield "kafka_consumergroup_current_offset", labels, float(row.offset)
    if row.lag is not None:
        summed[1] += row.lag
        yield "kafka_consumergroup_lag", labels, float(row.lag)
        yield "kafka_consumer_lag", labels, float(row.lag)
