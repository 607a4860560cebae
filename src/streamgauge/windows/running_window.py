"""Running windows: totals since the beginning, reported every so often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from streamgauge.batch import Column, FloatArray, IntArray, SlotArray
from streamgauge.errors import ConfigError
from streamgauge.kernels.aggregate import DISTINCT
from streamgauge.kernels.running import accumulate
from streamgauge.state import State, Tables, grown
from streamgauge.windows.aggregates import Aggregates
from streamgauge.windows.collected import gathering
from streamgauge.windows.collected.held import Held, Objects
from streamgauge.windows.contract import Rows, WindowResults
from streamgauge.windows.time_window import COLLECT_AT, TimeWindow, TimeWindowState, forget_texts


class RunningWindowState:
    """The window that is filling, and the totals of those that closed, per key."""

    version = 1

    def __init__(self, filling: TimeWindowState, width: int, held: Held) -> None:
        self.held = held
        self.filling = filling
        self.filling.collect_at = 2**62  # totals hold texts that no open window does
        self.collect_at = COLLECT_AT
        self.totals: FloatArray = np.zeros((0, width))
        self.first: IntArray = np.zeros(0, np.int64)

    def tables(self) -> Tables:
        """Totals per key beside the filling window's own tables."""
        totals = {f"total{c}": self.totals[:, c] for c in range(self.totals.shape[1])}
        held = {"total-objects": self.held.table()} if self.held.used else {}
        return {**self.filling.tables(), **held, "totals": {"first": self.first, **totals}}

    def restore(self, tables: Tables) -> None:
        """Take over saved totals."""
        self.filling.restore(tables)
        saved = tables["totals"]
        self.first = np.array(saved["first"])
        self.totals = np.column_stack(
            [saved[f"total{c}"] for c in range(self.totals.shape[1])] or [np.zeros((len(self.first), 0))]
        )
        if "total-objects" in tables:
            self.held.restore(tables["total-objects"])


class RunningWindow:
    """Totals of each key since its first record, reported every ``every`` microseconds of event time.

    Use it through ``window: {type: running}`` for what must never start again at zero. A record counts in
    the report of the stretch that its event time falls in. ``window_start`` is the start of the stretch in
    which the key was first seen. Limits are judged at each report, not in between.

    Raises:
        ConfigError: for ``distinct``, whose exact memory would never end; ``approx_distinct`` is bounded.
    """

    def __init__(self, aggregates: Aggregates, every: int, *, several: bool) -> None:
        if (aggregates.ops[:, 0] == DISTINCT).any():
            raise ConfigError(
                "distinct cannot be computed in a running window: it would have to remember every value for "
                "ever; use approx_distinct, or a tumbling or hopping window"
            )
        self.aggregates = aggregates
        self._filling = TimeWindow(aggregates, every, every, (), several=several)

    @property
    def reach(self) -> int:
        """A stretch is open for ``every``."""
        return self._filling.reach

    @property
    def hop(self) -> int:
        """No stretch is judged without records."""
        return 0

    def initial(self) -> RunningWindowState:
        """Nothing counted yet."""
        return RunningWindowState(self._filling.initial(), self.aggregates.width, self.aggregates.held())

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Count ``rows`` in; one result per key and stretch that had records of it."""
        assert isinstance(state, RunningWindowState)
        results, sums = self._filling.step_with_sums(state.filling, rows)
        if not len(results):
            return results
        have = len(state.totals)
        state.totals = grown(state.totals, len(rows.keys))
        state.first = grown(state.first, len(rows.keys), np.iinfo(np.int64).max)
        self._clear(state, np.arange(have, len(state.totals)))
        totals, starts = np.empty_like(sums), np.empty(len(results), np.int64)
        accumulate(
            results.slots,
            results.starts,
            sums,
            state.totals,
            state.first,
            totals,
            starts,
            self.aggregates.ops,
        )
        finished = self._objects(state, results, totals)
        columns = self.aggregates.report(totals, self._filling.size, state.filling.texts, finished)
        if state.filling.texts.known >= state.collect_at:
            held = self._filling.held_texts(state.filling) | self.aggregates.texts_in(state.totals)
            state.collect_at = forget_texts(state.filling.texts, held)
        return replace(results, starts=starts, columns=columns, previous=columns)

    def _objects(
        self, state: RunningWindowState, results: WindowResults, totals: FloatArray
    ) -> list[Objects]:
        """Each result's objects: those of its stretch, merged into what came before."""
        collections = self.aggregates.collections
        if not collections:
            return []
        finished = []
        for slot, objects in zip(results.slots.tolist(), state.filling.finished, strict=True):
            place = slot, 0, 0
            so_far = gathering.copied(
                state.held.find(place), collections
            )  # an earlier result may point at it
            gathering.join(so_far, objects, collections)
            state.held.put(place, so_far)
            finished.append(so_far)
        gathering.point(totals, collections, finished)
        return finished

    def empty(self, count: int) -> Mapping[str, Column]:
        """A stretch without records reports nothing of its own."""
        return self._filling.empty(count)

    def last_end(self, state: State) -> int:
        """The end of the stretch that is filling."""
        assert isinstance(state, RunningWindowState)
        return self._filling.last_end(state.filling)

    def filling(self, state: State) -> int:
        """Stretches that are filling."""
        assert isinstance(state, RunningWindowState)
        return self._filling.filling(state.filling)

    def renumber(self, state: State, places: SlotArray) -> None:
        """As the stretch that is filling."""
        assert isinstance(state, RunningWindowState)
        self._filling.renumber(state.filling, places)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Totals of forgotten keys start again."""
        assert isinstance(state, RunningWindowState)
        self._clear(state, slots[slots < len(state.totals)])
        for slot in slots.tolist():
            state.held.take((slot, 0, 0))

    def _clear(self, state: RunningWindowState, slots: IntArray | SlotArray) -> None:
        from streamgauge.kernels.running import clear

        clear(slots.astype(np.int64), state.totals, self.aggregates.ops)
        state.first[slots] = np.iinfo(np.int64).max
