"""Judges windows that Spark counted by itself (``fidelity: native``): the detectors of ``notify`` over closed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from streamgauge.batch import Column, Partition
from streamgauge.engines.running.bundle import Bundle
from streamgauge.engines.running.round import Runners
from streamgauge.keys import Key
from streamgauge.pipeline import Lane, advance
from streamgauge.plan import Group, Plan, StreamPlan
from streamgauge.state import NoState, State
from streamgauge.stores.contract import Position
from streamgauge.windows.contract import Rows, Window, WindowResults
from streamgauge.windows.holding_nothing import HoldsNothing
from streamgauge.windows.time_window import no_results

Row = Mapping[str, Any]


def heard(plan: Plan) -> Plan:
    """A plan whose windows were counted elsewhere."""
    return Plan({name: _heard(stream) for name, stream in plan.streams.items()}, plan.monitors)


def _heard(stream: StreamPlan) -> StreamPlan:
    groups = tuple(replace(g, kind="mergeable", window=HeardWindow(g)) for g in stream.groups)
    return replace(stream, groups=groups)


class HeardState(NoState):
    """What the next step reports: rows with their slots."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Row]] = []


class HeardWindow(HoldsNothing):
    """Reports what was counted elsewhere.

    Args:
        group: whose window it was.
    """

    def __init__(self, group: Group) -> None:
        self._window: Window = group.window
        aggregates = getattr(group.window, "aggregates", None)
        self._kinds = {} if aggregates is None else aggregates.kinds
        self._after = group.window.reach - 1 if group.sessions else 0

    @property
    def reach(self) -> int:
        """As of the window."""
        return self._window.reach

    @property
    def hop(self) -> int:
        """As of the window."""
        return self._window.hop

    def initial(self) -> HeardState:
        """Nothing to report."""
        return HeardState()

    def step(self, state: State, rows: Rows) -> WindowResults:
        """What waits, in the order in which windows close."""
        assert isinstance(state, HeardState)
        found, state.rows = state.rows, []
        if not found:
            return no_results(rows, self.empty(0))
        found.sort(key=lambda each: (each[1]["end"], each[1]["start"], each[0]))
        slots = np.array([slot for slot, _ in found], np.int32)
        starts, ends = (np.array([row[name] for _, row in found], np.int64) for name in ("start", "end"))
        columns = {name: self._column(name, [row for _, row in found]) for name in self._kinds}
        none, no = np.full(len(found), -1, np.int64), np.zeros(len(found), np.bool_)
        closed = ends + self._after
        return WindowResults(
            rows.keys, slots, starts, ends, closed, none, no, starts <= rows.partial_until, columns, columns,
            rows.decided(closed), rows.watermark, none,
        )  # fmt: skip

    def empty(self, count: int) -> Mapping[str, Column]:
        """As of the window."""
        return self._window.empty(count)

    def come(self, rows: Sequence[Row]) -> int:
        """How far time has come where these have closed."""
        return max(int(row["end"]) for row in rows) + self._after + (1 if self._after else 0)

    def _column(self, name: str, rows: Sequence[Row]) -> Column:
        kind = self._kinds[name]
        found = [row["values"].get(name) for row in rows]
        if kind in ("int", "float"):
            return Column(kind, numbers=np.array([np.nan if v is None else float(v) for v in found]))
        return Column(kind, values=found)


class NativeMeeting:
    """Takes in lines of kinds ``counted`` and ``batch``.

    Args:
        runners: of the :func:`heard` plan.
        positions: by stream, how far each of its windows had come at the last commit.
    """

    def __init__(self, runners: Runners, positions: Mapping[str, Mapping[Partition, Position]]) -> None:
        self._streams = {name: runner for name, runner in runners.streams.items() if runner.plan.groups}
        self._held: dict[tuple[str, str, int], dict[tuple[str, int], Row]] = {}
        self.monitors = frozenset(
            m.name for r in self._streams.values() for g in r.plan.groups for m in g.monitors
        )
        for name, runner in self._streams.items():
            for group in runner.plan.groups:
                place = Partition(group.shape, 0)
                runner.attach(place, positions.get(name, {}).get(place), from_start=True)
                runner.begin(place)

    @property
    def holds(self) -> bool:
        """Whether rows wait for the end of their batch: they must be read again after a restart."""
        return bool(self._held)

    def part(self, line: Row) -> None:
        """Spark counts here, over all partitions."""

    def rows(self, line: Row) -> None:
        """Spark counts here, over all partitions."""

    def time(self, line: Row) -> None:
        """Spark counts here, over all partitions."""

    def counted(self, line: Row) -> None:
        """One closed window."""
        held = self._held.setdefault((line["run"], line["group"], int(line["batch"])), {})
        held[str(line.get("key")), int(line["start"])] = line

    def batch(self, line: Row, *, again: bool = False) -> None:
        """All of a batch is there; ``again``: it was judged before."""
        run, shape, number = line["run"], line["group"], int(line["batch"])
        rows = list(self._held.pop((run, shape, number), {}).values())
        for held in [
            held for held in self._held if held[1] == shape and (held[0] != run or held[2] < number)
        ]:
            del self._held[held]  # that batch was never finished, and never will be
        runner = self._streams.get(line["stream"])
        if again or runner is None:
            return
        runner.next_offset[Partition(shape, 0)] = number + 1
        for bundle in runner.bundles.values():
            for lane in bundle.lanes:
                if lane.group.shape == shape and rows and lane.states:
                    advance(lane, _reported(lane, bundle, rows), runner.board, runner.observer)


def _reported(lane: Lane, bundle: Bundle, rows: Sequence[Row]) -> Rows:
    window, state = lane.group.window, lane.window_state
    assert isinstance(window, HeardWindow)
    assert isinstance(state, HeardState)
    slots = bundle.keys.slots([_key(row.get("key"), lane.group) for row in rows])
    bundle.touch(slots, np.array([row["end"] for row in rows], np.int64))
    state.rows = list(zip(slots.tolist(), rows, strict=True))
    come = max(lane.judged, window.come(rows))
    bundle.forget_due(lane.judged, come)
    none, no = np.empty(0, np.int64), np.empty(0, np.int32)
    return Rows(bundle.keys, no, none, none, none, none, come, {}, bundle.parts, no, lane.partial_until)


def _key(parts: Sequence[str] | None, group: Group) -> Key:
    """The key from its parts, each an object as JSON; empty where there is no ``by``."""
    if not parts:
        return ()
    found: list[Any] = [msgspec.json.decode(part)["k"] for part in parts]
    found = [
        float(value) if group.key_kinds[name] == "float" else value
        for name, value in zip(group.by, found, strict=True)
    ]
    return found[0] if len(found) == 1 else tuple(found)
