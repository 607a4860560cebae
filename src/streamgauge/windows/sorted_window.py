"""Sorts records by event time before a window sees them: ``order: time``, at the cost of the lateness.

Records wait until the closing watermark has passed them, then go on by (event time, partition, offset). A
record that comes behind the watermark can no longer be put in its place; it goes on at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import Column, FieldKind, IntArray, SlotArray
from streamgauge.state import State, Tables
from streamgauge.windows.contract import LateRows, Rows, Window, WindowResults

_MISSING = np.iinfo(np.int64).min
_PLAIN = {"slot": np.int32, "time": np.int64, "offset": np.int64, "before": np.int64, "part": np.int32}


class SortedState:
    """The inner window's state and the records that wait; a free row has slot -1."""

    version = 1

    def __init__(self, inner: State, kinds: Mapping[str, FieldKind]) -> None:
        self.inner = inner
        self.held: dict[str, NDArray[Any]] = {name: np.empty(0, of) for name, of in _PLAIN.items()}
        self.held |= {f"field.{name}": _packed(Column(kind, values=[])) for name, kind in kinds.items()}
        self.most = 0

    def tables(self) -> Tables:
        """The inner tables, and the waiting records, with as many rows as there ever were."""
        count = len(self.held["slot"])
        self.most = max(self.most, count)
        waiting = {}
        for name, column in self.held.items():
            fill = -1 if name == "slot" else None if column.dtype == object else 0
            waiting[name] = np.concatenate([column, np.full(self.most - count, fill, column.dtype)])
        return {**self.inner.tables(), "waiting": waiting}

    def restore(self, tables: Tables) -> None:
        """Take over saved records."""
        waiting = tables["waiting"]
        self.most = len(waiting["slot"])
        keep = np.nonzero(np.asarray(waiting["slot"]) >= 0)[0]
        self.held = {name: np.array(waiting[name])[keep] for name in self.held}
        self.inner.restore({name: table for name, table in tables.items() if name != "waiting"})


@dataclass(frozen=True, slots=True)
class SortedWindow:
    """Feeds ``inner`` in the order of event time. Use it for single monitors with ``order: time``.

    Attributes:
        inner: the window that counts.
        kinds: the fields that it, or the detector behind it, reads.
    """

    inner: Window
    kinds: Mapping[str, FieldKind]

    @property
    def reach(self) -> int:
        """As the inner window's."""
        return self.inner.reach

    @property
    def hop(self) -> int:
        """As the inner window's."""
        return self.inner.hop

    def initial(self) -> SortedState:
        """Nobody waits."""
        return SortedState(self.inner.initial(), self.kinds)

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Let ``rows`` wait; hand on, in order, what time has passed."""
        assert isinstance(state, SortedState)
        fresh = np.nonzero(rows.slots >= 0)[0]
        source = np.concatenate((np.full(len(state.held["slot"]), -1), fresh))
        everyone = _joined(state.held, rows, fresh, self.kinds)
        marks = np.maximum.accumulate(np.concatenate(([rows.opening], rows.closing, [rows.watermark])))
        turn = np.maximum(np.searchsorted(marks, everyone["time"], "right"), source + 1)
        names = np.array([sorted(rows.partitions).index(p) for p in rows.partitions] or [0])
        order = np.lexsort((everyone["offset"], names[everyone["part"]], everyone["time"], turn))
        order = order[turn[order] < len(marks)]
        state.held = {name: column[turn >= len(marks)] for name, column in everyone.items()}
        going = {name: column[order] for name, column in everyone.items()}
        results = self.inner.step(state.inner, self._rows(rows, going, turn[order], marks))
        return self._placed(results, rows, np.minimum(turn[order], len(rows)))

    def empty(self, count: int) -> Mapping[str, Column]:
        """As the inner window's."""
        return self.inner.empty(count)

    def last_end(self, state: State) -> int:
        """When the last of those who wait will have gone through."""
        assert isinstance(state, SortedState)
        last = int(state.held["time"].max(initial=np.iinfo(np.int64).min))
        return max(self.inner.last_end(state.inner), last + max(self.reach, 1))

    def filling(self, state: State) -> int:
        """As the inner window's."""
        assert isinstance(state, SortedState)
        return self.inner.filling(state.inner)

    def renumber(self, state: State, places: SlotArray) -> None:
        """Those who wait keep their partition."""
        assert isinstance(state, SortedState)
        if len(state.held["part"]):
            state.held["part"] = places[state.held["part"]]
        self.inner.renumber(state.inner, places)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Keys are forgotten long after their last record went on."""
        assert isinstance(state, SortedState)
        self.inner.drop(state.inner, slots)

    def _rows(self, rows: Rows, going: Mapping[str, NDArray[Any]], turn: IntArray, marks: IntArray) -> Rows:
        """Those whose turn came, with time as it stood just before the next one's turn."""
        before = np.concatenate((turn, [len(marks)])) - 1
        stood = marks[np.maximum(before, 0)]
        columns = {name: _column(kind, going[f"field.{name}"]) for name, kind in self.kinds.items()}
        return Rows(
            rows.keys, going["slot"], going["time"], going["offset"], going["before"], stood[1:], rows.watermark,
            columns, rows.partitions, going["part"], rows.partial_until, int(stood[0]),
        )  # fmt: skip

    def _placed(self, results: WindowResults, rows: Rows, turn: IntArray) -> WindowResults:
        """``results`` of the sorted records, told in terms of the batch as it was read.

        No row is named: whether the deciding record is still in the batch depends on where batches end.
        """
        positions = np.concatenate(([0], turn))[np.minimum(results.positions, len(turn))]
        if results.marks is not None:
            marks = np.concatenate(([rows.opening], rows.closing, [rows.watermark]))
            results = replace(results, marks=np.maximum.accumulate(marks))
        if self.reach:
            positions = np.where(results.early, positions, rows.decided(results.ends))
        no_row = np.full(len(results), -1, np.int64)
        return replace(results, positions=positions, rows=no_row, late=self._late(rows))

    def _late(self, rows: Rows) -> LateRows | None:
        """Who came after its window had closed; known at once, whenever its turn comes."""
        behind = np.nonzero((rows.slots >= 0) & (rows.times < rows.before))[0] if self.reach else ()
        late = [
            (row, start)
            for row in np.asarray(behind, np.int64).tolist()
            for start in _starts(int(rows.times[row]), self.inner)
            if start + self.reach <= rows.before[row]
        ]
        table = np.array(late, np.int64).reshape(-1, 2)
        return LateRows(table[:, 0], table[:, 1])


def _starts(time: int, window: Window) -> range:
    """The starts of the windows that hold ``time``, the newest first."""
    hop = window.hop or window.reach
    return range(time // hop * hop, time - window.reach, -hop)


def _joined(
    held: Mapping[str, NDArray[Any]], rows: Rows, fresh: IntArray, kinds: Mapping[str, FieldKind]
) -> dict[str, NDArray[Any]]:
    new: dict[str, NDArray[Any]] = {
        "slot": rows.slots, "time": rows.times, "offset": rows.offsets, "before": rows.before, "part": rows.parts
    }  # fmt: skip
    if len(fresh):
        new |= {f"field.{name}": _packed(rows.columns[name]) for name in kinds}
    return {
        name: np.concatenate([column, new[name][fresh]]) if len(fresh) else column
        for name, column in held.items()
    }


def _packed(column: Column) -> NDArray[Any]:
    """As a state's column: whole numbers stay exact."""
    if column.kind == "string":
        packed = np.empty(len(column), object)
        packed[:] = column.values()
        return packed
    if column.kind in ("int", "timestamp"):
        return np.array([_MISSING if value is None else value for value in column.values()], np.int64)
    return np.array(column.numbers())


def _column(kind: FieldKind, packed: NDArray[Any]) -> Column:
    if kind == "string":
        return Column(kind, values=packed.tolist())
    if kind in ("int", "timestamp"):
        return Column(kind, values=[None if value == _MISSING else value for value in packed.tolist()])
    return Column(kind, numbers=packed)
