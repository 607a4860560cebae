"""The consumer group: may we join it, who else is in it, and how far behind is what was read?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamgauge.batch import Partition
from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.patient import KafkaStream, Patient
from streamgauge.errors import SourceError, StreamgaugeError
from streamgauge.sources.kafka.looking import GroupLook

NAME = "group"


def examine(patient: Patient) -> Iterator[Finding]:
    """Who is in it, then where reading goes on."""
    for stream in patient.kafka.values():
        about = f"streams.{stream.name}"
        try:
            group = stream.look.group(stream.partitions)
        except SourceError as error:
            yield from_error(NAME, about, error)
            continue
        yield _members(stream, group, about, shared=patient.config.store.shared)
        yield _positions(patient, stream, group, about)


def _members(stream: KafkaStream, group: GroupLook, about: str, *, shared: bool) -> Finding:
    name = stream.look.group_name
    if group.may_read is False:
        return Finding(
            NAME, about, Grade.WRONG, f"the group {name} may be seen, but not joined",
            f"allow READ on group {name} for this user, or write another one to `group:`",
        )  # fmt: skip
    others = [
        one
        for one in group.members
        if not ((shared and one.client) or one.instance or "").startswith("streamgauge-")
    ]
    if others:
        who = ", ".join(sorted({f"{one.client} on {one.host}" for one in others}))
        return Finding(
            NAME, about, Grade.WRONG, f"other programs read in the group {name}: {who}",
            "write a name of its own to `group:`; one process must read all partitions, or all share one store",
        )  # fmt: skip
    if group.members:
        where = ", ".join(sorted({one.host for one in group.members}))
        return Finding(
            NAME, about, Grade.FINE, f"the group {name} is read by a running Streamgauge on {where}"
        )
    return Finding(NAME, about, Grade.FINE, f"nobody is in the group {name} now")


def _positions(patient: Patient, stream: KafkaStream, group: GroupLook, about: str) -> Finding:
    """The store's positions count; the group's offsets are for others' eyes."""
    bounds = stream.look.bounds(stream.partitions)
    stored = _stored(patient, stream.name)
    positions = stored or group.committed
    if not positions:
        start = stream.source.public()["start"]
        return Finding(NAME, about, Grade.FINE, f"nothing was read yet; reading would begin at {start}")
    trouble = _lost(positions, bounds, about)
    if trouble is not None:
        return trouble
    behind = sum(bounds[p][1] - at for p, at in positions.items() if p in bounds)
    whose = "the store" if stored else "the group"
    return Finding(NAME, about, Grade.FINE, f"{whose} is {behind:,} records behind the end of the topic")


def _lost(
    positions: Mapping[Partition, int], bounds: Mapping[Partition, tuple[int, int]], about: str
) -> Finding | None:
    for partition, at in positions.items():
        low, high = bounds.get(partition, (at, at))
        if at > high:
            return Finding(
                NAME, about, Grade.WARNING, f"{partition} was read to offset {at:,}, but ends at {high:,}: it was made anew",
                "nothing, if that was meant: reading begins at its start, and windows there are marked partial",
            )  # fmt: skip
        if at < low:
            return Finding(
                NAME, about, Grade.WARNING,
                f"{partition} was read to offset {at:,}, and {low - at:,} records behind it are deleted by now",
                "keep records longer on the topic (retention.ms), or let Streamgauge be away for shorter",
            )  # fmt: skip
    return None


def _stored(patient: Patient, stream: str) -> Mapping[Partition, int]:
    from streamgauge.stores import open_reading

    try:
        store = open_reading(patient.config.store.url)
    except StreamgaugeError:  # told by the check of the store
        return {}
    try:
        return {partition: found.next_offset for partition, found in store.positions(stream).items()}
    except StreamgaugeError:
        return {}
    finally:
        store.close()
