"""The objects of sessions: held by fragment, since where a session begins and ends is known only when it is over.

A fragment is what one partition has of a session so far. A record joins every fragment of its key and partition
within the gap, which makes them one, in the order of their starts with the record after the first of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import ColumnKind, FloatArray, IntArray, SlotArray
from streamgauge.state import Table
from streamgauge.windows.collected.contract import Told
from streamgauge.windows.collected.gathering import Collection, copied, feed, join, plain_values
from streamgauge.windows.collected.held import Held, Objects, Place
from streamgauge.windows.contract import Rows


class Fragments:
    """What the open sessions of a window hold.

    Attributes:
        finished: objects that the results of this step point at.
    """

    def __init__(self, collections: Sequence[Collection], gap: int) -> None:
        self._collections = collections
        self._gap = gap
        self._held = Held([*(each.collector for each in collections), _Moment()])
        self._starts: dict[int, dict[int, list[int]]] = {}
        self.finished: list[Objects] = []

    @property
    def used(self) -> bool:
        """Whether anything was ever held."""
        return self._held.used

    def table(self) -> Table:
        """All fragments."""
        return self._held.table()

    def restore(self, table: Table) -> None:
        """Take over saved fragments."""
        self._held.restore(table)
        self._index()

    def renumber(self, places: SlotArray) -> None:
        """Parts have new numbers."""
        self._held.renumber(places)
        self._index()

    def take_in(self, rows: Rows, parts: SlotArray, late: IntArray) -> None:
        """Count the records of ``rows`` but those in ``late`` (indices)."""
        plain = plain_values(self._collections, rows)
        counted = rows.slots >= 0
        counted[late] = False
        index = np.nonzero(counted)[0]
        order = index[np.lexsort((index, parts[index], rows.slots[index]))]
        run: list[int] = []
        place: Place | None = None
        slots, numbers, times = rows.slots.tolist(), parts.tolist(), rows.times.tolist()
        for record in order.tolist():
            slot, part, time = slots[record], numbers[record], times[record]
            touched = self._touched(slot, part, time)
            if run and (place is None or place[:2] != (slot, part) or [place[2]] != touched):
                self._feed(place, plain, run)
                run = []
            place = self._joined(slot, part, time, touched, (plain, record) if len(touched) > 1 else None)
            if len(touched) < 2:  # else it is counted already, between those it joins
                run.append(record)
        if run:
            self._feed(place, plain, run)

    def follow(self, rows: Rows, parts: SlotArray, late: IntArray, events: Sequence[Any]) -> None:
        """As :meth:`take_in`, record by record, with copies for ``events`` to point at.

        ``events``: records, starts, ends, retracted, now and before of each, in the order of records.
        """
        plain = plain_values(self._collections, rows)
        due = _by_record(events)
        gone = set(late.tolist())
        for record, (slot, part, time) in enumerate(
            zip(rows.slots.tolist(), parts.tolist(), rows.times.tolist(), strict=True)
        ):
            if slot < 0 or record in gone:
                continue
            for event, row in due.get(record, ()):
                self._point(event.before, row, slot, (int(event.starts[row]), int(event.ends[row])))
                if event.retracted[row]:
                    event.now[row] = np.where(self._mine(event), event.before[row], event.now[row])
            touched = self._touched(slot, part, time)
            joining = (plain, record) if len(touched) > 1 else None
            place = self._joined(slot, part, time, touched, joining)
            if joining is None:
                self._feed(place, plain, [record])
            for event, row in due.get(record, ()):
                if not event.retracted[row]:
                    self._point(event.now, row, slot, (int(event.starts[row]), int(event.ends[row])))

    def close(self, slots: SlotArray, starts: IntArray, ends: IntArray, sums: FloatArray) -> None:
        """Let each session that is over point at its objects, merged over parts, and hold them no longer."""
        for row, (slot, start, end) in enumerate(
            zip(slots.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ):
            places = list(self._within(slot, start, end))
            self._point(sums, row, slot, (start, end))
            for place in places:
                self._drop(place)

    def _mine(self, event: Any) -> NDArray[np.bool_]:
        mine = np.zeros(event.now.shape[1], np.bool_)
        mine[[each.column for each in self._collections if each.beyond is None]] = True
        return mine

    def _point(self, sums: FloatArray, row: int, slot: int, bounds: tuple[int, int]) -> None:
        """Keep a copy of what the session of ``bounds`` holds; the accumulators at ``row`` point at it."""
        whole: Objects = [
            each.collector.start() if each.beyond is None else None for each in self._collections
        ]
        for place in self._within(slot, *bounds):
            objects = self._held.find(place)
            assert objects is not None
            join(whole, copied(objects[:-1], self._collections), self._collections)
        for each in self._collections:
            if each.beyond is None:
                sums[row, each.column] = len(self.finished)
        self.finished.append(whole)

    def _within(self, slot: int, start: int, end: int) -> Iterator[Place]:
        """The fragments of a key from ``start`` to ``end``, by part and start."""
        for part, starts in sorted(self._starts.get(slot, {}).items()):
            for begin in sorted(starts):
                if start <= begin <= end:
                    yield slot, part, begin

    def _touched(self, slot: int, part: int, time: int) -> list[int]:
        """The starts of the fragments that a record joins."""
        starts = self._starts.get(slot, {}).get(part, ())
        return sorted(s for s in starts if s - self._gap <= time <= self._end((slot, part, s)) + self._gap)

    def _end(self, place: Place) -> int:
        objects = self._held.find(place)
        assert objects is not None
        end: int = objects[-1]
        return end

    def _joined(
        self,
        slot: int,
        part: int,
        time: int,
        touched: list[int],
        counted: tuple[Mapping[int, NDArray[Any]], int] | None,
    ) -> Place:
        """The fragment that the record is now in; ``counted``: its values, where they come between two."""
        if not touched:
            place = slot, part, time
            self._held.at(place)[-1] = time
            self._note(place)
            return place
        first = slot, part, touched[0]
        if counted is not None:
            self._feed(first, counted[0], [counted[1]])
        end = max(time, self._end(first))
        for start in touched[1:]:
            other = self._drop((slot, part, start))
            join(self._held.at(first), other[:-1], self._collections)
            end = max(end, other[-1])
        self._held.at(first)[-1] = end
        if time < touched[0]:
            first = self._moved(first, time)
        return first

    def _moved(self, place: Place, start: int) -> Place:
        objects = self._drop(place)
        moved = place[0], place[1], start
        self._held.put(moved, objects)
        self._note(moved)
        return moved

    def _note(self, place: Place) -> None:
        slot, part, start = place
        self._starts.setdefault(slot, {}).setdefault(part, []).append(start)

    def _drop(self, place: Place) -> Objects:
        slot, part, start = place
        self._starts[slot][part].remove(start)
        if not self._starts[slot][part]:
            del self._starts[slot][part]
        if not self._starts[slot]:
            del self._starts[slot]
        objects = self._held.take(place)
        assert objects is not None
        return objects

    def _feed(self, place: Place | None, plain: Mapping[int, NDArray[Any]], records: list[int]) -> None:
        assert place is not None
        feed(self._held, self._collections, place, plain, np.array(records))

    def _index(self) -> None:
        self._starts = {}
        for place in self._held.places():
            self._note(place)


def _by_record(events: Sequence[Any]) -> dict[int, list[tuple[Any, int]]]:
    due: dict[int, list[tuple[Any, int]]] = {}
    for event in events:
        for row, record in enumerate(event.records.tolist()):
            due.setdefault(record, []).append((event, row))
    return due


class _Moment:
    """Where a fragment ends: held beside its objects."""

    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    def start(self) -> int:
        """Never asked for."""
        return 0

    def add(self, held: int, values: Sequence[Any]) -> None:
        """Nothing is counted."""

    def merge(self, held: int, other: int) -> None:
        """Whoever joins fragments sets it."""

    def tell(self, held: int, number: float | None) -> Told:
        """Nobody is told."""
        return Told(held)

    def pack(self, held: int) -> bytes:
        """Eight bytes."""
        return struct.pack("<q", held)

    def unpack(self, data: bytes) -> int:
        """What :meth:`pack` wrote."""
        (moment,) = struct.unpack("<q", data)
        return int(moment)
