"""Merges what partitions counted of windows that span them: the embedded engine's windows, filled with parts.

``notify`` hears parts and how far each partition has come. Windows close, and detectors judge, where the embedded
engine closes and judges; a limit that is crossed inside a window is seen when a part arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import BoolArray, Column, FloatArray, IntArray, SlotArray
from streamgauge.engines.spark.forwarding import is_forwarded
from streamgauge.engines.spark.parts import Parts
from streamgauge.kernels.time_windows import SEEN, merge_parts
from streamgauge.plan import Group, Plan, StreamPlan
from streamgauge.state import State, Table, Tables
from streamgauge.windows.contract import Rows, Window, WindowResults
from streamgauge.windows.running_window import RunningWindow, RunningWindowState
from streamgauge.windows.time_window import TimeWindow, TimeWindowState, exactly, limit_table

_UNLIMITED = 2**31
"""Keys are limited where they are counted, in each partition."""


def merged(plan: Plan) -> Plan:
    """What of a plan is judged where all parts meet: what spans partitions, and what watches its rows."""
    return Plan({name: _merged(stream) for name, stream in plan.streams.items()}, plan.monitors)


def _merged(stream: StreamPlan) -> StreamPlan:
    groups = tuple(
        g if is_forwarded(g) else replace(g, window=MergedWindow(g, stream.lateness))
        for g in stream.groups
        if g.kind != "aligned"
    )
    return replace(stream, groups=groups, key_limit=_UNLIMITED)


@dataclass(frozen=True, slots=True)
class Crossed:
    """Limits that a part's arrival crossed; columns of one length n.

    Attributes:
        slots, starts: the windows.
        times, offsets: int64[n], of the last record of that part.
        moments: int64[n], how far event time must have come in all partitions before it is told: older windows have
            closed then, and are judged first.
        before, now: float64[n, C]: all parts of the window before and after it.
    """

    slots: SlotArray
    starts: IntArray
    times: IntArray
    offsets: IntArray
    moments: IntArray
    before: FloatArray
    now: FloatArray

    def __len__(self) -> int:
        return len(self.slots)

    def take(self, rows: IntArray) -> Crossed:
        """Some of them."""
        return Crossed(*(getattr(self, name)[rows] for name in self.__slots__))

    def and_(self, other: Crossed) -> Crossed:
        """These, then those."""
        names = self.__slots__
        return Crossed(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))

    def table(self, room: int) -> Table:
        """As a table of ``room`` rows, of which those behind are marked as unused."""
        slots = np.full(room, -1, np.int32)
        slots[: len(self)] = self.slots
        table: dict[str, Any] = {"slot": slots}
        for name in ("starts", "times", "offsets", "moments"):
            table[name] = np.zeros(room, np.int64)
            table[name][: len(self)] = getattr(self, name)
        for name in ("before", "now"):
            for c, column in enumerate(getattr(self, name).T):
                table[f"{name}{c}"] = np.zeros(room)
                table[f"{name}{c}"][: len(self)] = column
        return table

    @classmethod
    def of(cls, table: Table, width: int) -> Crossed:
        """Read back what :meth:`table` made."""
        used = int((table["slot"] >= 0).sum())
        plain = (np.array(table[name][:used]) for name in ("slot", "starts", "times", "offsets", "moments"))
        sums = (
            np.column_stack([table[f"{name}{c}"][:used] for c in range(width)] or [np.zeros((used, 0))])
            for name in ("before", "now")
        )
        return cls(*plain, *sums)


def _none(width: int) -> Crossed:
    no, none = np.empty(0, np.int32), np.empty(0, np.int64)
    return Crossed(no, none, none, none, none, np.empty((0, width)), np.empty((0, width)))


class MergedState:
    """Open windows by part; limits that were crossed; what began in the middle.

    Attributes:
        waiting: what is told once its moment has come.
        told: what is told in the next step.
        partial: by partition, until when its windows were not seen whole.
    """

    version = 1

    def __init__(self, inner: State, width: int) -> None:
        self.inner = inner
        self.waiting = self.told = _none(width)
        self.partial: dict[str, int] = {}
        self._width = width
        self._room = 0

    def release(self, moment: int) -> None:
        """Have the next step tell of what waited for ``moment``."""
        due = self.waiting.moments <= moment
        self.told = self.told.and_(self.waiting.take(np.nonzero(due)[0]))
        self.waiting = self.waiting.take(np.nonzero(~due)[0])

    @property
    def open(self) -> TimeWindowState:
        """The windows on a grid that take parts in."""
        filling = self.inner.filling if isinstance(self.inner, RunningWindowState) else self.inner
        assert isinstance(filling, TimeWindowState)
        return filling

    def tables(self) -> Tables:
        """As of the windows, and where parts began."""
        partial = {
            "partition": np.array(list(self.partial), object),
            "until": np.array(list(self.partial.values()), np.int64),
        }
        self._room = max(self._room, len(self.waiting))
        waiting = {"waiting": self.waiting.table(self._room)} if self._room else {}
        return {**self.inner.tables(), **waiting, "partial": partial}

    def restore(self, tables: Tables) -> None:
        """Take them over."""
        rest = dict(tables)
        saved = rest.pop("partial", None)
        if saved is not None:
            self.partial = dict(zip(saved["partition"].tolist(), saved["until"].tolist(), strict=True))
        waiting = rest.pop("waiting", None)
        if waiting is not None:
            self._room = len(waiting["slot"])
            self.waiting = Crossed.of(waiting, self._width)
        self.inner.restore(rest)


class MergedWindow:
    """A mergeable group's window, whose steps bring time alone: parts come by :meth:`take`.

    Args:
        group: whose window it is.
        lateness: of its stream.
    """

    def __init__(self, group: Group, lateness: int) -> None:
        window = group.window
        assert isinstance(window, TimeWindow | RunningWindow)
        self._window: Window = window
        self._aggregates = window.aggregates
        self._behind = lateness - group.shift
        self._hop = max(window.hop, 1)
        grid = isinstance(window, TimeWindow)  # running totals are judged when they are reported
        watches = [watch for m in group.monitors if grid for watch in m.detector.needs.watches]
        self._watched, self._limits = limit_table(window.aggregates, exactly(window.aggregates, watches))

    @property
    def reach(self) -> int:
        """As of the window."""
        return self._window.reach

    @property
    def hop(self) -> int:
        """As of the window."""
        return self._window.hop

    def initial(self) -> MergedState:
        """No open window."""
        return MergedState(self._window.initial(), self._aggregates.width)

    def take(self, state: MergedState, slots: SlotArray, part: int, parts: Parts) -> None:
        """Let ``parts`` (of partition number ``part``, their keys being ``slots``) take the place of the ones before.

        Limits that they cross wait in the state.
        """
        places = slots, parts.starts
        before = self._sums(state.open, places)
        _replace(state.open, slots, part, parts)
        for row, held in parts.objects.items():
            place = int(slots[row]), part, int(parts.starts[row])
            collectors = [each.collector for each in self._aggregates.collections]
            state.open.held.put(
                place,
                [None if data is None else c.unpack(data) for c, data in zip(collectors, held, strict=True)],
            )
        now = self._sums(state.open, places)
        rows = np.nonzero(self._crossed(before, now))[0]
        rows = rows[np.lexsort((slots[rows], parts.starts[rows], parts.times[rows]))]
        closed = (parts.times - self._behind - self.reach) // self._hop * self._hop + self.reach
        moments = closed + self._behind
        found = Crossed(slots, parts.starts, parts.times, parts.offsets, moments, before, now).take(rows)
        state.waiting = state.waiting.and_(found)

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Close what is due; before it, tell of the limits that were crossed."""
        assert isinstance(state, MergedState)
        rows = replace(rows, partial_until=max([rows.partial_until, *state.partial.values()]))
        crossed, state.told = state.told, state.told.take(_NO_ROWS)
        results = self._window.step(state.inner, rows)
        if not len(crossed):
            return results
        return self._with(results, crossed, state.open, rows)

    def empty(self, count: int) -> Mapping[str, Column]:
        """As of the window."""
        return self._window.empty(count)

    def last_end(self, state: State) -> int:
        """As of the window."""
        assert isinstance(state, MergedState)
        return self._window.last_end(state.inner)

    def filling(self, state: State) -> int:
        """As of the window."""
        assert isinstance(state, MergedState)
        return self._window.filling(state.inner)

    def renumber(self, state: State, places: SlotArray) -> None:
        """As of the window."""
        assert isinstance(state, MergedState)
        self._window.renumber(state.inner, places)

    def drop(self, state: State, slots: SlotArray) -> None:
        """As of the window."""
        assert isinstance(state, MergedState)
        self._window.drop(state.inner, slots)

    def _sums(self, state: TimeWindowState, places: tuple[SlotArray, IntArray]) -> FloatArray:
        """float64[n, C]: the windows at ``places`` over all parts; nothing counted is NaN or zero."""
        out = np.full((len(places[0]), self._aggregates.width), np.nan)
        if not len(self._watched):
            return out
        table = state.tables()["rows"]
        live = np.nonzero(table["slot"] >= 0)[0]
        held, wanted = _codes((table["slot"][live], table["start"][live]), places)
        order = np.argsort(wanted, kind="stable")
        at = np.searchsorted(wanted[order], held)
        mine = (at < len(order)) & (wanted[order][np.minimum(at, len(order) - 1)] == held)
        live, group = live[mine], order[at[mine]]
        by = np.lexsort((table["part"][live], group))
        if len(by):
            merge_parts(state.pool, live[by], group[by], self._aggregates.ops, out)
        return out

    def _crossed(self, before: FloatArray, now: FloatArray) -> BoolArray:
        found = np.zeros(len(now), np.bool_)
        for (column, used), limits in zip(self._watched.tolist(), self._limits, strict=True):
            was = np.where(np.isnan(before[:, column]), -np.inf, before[:, column])
            for limit in limits[:used].tolist():
                found |= (was <= limit) & (now[:, column] > limit)
        return found

    def _with(
        self, results: WindowResults, crossed: Crossed, state: TimeWindowState, rows: Rows
    ) -> WindowResults:
        """What was crossed, then what closed."""
        size, report, n = self.reach, self._aggregates.report, len(crossed)
        now, before = (report(sums, size, state.texts) for sums in (crossed.now, crossed.before))
        early = WindowResults(
            rows.keys, crossed.slots, crossed.starts, crossed.starts + size, crossed.times, crossed.offsets,
            np.ones(n, np.bool_), crossed.starts <= rows.partial_until, now, before, np.ones(n, np.int64),
            rows.watermark, np.full(n, -1, np.int64),
        )  # fmt: skip
        return _joined(early, results)


def _joined(first: WindowResults, then: WindowResults) -> WindowResults:
    plain = ("slots", "starts", "ends", "at", "offsets", "early", "partial", "positions", "rows")
    both: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(then, name)]) for name in plain
    }
    if not len(then):
        return replace(first, late=then.late)
    columns: dict[str, Any] = {
        which: _columns(getattr(first, which), getattr(then, which), len(first), len(then))
        for which in _TWICE
    }
    return replace(then, **both, **columns)


_NO_ROWS = np.empty(0, np.int64)
_TWICE = ("columns", "previous")


def _columns(
    first: Mapping[str, Column], then: Mapping[str, Column], head: int, tail: int
) -> dict[str, Column]:
    """Both after each other; a name that only one of them has is missing in the other's rows."""
    found = {}
    for name in dict.fromkeys([*first, *then]):
        kind = (first.get(name) or then[name]).kind
        parts = (
            first.get(name) or Column(kind, values=[None] * head),
            then.get(name) or Column(kind, values=[None] * tail),
        )
        found[name] = Column.join(parts)
    return found


def _replace(state: TimeWindowState, slots: SlotArray, part: int, parts: Parts) -> None:
    """Write ``parts`` over the rows that there are, into free ones, or behind all."""
    tables = state.tables()
    table = {name: column.copy() for name, column in tables["rows"].items()}
    mine = np.nonzero((table["slot"] >= 0) & (table["part"] == part))[0]
    held, wanted = _codes((table["slot"][mine], table["start"][mine]), (slots, parts.starts))
    order = np.argsort(held, kind="stable")
    at = np.searchsorted(held[order], wanted)
    known = (at < len(order)) & (np.append(held[order], -1)[np.minimum(at, len(order))] == wanted)
    places = np.empty(len(wanted), np.int64)
    places[known] = mine[order[at[known]]]
    fresh = int((~known).sum())
    free = np.nonzero(table["slot"] < 0)[0][:fresh]
    used = len(table["slot"])
    places[~known] = np.concatenate((free, np.arange(used, used + fresh - len(free))))
    count = state.pool.counts[SEEN]
    written: dict[str, NDArray[np.generic]] = {
        "slot": slots, "part": np.full(len(slots), part, np.int32), "start": parts.starts, "offset": parts.offsets,
        "seen": count + np.argsort(np.argsort(parts.times, kind="stable"), kind="stable"),
        **{f"sum{c}": parts.sums[:, c] for c in range(parts.sums.shape[1])},
    }  # fmt: skip
    for name, column in table.items():
        longer = np.concatenate((column, np.zeros(fresh - len(free), column.dtype)))
        longer[places] = written[name]
        table[name] = longer
    read = {"records": np.array([count + len(slots)], np.int64)}
    state.restore({"rows": table, "entries": tables["entries"], "texts": tables["texts"], "read": read})


def _codes(one: tuple[SlotArray, IntArray], other: tuple[SlotArray, IntArray]) -> tuple[IntArray, IntArray]:
    """Pairs of slot and start as one number each, the same for equal ones."""
    starts = np.concatenate((one[1], other[1]))
    _, dense = np.unique(starts, return_inverse=True)
    codes = np.concatenate((one[0], other[0])).astype(np.int64) * (len(starts) + 1) + dense
    return codes[: len(one[0])], codes[len(one[0]) :]
