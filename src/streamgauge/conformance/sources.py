"""What every source promises: partitions in offset order, and the same records again from any position on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec

from streamgauge.batch import Partition
from streamgauge.sources.contract import Slice, Source

WAIT = timedelta(milliseconds=50)
PATIENCE = 60.0
"""Seconds within which a source must bring what is asked of it."""


@dataclass(slots=True)
class _Read:
    """What one reading brought: per partition offset → record."""

    began: dict[Partition, int] = field(default_factory=dict)
    records: dict[Partition, dict[int, Any]] = field(default_factory=dict)
    next_offset: dict[Partition, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


def check_source(make: Callable[[], Source], *, records: int | None = None, limit: int = 100) -> None:
    """Hold a source to its contract.

    * Offsets of a partition only grow, and ``next_offset`` lies beyond them and never falls.
    * A partition is announced (``assigned``) with its position before its first slice.
    * Opened again at any position, it gives the same records from there on with the same offsets.
    * It describes itself in plain data, answers ``tails`` before and after, and closes twice calmly.

    Args:
        make: a fresh source, not opened.
        records: how many to read of a source without end; None = to its end.
        limit: asked for at once.

    Raises:
        AssertionError: which promise is broken.
        SourceError: as the source itself raises it.
    """
    whole = _reading(make(), {}, records, limit)
    assert len(whole), "it brought no record: give it some to be checked on"
    for share in (0.0, 0.37, 0.5, 1.0):
        positions = {partition: _position(whole, partition, share) for partition in whole.records}
        rest = sum(
            sum(offset >= positions[partition] for offset in found)
            for partition, found in whole.records.items()
        )
        again = _reading(make(), positions, rest if records is not None else None, max(1, limit // 3))
        for partition, found in whole.records.items():
            expected = {offset: row for offset, row in found.items() if offset >= positions[partition]}
            got = again.records.get(partition, {})
            if records is not None:
                expected = {offset: row for offset, row in expected.items() if offset in got}
                got = {offset: row for offset, row in got.items() if offset in found}
            assert got == expected, (
                f"{partition} opened again at {positions[partition]} gave {_few(got)} instead of {_few(expected)}"
            )


def _reading(source: Source, positions: Mapping[Partition, int], records: int | None, limit: int) -> _Read:
    msgspec.json.encode(dict(source.describe()))
    read, ended = _Read(), set[Partition]()
    deadline = time.monotonic() + PATIENCE
    source.open(positions)
    try:
        while (records is None or len(read) < records) and not (read.began and ended >= set(read.began)):
            assert time.monotonic() < deadline, (
                f"{len(read)} records in {PATIENCE:g} s, partitions ended: {len(ended)} of {len(read.began)}; "
                "say how many `records` a source without end is checked on"
            )
            poll = source.poll(limit, WAIT)
            for partition, at in poll.assigned.items():
                wanted = positions.get(partition, at)
                assert at == wanted, f"{partition} began at {at}, though {wanted} was asked for"
                read.began[partition] = read.next_offset[partition] = at
            for piece in poll.slices:
                _take(read, piece)
            ended |= poll.ended
            source.tails()
    finally:
        source.close()
        source.close()
    return read


def _take(read: _Read, piece: Slice) -> None:
    partition, offsets = piece.partition, piece.offsets.tolist()
    assert partition in read.began, f"{partition} brought records before it was assigned"
    floor = read.next_offset[partition]
    assert all(a < b for a, b in pairwise(offsets)), f"{partition}: offsets {offsets[:9]} fall"
    assert not offsets or offsets[0] >= floor, (
        f"{partition}: offset {offsets[0]} comes after next_offset {floor}"
    )
    last = offsets[-1] + 1 if offsets else floor
    assert piece.next_offset >= last, f"{partition}: next_offset {piece.next_offset} is not beyond {last - 1}"
    assert len(piece.timestamps) == len(offsets), f"{partition}: a timestamp per record is missing"
    read.next_offset[partition] = piece.next_offset
    rows: Sequence[Any] = piece.frame.rows() if piece.frame is not None else piece.payloads or ()
    assert len(rows) == len(offsets), f"{partition}: {len(rows)} records for {len(offsets)} offsets"
    read.records.setdefault(partition, {}).update(zip(offsets, map(repr, rows), strict=True))


def _position(whole: _Read, partition: Partition, share: float) -> int:
    offsets = sorted(whole.records[partition])
    if share == 1.0:
        return whole.next_offset[partition]
    return offsets[int(len(offsets) * share)]


def _few(found: Mapping[int, Any]) -> str:
    items = sorted(found.items())
    return f"{len(items)} records, first {items[:2]}, last {items[-2:]}"
