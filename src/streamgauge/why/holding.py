"""How far event time has come for a monitor, and what holds it back. Pure: pictures in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streamgauge.batch import NEVER, Partition
from streamgauge.engines.reporting.status import PartitionStatus, StreamStatus
from streamgauge.monitor import Kind
from streamgauge.stores.contract import Position
from streamgauge.why.naming import records


@dataclass(frozen=True, slots=True)
class Time:
    """Event time as one monitor (or one key of it) sees it.

    Attributes:
        watermark: microseconds; None before the first record.
        partitions: each partition's watermark, by name.
        held_back: sentences, the weightiest first; empty where nothing holds it.
    """

    watermark: int | None
    partitions: Mapping[str, int | None]
    held_back: Sequence[str]


def time_from_status(stream: StreamStatus, kind: Kind, partition: Partition | None) -> Time:
    """From a running engine; ``partition`` is where the key is, for aligned monitors.

    The rules, in this order: a lost source stands still; a partition without a record has no watermark; a
    lagging one has what it has read; one that is not known to be read to its end does not let time pass.
    """
    concerned = _concerned(stream.partitions, kind, partition)
    marks = {name: status.watermark for name, status in stream.partitions.items()}
    watermark = stream.watermark if kind != "aligned" else _lowest([marks[name] for name in concerned])
    sentences = [] if stream.lost is None else [f"{stream.lost}: its event time stands still"]
    if not stream.partitions:
        sentences.append("no partition is assigned to this process yet")
    for name in _slowest_first(concerned):
        sentence = _holds(name, concerned[name], watermark)
        if sentence is not None:
            sentences.append(sentence)
    return Time(watermark, marks, sentences)


def time_from_positions(
    positions: Mapping[Partition, Position], lateness: int, kind: Kind, partition: Partition | None
) -> Time:
    """From the last commit, where no engine could be asked: how far it is, not why."""
    marks = {
        str(name): None if position.largest_time == NEVER else position.largest_time - lateness
        for name, position in positions.items()
    }
    own = [marks[str(partition)]] if kind == "aligned" and str(partition) in marks else list(marks.values())
    watermark = _lowest([mark for mark in own if mark is not None])
    sentences = []
    if len(marks) > 1 and kind != "aligned" and watermark is not None:
        slowest = sorted(name for name, mark in marks.items() if mark == watermark)
        if len(slowest) < len(marks):
            sentences.append(f"{', '.join(slowest)} has come least far, and the others wait for it")
    return Time(watermark, marks, sentences)


def with_grace(time: Time, shift: int) -> Time:
    """``time`` by the clock of windows whose ``grace`` is ``shift`` microseconds shorter than the lateness."""
    if not shift:
        return time
    marks = {name: None if mark is None else mark + shift for name, mark in time.partitions.items()}
    return replace(
        time, watermark=None if time.watermark is None else time.watermark + shift, partitions=marks
    )


def _concerned(
    partitions: Mapping[str, PartitionStatus], kind: Kind, partition: Partition | None
) -> Mapping[str, PartitionStatus]:
    """The partitions that this key's windows wait for: its own where aligned, else all."""
    if kind == "aligned" and str(partition) in partitions:
        return {str(partition): partitions[str(partition)]}
    return partitions


def _lowest(marks: Sequence[int | None]) -> int | None:
    known = [mark for mark in marks if mark is not None]
    return min(known) if known and len(known) == len(marks) else None


def _slowest_first(partitions: Mapping[str, PartitionStatus]) -> list[str]:
    def order(name: str) -> tuple[int, str]:
        mark = partitions[name].watermark
        return (NEVER if mark is None else mark, name)

    return sorted(partitions, key=order)


def _holds(name: str, partition: PartitionStatus, watermark: int | None) -> str | None:
    """Why this partition keeps event time from going on; None where it does not."""
    if partition.watermark is None:
        if partition.caught_up:
            return None  # it never spoke and is known to be empty: it is left out
        return f"{name} has not brought a record yet, and is not known to be empty"
    if watermark is not None and partition.watermark > watermark:
        return None  # others are further behind
    if partition.lag:
        return f"{name} lags: {records(partition.lag)} not counted yet"
    if not partition.caught_up:
        return (
            f"{name} is not known to be read to its end (its broker has not answered in the last 2 s, or a "
            "transaction is open), so no time passes without records"
        )
    return None
