"""One answer of the brokers as records: one per partition of a group, one per partition, one per broker, one in all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streamgauge.sources.kafka_lag.brokers import Group, Picture, Place
from streamgauge.sources.kafka_lag.first_unread import Ends, Unread

_encode = msgspec.json.Encoder().encode


def unread(picture: Picture) -> set[Unread]:
    """From where on groups have something to read."""
    return {
        (*place, offset)
        for group in picture.groups
        for place, offset in group.offsets.items()
        if offset < picture.ends.get(place, -1)
    }


def records(picture: Picture, times: Mapping[Unread, float], ends: Ends, now: float) -> Sequence[bytes]:
    """All of them, encoded one by one; ``now``: Unix seconds at which ends were asked for."""
    found = [
        _encode({"kind": "cluster", "brokers": len(picture.brokers)}),
        *(
            _encode({"kind": "broker", "broker": number, "address": address})
            for number, address in picture.brokers.items()
        ),
    ]
    found.extend(_encode(row) for row in _partitions(picture))
    for group in sorted(picture.groups, key=lambda one: one.name):
        found.extend(_encode(row) for row in of_group(group, picture, times, ends, now))
    return found


def _partitions(picture: Picture) -> Iterable[dict[str, Any]]:
    for place, one in sorted(picture.partitions.items()):
        yield {
            "kind": "partition",
            "topic": place[0],
            "partition": place[1],
            "start": picture.starts.get(place),
            "end": picture.ends.get(place),
            "leader": one.leader,
            "preferred": bool(one.replicas) and one.leader == one.replicas[0],
            "replicas": len(one.replicas),
            "in_sync": len(one.in_sync),
            "missing_replicas": len(one.replicas) - len(one.in_sync),
        }


def of_group(
    group: Group, picture: Picture, times: Mapping[Unread, float], ends: Ends, now: float
) -> Iterable[dict[str, Any]]:
    """One record per partition that is committed or owned; one without a partition where there is none."""
    about = {
        "kind": "group",
        "group": group.name,
        "state": group.state,
        "protocol": group.protocol,
        "members": group.members if group.state is not None else None,
        "error": group.error,
    }
    places = sorted(group.offsets.keys() | group.owners.keys())
    if not places:
        yield about
    for place in places:
        offset, end = group.offsets.get(place), picture.ends.get(place)
        row = {**about, "topic": place[0], "partition": place[1], "owner": group.owners.get(place)}
        row |= {"offset": offset, "end": end, "start": picture.starts.get(place)}
        if offset is not None and end is not None:
            row |= _behind(place, (offset, end), picture, times, ends, now)
        yield row


def _behind(
    place: Place, at: tuple[int, int], picture: Picture, times: Mapping[Unread, float], ends: Ends, now: float
) -> dict[str, Any]:
    """How far behind, in records and seconds, and what is to be lost; the end may have been cut off behind us."""
    offset, end = at
    lag, start = max(0, end - offset), picture.starts.get(place, 0)
    row: dict[str, Any] = {"lag": lag, "lost": max(0, min(start, end) - offset)}
    if not lag:
        return {**row, "lag_seconds": 0.0, "lag_seconds_from": "end"}
    written, known = times.get((*place, offset)), "record"
    if written is None:
        written, known = ends.written(place, max(offset, start)), "estimate"
    if written is None:
        return row
    if math.isinf(written):  # compacted away, or marks of transactions only
        return {**row, "lag_seconds": 0.0, "lag_seconds_from": "record"}
    seconds = max(0.0, now - written)
    row |= {"lag_seconds": round(seconds, 3), "lag_seconds_from": known}
    kept = picture.retention.get(place[0])
    if kept is not None:
        row["expires_in"] = round(kept / 1_000 - seconds, 3)
    return row
