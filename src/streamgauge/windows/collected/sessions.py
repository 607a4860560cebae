"""The objects of sessions: held by fragment, since where a session begins and ends is known only when it is over.

A fragment is what one partition has of a session so far: the rows of :mod:`streamgauge.kernels.session_windows`,
by the same rules. A record joins every open fragment of its key and partition within the gap, which makes them one:
the earliest first, then the record, then the others.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import ColumnKind, FloatArray, IntArray, SlotArray
from streamgauge.state import Table
from streamgauge.windows.collected.contract import Told
from streamgauge.windows.collected.gathering import Collection, copied, feed, join, plain_values
from streamgauge.windows.collected.held import Held, Objects, Place
from streamgauge.windows.contract import Rows


@dataclass(slots=True)
class Fragment:
    """Where it is held, from when to when it goes, and the earliest moment at which it was linked to others."""

    place: Place
    start: int
    end: int
    link: int


class Fragments:
    """What the open sessions of a window hold.

    Attributes:
        finished: objects that the results of this step point at.
    """

    def __init__(self, collections: Sequence[Collection], gap: int) -> None:
        self._collections = collections
        self._columns = [each.column for each in collections if each.beyond is None]
        self._gap = gap
        self._held = Held([*(each.collector for each in collections), _Bounds()])
        self._of: dict[int, list[Fragment]] = {}
        self.finished: list[Objects] = []

    @property
    def used(self) -> bool:
        """Whether anything was ever held."""
        return self._held.used

    def table(self) -> Table:
        """All fragments."""
        for fragments in self._of.values():
            for each in fragments:
                bounds = each.start, each.end, each.link
                if self._held.find(each.place)[-1:] != [bounds]:  # type: ignore[index]
                    self._held.at(each.place)[-1] = bounds
        return self._held.table()

    def restore(self, table: Table) -> None:
        """Take over saved fragments."""
        self._held.restore(table)
        self._of = {}
        for place in sorted(self._held.places(), key=lambda place: place[2]):
            objects = self._held.find(place)
            assert objects is not None
            self._of.setdefault(place[0], []).append(Fragment(place, *objects[-1]))

    def renumber(self, places: SlotArray) -> None:
        """Parts have new numbers."""
        self._held.renumber(places)
        for fragments in self._of.values():
            for each in fragments:
                slot, part, number = each.place
                each.place = slot, int(places[part]), number

    def take_in(self, rows: Rows, parts: SlotArray, late: IntArray, seen: int) -> None:
        """Count the records of ``rows`` but those in ``late`` (indices); ``seen``: how many came before."""
        plain = plain_values(self._collections, rows)
        counted = rows.slots >= 0
        counted[late] = False
        index = np.nonzero(counted)[0]
        order = index[np.lexsort((index, parts[index], rows.slots[index]))]
        run: list[int] = []
        fragment: Fragment | None = None
        for record, moment in zip(order.tolist(), self._moments(rows, parts, order), strict=True):
            own = self._own(*moment)
            if run and own != [fragment]:
                self._feed(fragment, plain, run)
                run = []
            if len(own) > 1:
                self._feed(own[0], plain, [record])
            else:
                run.append(record)
            fragment = self._joined(moment, own, seen + record)
        if run:
            self._feed(fragment, plain, run)

    def follow(
        self, rows: Rows, parts: SlotArray, late: IntArray, seen: int, events: Sequence[Any], *, several: bool
    ) -> None:
        """As :meth:`take_in`, record by record, with copies for ``events`` to point at.

        ``events``: records, starts, ends, retracted, now and before of each, in the order of records.
        """
        plain = plain_values(self._collections, rows)
        due, gone = _by_record(events), set(late.tolist())
        everyone = np.arange(len(rows))
        for record, moment in zip(everyone.tolist(), self._moments(rows, parts, everyone), strict=True):
            if moment[0] < 0 or record in gone:
                continue
            own = self._own(*moment)
            concerned = self._concerned(moment, own, several=several)
            for event, row in due.get(record, ()):
                self._point(event.before, row, _within(concerned, event, row))
                if event.retracted[row]:
                    event.now[row, self._columns] = event.before[row, self._columns]
            if own:
                self._feed(own[0], plain, [record])
            fragment = self._joined(moment, own, seen + record)
            if not own:
                self._feed(fragment, plain, [record])
            still = [each for each in concerned if each is fragment or each not in own]
            for event, row in due.get(record, ()):
                if not event.retracted[row]:
                    self._point(event.now, row, still if fragment in still else [*still, fragment])

    def close(
        self, places: tuple[SlotArray, SlotArray, IntArray, IntArray], groups: IntArray, sums: FloatArray
    ) -> None:
        """Let each session that is over point at its objects, merged over parts, and hold them no longer.

        ``places``: slots, parts, starts and ends of its rows; ``groups``: the row of ``sums`` that each belongs to.
        """
        sessions: dict[int, list[Fragment]] = {}
        columns = (column.tolist() for column in (groups, *places))
        for group, slot, part, start, end in zip(*columns, strict=True):
            known = self._of.get(slot, ())
            mine = [e for e in known if (e.place[1], e.start, e.end) == (part, start, end)]
            sessions.setdefault(group, []).extend(mine)
        for group, fragments in sessions.items():
            self._point(sums, group, fragments)
            for each in fragments:
                self._drop(each)

    def _moments(self, rows: Rows, parts: SlotArray, index: IntArray) -> list[tuple[int, int, int, int]]:
        """Slot, part, event time and the clock before it, of each record."""
        columns = (rows.slots, parts, rows.times, rows.before)
        return list(zip(*(column[index].tolist() for column in columns), strict=True))

    def _own(self, slot: int, part: int, time: int, before: int) -> list[Fragment]:
        """The open fragments that a record joins, the earliest first."""
        gap = self._gap
        found = [
            each
            for each in self._of.get(slot, ())
            if each.place[1] == part
            and each.start - gap <= time <= each.end + gap
            and each.end + gap >= before
        ]
        return sorted(found, key=lambda each: each.start)

    def _concerned(
        self, moment: tuple[int, int, int, int], own: list[Fragment], *, several: bool
    ) -> list[Fragment]:
        """The fragments of the session that a record will be in, by part and start."""
        slot, _, time, before = moment
        low = min([max(time, before), *(each.link for each in own)])
        high = max([time, *(each.end for each in own)]) + self._gap
        chosen, growing = list(own), several
        while growing:
            more = [
                each
                for each in self._of.get(slot, ())
                if each not in chosen and each.end + self._gap >= low and each.link <= high
            ]
            chosen, growing = chosen + more, bool(more)
            low = min([low, *(each.link for each in more)])
            high = max([high, *(each.end + self._gap for each in more)])
        return sorted(chosen, key=lambda each: (each.place[1], each.start))

    def _joined(self, moment: tuple[int, int, int, int], own: list[Fragment], number: int) -> Fragment:
        """The fragment that the record is now in."""
        slot, part, time, before = moment
        if not own:
            fragment = Fragment((slot, part, number), time, time, max(time, before))
            self._of.setdefault(slot, []).append(fragment)
            self._held.at(fragment.place)
            return fragment
        first, *others = own
        for other in others:
            join(self._held.at(first.place), self._drop(other)[:-1], self._collections)
        first.start = min(time, first.start)
        first.end = max([time, *(each.end for each in own)])
        first.link = min([max(time, before), *(each.link for each in own)])
        return first

    def _point(self, sums: FloatArray, row: int, fragments: Sequence[Fragment]) -> None:
        """Keep a copy of what a session holds; the accumulators at ``row`` point at it."""
        whole: Objects = [
            each.collector.start() if each.beyond is None else None for each in self._collections
        ]
        for fragment in sorted(fragments, key=lambda each: (each.place[1], each.start, each.end)):
            objects = self._held.find(fragment.place)
            assert objects is not None
            join(whole, copied(objects[:-1], self._collections), self._collections)
        sums[row, self._columns] = len(self.finished)
        self.finished.append(whole)

    def _drop(self, fragment: Fragment) -> Objects:
        fragments = self._of[fragment.place[0]]
        fragments.remove(fragment)
        if not fragments:
            del self._of[fragment.place[0]]
        objects = self._held.take(fragment.place)
        assert objects is not None
        return objects

    def _feed(self, fragment: Fragment | None, plain: Mapping[int, NDArray[Any]], records: list[int]) -> None:
        assert fragment is not None
        feed(self._held, self._collections, fragment.place, plain, np.array(records))


def _within(fragments: Sequence[Fragment], event: Any, row: int) -> list[Fragment]:
    """Those of the session that an event tells of."""
    start, end = int(event.starts[row]), int(event.ends[row])
    return [each for each in fragments if start <= each.start and each.end <= end]


def _by_record(events: Sequence[Any]) -> dict[int, list[tuple[Any, int]]]:
    due: dict[int, list[tuple[Any, int]]] = {}
    for event in events:
        for row, record in enumerate(event.records.tolist()):
            due.setdefault(record, []).append((event, row))
    return due


class _Bounds:
    """Start, end and link of a fragment: held beside its objects."""

    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    def start(self) -> tuple[int, int, int]:
        """Never asked for."""
        return (0, 0, 0)

    def add(self, held: Any, values: Sequence[Any]) -> None:
        """Nothing is counted."""

    def merge(self, held: Any, other: Any) -> None:
        """Whoever joins fragments knows their bounds."""

    def tell(self, held: Any, number: float | None) -> Told:
        """Nobody is told."""
        return Told(held)

    def pack(self, held: tuple[int, int, int]) -> bytes:
        """24 bytes."""
        return _BOUNDS.pack(*held)

    def unpack(self, data: bytes) -> tuple[int, ...]:
        """What :meth:`pack` wrote."""
        return _BOUNDS.unpack(data)


_BOUNDS = struct.Struct("<qqq")
