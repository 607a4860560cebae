"""The objects of open windows: one per collector for each (slot, part, start), saved as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.state import Table, grown
from streamgauge.windows.collected.contract import Collector

Place: TypeAlias = tuple[int, int, int]
"""Slot, part and start of a window."""

Objects: TypeAlias = list[Any]
"""One per collector; None where a collector has not begun."""


class Held:
    """Objects by place. Rows keep their number while they live, so that a commit saves only what changed.

    Args:
        collectors: what made the objects.
        waiting: the numbers of those that take nothing in before :meth:`begin`.
    """

    def __init__(self, collectors: Sequence[Collector], waiting: Iterable[int] = ()) -> None:
        self._collectors = collectors
        self._waiting = frozenset(waiting)
        self._rows: dict[Place, int] = {}
        self._objects: list[Objects | None] = []
        self._free: list[int] = []
        self._stale: set[int] = set()
        self._names = {name: np.full(0, -1, dtype) for name, dtype in _NAMES.items()}
        self._packed: list[NDArray[np.object_]] = [np.empty(0, object) for _ in collectors]
        self._begun: set[tuple[int, int, int]] = set()

    @property
    def used(self) -> bool:
        """Whether anything was ever held."""
        return bool(self._objects)

    def has_begun(self, collector: int, slot: int, start: int) -> bool:
        """Whether that collector takes in the records of (slot, start), if it waits to be begun."""
        return (collector, slot, start) in self._begun

    def begin(self, collector: int, slot: int, start: int) -> None:
        """It does from now on."""
        self._begun.add((collector, slot, start))

    def end(self, slot: int, start: int) -> None:
        """The window has closed."""
        if self._begun:
            self._begun.difference_update([(c, slot, start) for c in self._waiting])

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, place: Place) -> Objects:
        """The objects of ``place``, to be changed; a list of None where there were none."""
        row = self._rows.get(place)
        if row is None:
            row = self._new_row(place)
        self._stale.add(row)
        objects = self._objects[row]
        assert objects is not None
        return objects

    def find(self, place: Place) -> Objects | None:
        """The objects of ``place``, to be looked at."""
        row = self._rows.get(place)
        return None if row is None else self._objects[row]

    def take(self, place: Place) -> Objects | None:
        """The objects of ``place``, which are no longer held here."""
        row = self._rows.pop(place, None)
        if row is None:
            return None
        objects, self._objects[row] = self._objects[row], None
        self._names["slot"][row] = -1
        self._stale.add(row)
        self._free.append(row)
        return objects

    def put(self, place: Place, objects: Objects) -> None:
        """Hold ``objects`` at ``place``, in place of what was there."""
        self.at(place)[:] = objects

    def places(self) -> Iterable[Place]:
        """Where something is held."""
        return list(self._rows)

    def renumber(self, places: NDArray[Any]) -> None:
        """Parts have new numbers: p is ``places[p]`` from now on."""
        moved = {(slot, int(places[part]), start): row for (slot, part, start), row in self._rows.items()}
        self._rows = moved
        for (_, part, _), row in moved.items():
            self._names["part"][row] = part

    def table(self) -> Table:
        """All rows; packed anew are only those that changed."""
        for row in self._stale:
            objects = self._objects[row]
            for packed, collector, held in zip(
                self._packed, self._collectors, objects or [None] * len(self._packed), strict=True
            ):
                packed[row] = None if held is None else collector.pack(held)
        self._stale.clear()
        used = len(self._objects)
        names = {name: column[:used] for name, column in self._names.items()}
        return {**names, **{f"object{c}": packed[:used] for c, packed in enumerate(self._packed)}}

    def restore(self, table: Table) -> None:
        """Take over saved rows."""
        used = len(table["slot"])
        self._make_room(used)
        self._objects = [None] * used
        for name, column in self._names.items():
            column[:used] = table[name]
        for c, packed in enumerate(self._packed):
            packed[:used] = table[f"object{c}"]
        for row, slot in enumerate(table["slot"].tolist()):
            if slot < 0:
                self._free.append(row)
                continue
            self._rows[slot, int(table["part"][row]), int(table["start"][row])] = row
            self._objects[row] = [
                None if packed[row] is None else collector.unpack(packed[row])
                for packed, collector in zip(self._packed, self._collectors, strict=True)
            ]
        for (slot, _, start), row in self._rows.items():
            objects = self._objects[row]
            assert objects is not None
            self._begun.update((c, slot, start) for c in self._waiting if objects[c] is not None)

    def _new_row(self, place: Place) -> int:
        if self._free:
            row = self._free.pop()
        else:
            row = len(self._objects)
            self._objects.append(None)
            self._make_room(row + 1)
        self._objects[row] = [None] * len(self._collectors)
        self._rows[place] = row
        for column, value in zip(self._names.values(), place, strict=True):
            column[row] = value
        return row

    def _make_room(self, rows: int) -> None:
        self._names = {name: grown(column, rows, -1) for name, column in self._names.items()}
        self._packed = [grown(column, rows, None) for column in self._packed]


_NAMES = {"slot": np.int32, "part": np.int32, "start": np.int64}
