"""A partition's part of what spans partitions: counted where its records are, merged where all parts meet.

A part of a window is what its records alone add up to. Whenever some came, the part as it is then leaves as a line, in
place of the one before: written twice or read twice it counts once, and sums are those of the records in offset order.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import NEVER, Column, IntArray, SlotArray
from streamgauge.detectors.unjudged import Unjudged
from streamgauge.engines.spark.forwarding import forwarded, is_forwarded
from streamgauge.kernels.time_windows import SEEN
from streamgauge.plan import Group, StreamPlan
from streamgauge.state import State, Tables
from streamgauge.stores.blocks import Block, Part, decode, encode
from streamgauge.windows.contract import Rows, Window, WindowResults
from streamgauge.windows.running_window import RunningWindow
from streamgauge.windows.time_window import TimeWindow, TimeWindowState, no_results

MOST_BYTES = 300_000
"""Of one line at most, about: a broker takes a megabyte, and text is a third longer."""


def staged(stream: StreamPlan) -> StreamPlan:
    """What a partition does of a stream's monitors: all of aligned ones, of others their parts, or to send records."""
    groups = tuple(_staged(group) for group in stream.groups if not is_forwarded(group))
    sent = forwarded(stream)
    return replace(stream, groups=groups if sent is None else (*groups, sent))


def _staged(group: Group) -> Group:
    if group.kind != "mergeable":
        return group
    monitors = tuple(replace(m, kind="aligned", detector=Unjudged(m.name)) for m in group.monitors)
    window = PartWindow(grid_of(group.window))
    return replace(group, kind="aligned", window=window, monitors=monitors, watched={}, include_empty=False)


def grid_of(window: Window) -> TimeWindow:
    """The windows on a grid that a mergeable monitor fills on Spark, one part alone and unwatched.

    Raises:
        TypeError: it is another kind of window, whose records are forwarded.
    """
    match window:
        case TimeWindow():
            return TimeWindow(window.aggregates, window.size, window.advance, (), several=False)
        case RunningWindow():
            return TimeWindow(window.aggregates, window.reach, window.reach, (), several=False)
    raise TypeError(f"{type(window).__name__} has no parts on Spark")


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of windows as they are now; columns of one length n.

    Attributes:
        keys: the texts of keys.
        starts, offsets, times: int64[n]: start of the window, and offset and event time of its last record.
        sums: float64[n, C], the accumulators.
        objects: by row, what it holds beside them: bytes by collector, None where one has not begun.
    """

    keys: Sequence[str]
    starts: IntArray
    offsets: IntArray
    times: IntArray
    sums: NDArray[np.float64]
    objects: Mapping[int, Sequence[bytes | None]]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: IntArray) -> Parts:
        """Some of them."""
        if len(rows) == len(self):
            return self
        held = {i: self.objects[row] for i, row in enumerate(rows.tolist()) if row in self.objects}
        keys = [self.keys[row] for row in rows.tolist()]
        return Parts(keys, self.starts[rows], self.offsets[rows], self.times[rows], self.sums[rows], held)

    def pieces(self) -> Iterator[Parts]:
        """The same in pieces that a line can hold."""
        width = 8 * (self.sums.shape[1] + 4)
        sizes = np.array([width + len(key) for key in self.keys], np.int64)
        for row, held in self.objects.items():
            sizes[row] += sum(len(data) for data in held if data is not None)
        which = np.cumsum(sizes) // MOST_BYTES
        for number in np.unique(which).tolist():
            yield self.take(np.nonzero(which == number)[0])


class PartState:
    """Open parts, and those that changed in the last step."""

    version = 1

    def __init__(self, open_parts: TimeWindowState) -> None:
        self.open = open_parts
        self.changed: Parts | None = None

    def tables(self) -> Tables:
        """The open parts."""
        return self.open.tables()

    def restore(self, tables: Tables) -> None:
        """Take them over."""
        self.open.restore(tables)


class PartWindow:
    """Counts records into parts and reports nothing of its own; late records are those of the partition.

    Args:
        grid: the windows.
    """

    def __init__(self, grid: TimeWindow) -> None:
        self._grid = grid

    @property
    def reach(self) -> int:
        """As of the windows."""
        return self._grid.reach

    @property
    def hop(self) -> int:
        """As of the windows."""
        return self._grid.hop

    def initial(self) -> PartState:
        """No open part."""
        return PartState(self._grid.initial())

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Count ``rows`` in, note which parts changed, and drop those that no record can reach any more."""
        assert isinstance(state, PartState)
        first = int(state.open.pool.counts[SEEN])
        late = self._grid.step(state.open, replace(rows, watermark=NEVER)).late
        state.changed = self._changed(state.open, rows, first) if len(rows) else None
        self._grid.step(state.open, _only_time(rows))
        return no_results(rows, self._grid.empty(0), late)

    def empty(self, count: int) -> Mapping[str, Column]:
        """As of the windows."""
        return self._grid.empty(count)

    def last_end(self, state: State) -> int:
        """The latest end of an open part."""
        assert isinstance(state, PartState)
        return self._grid.last_end(state.open)

    def filling(self, state: State) -> int:
        """Open parts."""
        assert isinstance(state, PartState)
        return self._grid.filling(state.open)

    def renumber(self, state: State, places: SlotArray) -> None:
        """There is one partition."""

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing to do: keys are forgotten long after their last window closed."""

    def _changed(self, state: TimeWindowState, rows: Rows, first: int) -> Parts | None:
        """Parts that took in one of ``rows``, the first of which was number ``first``."""
        tables = state.tables()
        table = tables["rows"]
        at = np.nonzero((table["slot"] >= 0) & (table["seen"] >= first))[0]
        if not len(at):
            return None
        at = at[np.lexsort((table["slot"][at], table["start"][at]))]
        slots, starts = table["slot"][at], table["start"][at].copy()
        width = sum(name.startswith("sum") for name in table)
        sums = np.column_stack([table[f"sum{c}"][at] for c in range(width)] or [np.empty((len(at), 0))])
        texts = [str(text) for text in rows.keys.texts_of(slots)]
        times = rows.times[table["seen"][at] - first]
        objects = _packed(tables, slots, starts)
        return Parts(texts, starts, table["offset"][at].copy(), times, sums, objects)


def _packed(tables: Tables, slots: SlotArray, starts: IntArray) -> dict[int, list[bytes | None]]:
    """By row of ``slots`` and ``starts``, the objects that are held there."""
    held = tables.get("objects")
    if held is None:
        return {}
    columns = [held[f"object{c}"] for c in range(sum(name.startswith("object") for name in held))]
    places = {
        (int(slot), int(start)): row
        for row, (slot, start) in enumerate(zip(held["slot"], held["start"], strict=True))
        if slot >= 0
    }
    found = {}
    for row, place in enumerate(zip(slots.tolist(), starts.tolist(), strict=True)):
        if place in places:
            found[row] = [column[places[place]] for column in columns]
    return found


def _only_time(rows: Rows) -> Rows:
    none, no = np.empty(0, np.int64), np.empty(0, np.int32)
    return Rows(rows.keys, no, none, none, none, none, rows.watermark, {}, rows.partitions, no)


def parts_text(parts: Parts) -> str:
    """As a line holds them."""
    sums = {f"sum{c}": parts.sums[:, c] for c in range(parts.sums.shape[1])}
    rows = {
        "key": np.array(parts.keys, object),
        "start": parts.starts,
        "offset": parts.offsets,
        "time": parts.times,
        **sums,
    }
    tables = [Part("rows", len(parts), rows)]
    if parts.objects:
        held = list(parts.objects.values())
        columns: dict[str, Any] = {"row": np.array(list(parts.objects), np.int32)}
        for c in range(len(held[0])):
            columns[f"object{c}"] = np.empty(len(held), object)
            columns[f"object{c}"][:] = [each[c] for each in held]
        tables.append(Part("objects", len(held), columns))
    return base64.b64encode(encode(Block("", 1, 0, -1, {}, tables))).decode()


def read_parts(text: str) -> Parts:
    """Read back what :func:`parts_text` wrote.

    Raises:
        StoreDamagedError: it is something else.
    """
    tables = {part.table: part.columns for part in decode(base64.b64decode(text)).parts}
    rows, held = tables["rows"], tables.get("objects", {})
    count = len(rows["key"])
    sums = [rows[f"sum{c}"] for c in range(sum(name.startswith("sum") for name in rows))]
    columns = [held[f"object{c}"].tolist() for c in range(sum(name.startswith("object") for name in held))]
    objects = {
        int(row): [column[i] for column in columns] for i, row in enumerate(held.get("row", np.empty(0)))
    }
    stacked = np.column_stack(sums) if sums else np.empty((count, 0))
    return Parts(list(rows["key"]), rows["start"], rows["offset"], rows["time"], stacked, objects)
