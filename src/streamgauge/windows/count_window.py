"""Count windows: the last N records of a key, reported at every M-th record; never partial, never late."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamgauge.batch import NEVER, Column, SlotArray
from streamgauge.kernels import count_windows as kernels
from streamgauge.keys import KeySlots
from streamgauge.state import State, Table, Tables, grown
from streamgauge.windows.aggregates import Aggregates
from streamgauge.windows.collected.gathering import point
from streamgauge.windows.collected.last_codes import LastCodes
from streamgauge.windows.collected.last_values import LastValues
from streamgauge.windows.collected.tally import BinCounts
from streamgauge.windows.contract import Rows, WindowResults
from streamgauge.windows.time_window import COLLECT_AT, forget_texts, no_results


class CountWindowState:
    """One ring per key; see :class:`streamgauge.kernels.count_windows.Rings`."""

    version = 1

    def __init__(
        self, size: int, inputs: int, coded: int, last: LastValues, codes: Mapping[int, LastCodes]
    ) -> None:
        self.last = last
        self.codes = codes
        self.rings = kernels.Rings(
            np.zeros((0, size, inputs)), np.zeros((0, size, coded), np.int64),
            np.zeros((0, size), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64),
        )  # fmt: skip
        self.texts = KeySlots(limit=2**31)
        self.collect_at = COLLECT_AT

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        self.rings = kernels.Rings(*(grown(column, slots) for column in self.rings))

    def tables(self) -> Tables:
        """One row per key: its ring, flat."""
        rings = self.rings
        flat: dict[str, np.ndarray] = {"held": rings.held, "since": rings.since}
        for at in range(rings.times.shape[1]):
            flat[f"time{at}"] = rings.times[:, at]
            flat.update({f"value{at}.{k}": rings.values[:, at, k] for k in range(rings.values.shape[2])})
            flat.update({f"code{at}.{d}": rings.codes[:, at, d] for d in range(rings.codes.shape[2])})
        last: dict[str, Table] = {"objects": self.last.held.table()} if self.last.held.used else {}
        for c, codes in self.codes.items():
            last |= codes.tables(f"codes{c}")
        return {"rings": flat, "texts": {"text": self.texts.texts()}, **last}

    def restore(self, tables: Tables) -> None:
        """Take over saved rings."""
        saved = tables["rings"]
        self.make_room(len(saved["held"]))
        rings, rows = self.rings, slice(0, len(saved["held"]))
        rings.held[rows], rings.since[rows] = saved["held"], saved["since"]
        for at in range(rings.times.shape[1]):
            rings.times[rows, at] = saved[f"time{at}"]
            for k in range(rings.values.shape[2]):
                rings.values[rows, at, k] = saved[f"value{at}.{k}"]
            for d in range(rings.codes.shape[2]):
                rings.codes[rows, at, d] = saved[f"code{at}.{d}"]
        texts = list(tables["texts"]["text"])
        self.texts.restore(texts, np.zeros(len(texts), np.int64))
        if "objects" in tables:
            self.last.held.restore(tables["objects"])
        for c, codes in self.codes.items():
            codes.restore(tables[f"codes{c}"], tables[f"codes{c}.unknown"])


class CountWindow:
    """The last ``size`` records of a key, reported every ``every`` records once ``least`` are held.

    Use it through ``window: {type: count}`` where the number of records matters more than their time.
    Its ``window_start`` is the event time of the oldest record held, its ``window_end`` lies a microsecond
    after that of the reporting record: as everywhere, a window does not hold its end.
    """

    def __init__(self, aggregates: Aggregates, size: int, every: int, least: int) -> None:
        self.aggregates = aggregates
        self.size = size
        self.every = every
        self.least = least

    @property
    def reach(self) -> int:
        """Time closes nothing."""
        return 0

    @property
    def hop(self) -> int:
        """There is no grid in time."""
        return 0

    def initial(self) -> CountWindowState:
        """Empty rings."""
        every = self.aggregates.collections
        last = LastValues(every, self.size)
        codes = {
            c: LastCodes(each.collector, self.size)
            for c, each in enumerate(every)
            if isinstance(each.collector, BinCounts)
        }
        return CountWindowState(
            self.size, len(self.aggregates.inputs), len(self.aggregates.coded), last, codes
        )

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Write ``rows`` into their rings; one result per report, in the order of the records."""
        assert isinstance(state, CountWindowState)
        if not len(rows):
            return no_results(rows, self.empty(0))
        state.make_room(len(rows.keys))
        inputs = self.aggregates.numbers(rows.columns, len(rows), state.texts)
        codes = self.aggregates.codes(rows.columns, len(rows), state.texts)
        room = 256
        reports = kernels.Reports(
            np.empty(room, np.int64), np.empty(room, np.int64),
            np.empty((room, self.aggregates.width)), np.zeros(1, np.int64),
        )  # fmt: skip
        records, starts, sums = [], [], []
        at = 0
        while at < len(rows):
            at = kernels.roll(
                at, rows.slots, rows.times, inputs, codes, state.rings, reports,
                self.aggregates.ops, self.every, self.least,
            )  # fmt: skip
            found = int(reports.told[0])
            records.append(reports.record[:found].copy())
            starts.append(reports.start[:found].copy())
            sums.append(reports.sums[:found].copy())
            reports.told[0] = 0
        record = np.concatenate(records) if records else np.empty(0, np.int64)
        finished = state.last.take_in(rows, record)
        for c, last in state.codes.items():
            for objects, tally in zip(finished, last.take_in(rows, record), strict=True):
                objects[c] = tally
        if not len(record):
            return no_results(rows, self.empty(0))
        table = np.concatenate(sums)
        point(table, self.aggregates.collections, finished)
        columns = self.aggregates.report(table, 1, state.texts, finished)
        if state.texts.known >= state.collect_at:
            state.collect_at = forget_texts(state.texts, self._held_texts(state))
        no = np.zeros(len(record), np.bool_)
        times = rows.times[record]
        return WindowResults(
            rows.keys, rows.slots[record], np.concatenate(starts), times + 1, times, rows.offsets[record],
            no, no, columns, columns, record + 1, rows.watermark, record,
        )  # fmt: skip

    def _held_texts(self, state: CountWindowState) -> set[int]:
        rings = state.rings
        written = np.arange(self.size) < rings.held[:, None]
        held: set[int] = set()
        for k, expression in enumerate(self.aggregates.inputs):
            if expression.kind == "string":
                codes = rings.values[:, :, k][written]
                held.update(codes[~np.isnan(codes)].astype(np.int64).tolist())
        for d, expression in enumerate(self.aggregates.coded):
            if expression.kind == "string":
                held.update(rings.codes[:, :, d][written].tolist())
        return held

    def empty(self, count: int) -> Mapping[str, Column]:
        """Counts and sums 0, all else missing."""
        return self.aggregates.empty(count, 1, KeySlots())

    def last_end(self, state: State) -> int:
        """Count windows have no end in time."""
        return NEVER

    def filling(self, state: State) -> int:
        """Keys whose ring holds something."""
        assert isinstance(state, CountWindowState)
        return int((state.rings.held > 0).sum())

    def renumber(self, state: State, places: SlotArray) -> None:
        """Nothing is kept by partition."""

    def drop(self, state: State, slots: SlotArray) -> None:
        """Empty the rings of forgotten keys."""
        assert isinstance(state, CountWindowState)
        held = slots[slots < len(state.rings.held)]
        state.rings.held[held] = 0
        state.rings.since[held] = 0
        for codes in state.codes.values():
            codes.drop(slots)
        for slot in slots.tolist():
            state.last.held.take((slot, 0, 0))
