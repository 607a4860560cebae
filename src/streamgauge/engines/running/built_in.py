"""The streams that exist without being declared: bad records, and records that came too late.

Their event time is how far the partition had come when the record was met, so they run in step with the
stream that they tell of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamgauge.batch import NEVER, BadRecord, Batch, Column, IntArray, Partition
from streamgauge.config.models import BUILT_IN_STREAMS
from streamgauge.keys import key_label
from streamgauge.plan import Group
from streamgauge.windows.contract import LateRows, Rows

DEAD_LETTERS = "streamgauge.dead_letters"
LATE = "streamgauge.late"


@dataclass(frozen=True, slots=True)
class LateRecord:
    """One record that came too late for one window of one monitor."""

    stream: str
    partition: Partition
    offset: int
    monitor: str
    key: str
    window_start: int
    behind: int
    at: int


def dated(batch: Batch, largest: int) -> list[BadRecord]:
    """The bad records of ``batch``, dated by how far their partition had come: ``largest`` before it."""
    first = largest if largest != NEVER or not len(batch) else int(batch.times[0])
    running = np.maximum.accumulate(np.concatenate(([first], batch.times)))
    dated = []
    for bad in batch.bad:
        at = int(running[np.searchsorted(batch.offsets, bad.offset)])
        dated.append(replace(bad, at=bad.at if at == NEVER else at))
    return dated


def late_records(group: Group, rows: Rows, late: LateRows, lateness: int) -> list[LateRecord]:
    """One entry per record, window and monitor of the group."""
    found: list[LateRecord] = []
    for row, start in zip(late.rows.tolist(), late.starts.tolist(), strict=True):
        reached = int(rows.before[row]) + lateness - group.shift
        found.extend(
            LateRecord(
                group.stream,
                rows.partitions[int(rows.parts[row])]
                if len(rows.partitions) > int(rows.parts[row])
                else rows.partitions[0],
                int(rows.offsets[row]),
                monitor.name,
                key_label(rows.keys.key(int(rows.slots[row]))),
                start,
                reached - int(rows.times[row]),
                reached,
            )
            for monitor in group.monitors
        )
    return found


def dead_letter_batches(bad: Iterable[tuple[str, BadRecord]]) -> tuple[list[Batch], IntArray]:
    """The records of ``streamgauge.dead_letters`` and their order."""
    rows = sorted(
        ((b.at, stream, b.partition, b.offset, b.reason) for stream, b in bad),
        key=lambda row: (row[0], row[1], row[2], row[3]),
    )
    columns = [
        {"stream": stream, "partition": str(partition), "offset": offset, "reason": reason, "at": at}
        for at, stream, partition, offset, reason in rows
    ]
    return _batches(DEAD_LETTERS, [(row[1], row[2]) for row in rows], columns)


def late_batches(late: Iterable[LateRecord]) -> tuple[list[Batch], IntArray]:
    """The records of ``streamgauge.late`` and their order."""
    rows = sorted(late, key=lambda r: (r.at, r.stream, r.partition, r.offset, r.monitor, r.window_start))
    columns = [
        {
            "stream": r.stream,
            "partition": str(r.partition),
            "offset": r.offset,
            "monitor": r.monitor,
            "key": r.key,
            "window_start": r.window_start,
            "behind_seconds": r.behind / 1e6,
            "at": r.at,
        }
        for r in rows
    ]
    return _batches(LATE, [(r.stream, r.partition) for r in rows], columns)


def shadow(stream: str, partition: Partition) -> Partition:
    """The partition under which a built-in stream tells of ``partition``."""
    return Partition(f"{stream}/{partition.name}", partition.number)


def _batches(
    name: str, owners: Sequence[tuple[str, Partition]], rows: list[dict[str, object]]
) -> tuple[list[Batch], IntArray]:
    order_of: dict[tuple[str, Partition], list[int]] = {}
    for at, owner in enumerate(owners):
        order_of.setdefault(owner, []).append(at)
    batches: list[Batch] = []
    places: list[int] = []
    for (stream, partition), mine in order_of.items():
        picked = [rows[i] for i in mine]
        columns = {
            field: Column(kind, values=[row[field] for row in picked])
            for field, kind in BUILT_IN_STREAMS[name].items()
        }
        offsets = np.array([row["offset"] for row in picked], np.int64)
        times = np.array([row["at"] for row in picked], np.int64)
        batches.append(Batch(name, shadow(stream, partition), offsets, times, columns, int(offsets[-1]) + 1))
        places.extend(mine)
    return batches, np.argsort(np.array(places, np.int64), kind="stable")
