"""Tumbling and hopping windows on event time; a tumbling window hops by its own size.

Windows are aligned to 1970-01-01T00:00Z and contain ``start <= time < start + size``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamgauge.batch import NEVER, Column, FloatArray, IntArray, SlotArray
from streamgauge.kernels import time_windows as kernels
from streamgauge.kernels.aggregate import DISTINCT
from streamgauge.keys import KeySlots
from streamgauge.state import State, Tables, grown
from streamgauge.windows.aggregates import Aggregates
from streamgauge.windows.collected import gathering
from streamgauge.windows.collected.following import Following
from streamgauge.windows.collected.held import Held, Objects
from streamgauge.windows.contract import LateRows, Rows, Watch, WindowResults

EVENTS = 1024
"""Room for that many early crossings and late records between two stops of the loop."""

COLLECT_AT = 100_000
"""From so many texts on, those that no open window holds any more are dropped."""


class TimeWindowState:
    """The open windows; see :class:`streamgauge.kernels.time_windows.Pool`."""

    version = 1

    def __init__(self, width: int, held: Held) -> None:
        self.pool = _new_pool(width)
        self.held = held
        self.finished: list[Objects] = []
        self.texts = KeySlots(limit=2**31)
        self.collect_at = COLLECT_AT

    def tables(self) -> Tables:
        """Rows, set entries, counters and the texts that codes stand for."""
        pool = self.pool
        rows, entries = int(pool.counts[kernels.USED]), int(pool.counts[kernels.ENTRIES])
        texts = self.texts.texts()
        return {
            **({"objects": self.held.table()} if self.held.used else {}),
            "rows": {
                "slot": pool.slot[:rows],
                "part": pool.part[:rows],
                "start": pool.start[:rows],
                "offset": pool.offset[:rows],
                "seen": pool.seen[:rows],
                **{f"sum{c}": pool.sums[:rows, c] for c in range(pool.sums.shape[1])},
            },
            "entries": {
                "row": pool.set_row[:entries],
                "op": pool.set_op[:entries],
                "code": pool.set_code[:entries],
            },
            "texts": {"text": texts},
            "read": {"records": pool.counts[kernels.SEEN : kernels.SEEN + 1]},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved rows and rebuild what follows from them."""
        rows, entries = tables["rows"], tables["entries"]
        used, sets = len(rows["slot"]), len(entries["row"])
        texts = list(tables["texts"]["text"])
        self.texts.restore(texts, np.zeros(len(texts), np.int64))
        head = int(max(rows["slot"].max(initial=-1) + 1, 0))
        pool = _roomier(self.pool, rows=used, slots=head, entries=sets)
        pool.slot[:used], pool.part[:used], pool.start[:used] = rows["slot"], rows["part"], rows["start"]
        pool.offset[:used], pool.seen[:used] = rows["offset"], rows["seen"]
        pool.counts[kernels.SEEN] = tables["read"]["records"][0]
        for c in range(pool.sums.shape[1]):
            pool.sums[:used, c] = rows[f"sum{c}"]
        pool.set_row[:sets], pool.set_op[:sets], pool.set_code[:sets] = (
            entries["row"],
            entries["op"],
            entries["code"],
        )
        pool.counts[kernels.USED], pool.counts[kernels.ENTRIES] = used, sets
        self.pool = _relinked(pool)
        if "objects" in tables:
            self.held.restore(tables["objects"])


class TimeWindow:
    """Cuts a stream into windows of ``size`` that start every ``advance`` microseconds.

    Use it through ``window: {type: tumbling}`` and ``{type: hopping}``.

    Args:
        aggregates: what is computed per key and window.
        size, advance: microseconds, ``0 < advance <= size``.
        watches: limits at which a window reports early.
        several: whether windows are merged over several partitions.
        changes: whether it reports at each record that counted, not only where a limit is crossed.
    """

    def __init__(
        self,
        aggregates: Aggregates,
        size: int,
        advance: int,
        watches: Sequence[Watch],
        *,
        several: bool,
        changes: bool = False,
    ) -> None:
        self.aggregates = aggregates
        self.size = size
        self.advance = advance
        self.several = several
        self.changes = changes
        self._watched, self._limits = limit_table(aggregates, exactly(aggregates, watches))
        self._events = _new_events(aggregates.width, self._overlap)
        self._scratch = np.empty((3, max(1, aggregates.width)))
        self._nothing = aggregates.empty(0, size, KeySlots())

    @property
    def reach(self) -> int:
        """A window is open for its size."""
        return self.size

    @property
    def hop(self) -> int:
        """A window ends every ``advance``."""
        return self.advance

    def initial(self) -> TimeWindowState:
        """No open window."""
        return TimeWindowState(self.aggregates.width, self.aggregates.held())

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Count ``rows`` in; report early crossings and closed windows in the order they were decided."""
        return self.step_with_sums(state, rows)[0]

    def step_with_sums(self, state: State, rows: Rows) -> tuple[WindowResults, FloatArray]:
        """As :meth:`step`, with the accumulators (float64[n, C]) behind each result."""
        assert isinstance(state, TimeWindowState)
        first_seen = int(state.pool.counts[kernels.SEEN])
        state.finished = []
        crossings, late = self._count_in(state, rows) if len(rows) else ([], None)
        closed = self._close(state, rows, first_seen)
        return self._report(state, rows, crossings, closed, late)

    def empty(self, count: int) -> Mapping[str, Column]:
        """Counts and sums 0, all else missing."""
        return self.aggregates.empty(count, self.size, KeySlots())

    def last_end(self, state: State) -> int:
        """The latest end of an open window."""
        assert isinstance(state, TimeWindowState)
        used = int(state.pool.counts[kernels.USED])
        starts = state.pool.start[:used][state.pool.slot[:used] >= 0]
        return int(starts.max()) + self.size if len(starts) else NEVER

    def filling(self, state: State) -> int:
        """Open windows over all keys and parts."""
        assert isinstance(state, TimeWindowState)
        return int(state.pool.counts[kernels.USED] - state.pool.counts[kernels.FREE])

    def renumber(self, state: State, places: SlotArray) -> None:
        """Parts are merged in the order of their new numbers."""
        assert isinstance(state, TimeWindowState)
        used = int(state.pool.counts[kernels.USED])
        if self.several and used:
            part = state.pool.part[:used]
            live = state.pool.slot[:used] >= 0
            part[live] = places[part[live]]
            state.pool = _relinked(state.pool)
            state.held.renumber(places)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing to do: keys are forgotten long after their last window closed."""

    def _count_in(self, state: TimeWindowState, rows: Rows) -> tuple[list[_Crossings], LateRows]:
        inputs = self.aggregates.numbers(rows.columns, len(rows), state.texts)
        codes = self.aggregates.codes(rows.columns, len(rows), state.texts)
        slots = len(rows.keys)
        state.pool = _roomier(state.pool, slots=slots)
        events = self._events
        events.counts[:] = 0
        crossings: list[_Crossings] = []
        late_rows, late_starts = [], []
        parts = rows.parts if self.several else np.zeros(len(rows), np.int32)
        at = 0
        while at < len(rows):
            at = kernels.count_in(
                at, rows.slots, rows.times, rows.offsets, parts, rows.before, inputs, codes,
                state.pool, events, self.aggregates.ops, self._watched, self._limits,
                self.size, self.advance, self.several, self.changes, self._scratch,
            )  # fmt: skip
            found, late = int(events.counts[0]), int(events.counts[1])
            if found:
                crossings.append(_Crossings(events, found, rows))
            late_rows.append(events.late_record[:late].copy())
            late_starts.append(events.late_start[:late].copy())
            events.counts[:] = 0
            if at < len(rows):
                state.pool = self._room_for_more(state.pool, codes.shape[0])
        if self.aggregates.collections:
            self._gather(state, rows, parts, codes, crossings)
        return crossings, LateRows(np.concatenate(late_rows), np.concatenate(late_starts))

    def _gather(
        self,
        state: TimeWindowState,
        rows: Rows,
        parts: SlotArray,
        codes: IntArray,
        crossings: Sequence[_Crossings],
    ) -> None:
        """Bring the records to the lists, maps and sketches of their windows."""
        collections, held = self.aggregates.collections, state.held
        partitions = len(rows.partitions) if self.several else 1
        gathering.spill(held, collections, state.pool, state.texts, partitions)
        plain = gathering.plain_values(collections, rows)
        if plain and self.changes:
            following = Following(held, collections, plain, partitions)
            for c in crossings:
                following.take_in(c.records, (c.slots, parts[c.records], c.starts), c.now, c.before)
            state.finished, plain = following.finished, {}
        if held.used or plain:
            groups = gathering.windows_of(rows, parts, self.size, self.advance)
            gathering.gather(held, collections, groups, plain, codes, state.texts)

    @property
    def _overlap(self) -> int:
        return -(-self.size // self.advance)

    def _room_for_more(self, pool: kernels.Pool, distincts: int) -> kernels.Pool:
        counts = pool.counts
        rows = len(pool.slot) - counts[kernels.USED] + counts[kernels.FREE]
        entries = len(pool.set_row) - counts[kernels.ENTRIES] + counts[kernels.FREE_ENTRIES]
        overlap = self._overlap
        return _roomier(
            pool,
            rows=len(pool.slot) + overlap if rows < overlap else 0,
            entries=len(pool.set_row) + overlap * distincts if entries < overlap * distincts else 0,
        )

    def _close(self, state: TimeWindowState, rows: Rows, first_seen: int) -> _Closed | None:
        pool = state.pool
        if pool.counts[kernels.OLDEST] + self.size > rows.watermark:
            return None
        used = int(pool.counts[kernels.USED])
        live = pool.slot[:used] >= 0
        due = np.nonzero(live & (pool.start[:used] <= rows.watermark - self.size))[0]
        staying = pool.start[:used][live & (pool.start[:used] > rows.watermark - self.size)]
        pool.counts[kernels.OLDEST] = staying.min(initial=np.iinfo(np.int64).max // 2)
        order = due[np.lexsort((pool.part[due], pool.slot[due], pool.start[due]))]
        closed = _Closed(self.aggregates, pool, order, first_seen)
        if self.aggregates.collections and len(state.held):
            places = pool.slot[order], pool.part[order], pool.start[order]
            first = len(state.finished)
            state.finished += gathering.finish(state.held, self.aggregates.collections, places)
            gathering.point(closed.sums, self.aggregates.collections, state.finished, first)
        kernels.release(pool, order)
        self._forget_texts(state)
        return closed

    def _forget_texts(self, state: TimeWindowState) -> None:
        """Drop texts that no open window holds any more, once there are many."""
        if state.texts.known >= state.collect_at:
            state.collect_at = forget_texts(state.texts, self.held_texts(state))

    def held_texts(self, state: TimeWindowState) -> set[int]:
        """The codes of texts that open windows hold."""
        pool = state.pool
        used = pool.slot[: int(pool.counts[kernels.USED])] >= 0
        held = self.aggregates.texts_in(pool.sums[: len(used)][used])
        if (self.aggregates.ops[:, 0] == DISTINCT).any():
            entries = pool.set_row[: int(pool.counts[kernels.ENTRIES])] >= 0
            held.update(pool.set_code[: len(entries)][entries].tolist())
        return held

    def _report(
        self,
        state: TimeWindowState,
        rows: Rows,
        crossings: list[_Crossings],
        closed: _Closed | None,
        late: LateRows | None,
    ) -> tuple[WindowResults, FloatArray]:
        texts = state.texts
        parts = [
            (
                c.slots,
                c.starts,
                c.offsets,
                c.records,
                c.now,
                c.before,
                c.records + 1,
                np.ones(len(c.slots), np.bool_),
            )
            for c in crossings
        ]
        if closed is not None and len(closed.slots):
            decided = rows.decided(closed.starts + self.size)
            early = np.zeros(len(closed.slots), np.bool_)
            own = (closed.slots, closed.starts, closed.offsets, closed.records, closed.sums, closed.sums)
            parts.append((*own, decided, early))
        if not parts:
            return no_results(rows, self._nothing, late), np.empty((0, 0))
        slot, start, offset, record, now, before, position, is_early = (
            np.concatenate(c) for c in zip(*parts, strict=True)
        )
        order = np.lexsort((slot, start, ~is_early, position))
        record, is_early, start, sums, previous = (
            record[order],
            is_early[order],
            start[order],
            now[order],
            before[order],
        )
        columns = self.aggregates.report(sums, self.size, texts, state.finished)
        results = WindowResults(
            rows.keys, slot[order], start, start + self.size,
            np.where(is_early, rows.times[record], start + self.size) if len(rows) else start + self.size,
            offset[order], is_early, start <= rows.partial_until, columns,
            self.aggregates.report(previous, self.size, texts, state.finished) if is_early.any() else columns,
            position[order], rows.watermark, record, late=late,
        )  # fmt: skip
        return results, sums


class _Crossings:
    """Early crossings copied out of the loop's buffers."""

    def __init__(self, events: kernels.Events, found: int, rows: Rows) -> None:
        self.records = events.record[:found].copy()
        self.starts = events.start[:found].copy()
        self.now = events.now[:found].copy()
        self.before = events.before[:found].copy()
        self.slots: SlotArray = rows.slots[self.records]
        self.offsets: IntArray = rows.offsets[self.records]


class _Closed:
    """Windows that closed, merged over their parts, read before their rows are freed."""

    def __init__(self, aggregates: Aggregates, pool: kernels.Pool, order: IntArray, first_seen: int) -> None:
        slots, starts = pool.slot[order], pool.start[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (slots[1:] != slots[:-1]) | (starts[1:] != starts[:-1])
        groups = np.cumsum(fresh) - 1
        self.slots: SlotArray = slots[fresh]
        self.starts: IntArray = starts[fresh]
        self.sums: FloatArray = np.empty((len(self.slots), aggregates.width))
        kernels.merge_parts(pool, order, groups, aggregates.ops, self.sums)
        last = np.full(len(self.slots), -1, np.int64)
        np.maximum.at(last, groups, pool.seen[order])
        newest = pool.seen[order] == last[groups]
        self.offsets = np.full(len(self.slots), -1, np.int64)
        self.offsets[groups[newest]] = pool.offset[order][newest]
        self.records: IntArray = np.where(last >= first_seen, last - first_seen, -1)


def forget_texts(texts: KeySlots, held: set[int]) -> int:
    """Drop all texts but those ``held``; how many there may be before the next look."""
    texts.forget([slot for slot in texts.live().tolist() if slot not in held])
    return max(COLLECT_AT, 2 * texts.known)


def no_results(rows: Rows, columns: Mapping[str, Column], late: LateRows | None = None) -> WindowResults:
    """Nothing to report, but time has gone on to ``rows.watermark``."""
    none, nothing = np.empty(0, np.int64), np.empty(0, np.bool_)
    return WindowResults(
        rows.keys, np.empty(0, np.int32), none, none, none, none, nothing, nothing, columns, columns,
        none, rows.watermark, none, late=late,
    )  # fmt: skip


def exactly(aggregates: Aggregates, watches: Sequence[Watch]) -> list[Watch]:
    """The watches whose limit an exact count can reach: beyond the bound of ``distinct`` only the estimate judges."""
    return [
        watch
        for watch in watches
        if aggregates.compute[watch.column].function != "distinct" or watch.limit < kernels.DISTINCT_LIMIT
    ]


def limit_table(aggregates: Aggregates, watches: Sequence[Watch]) -> tuple[IntArray, FloatArray]:
    """The watched columns with how many limits each has, int64[W, 2], and these, float64[W, L] ascending."""
    columns = sorted({aggregates.accumulator_of(watch.column) for watch in watches})
    limits = [
        sorted({watch.limit for watch in watches if aggregates.accumulator_of(watch.column) == column})
        for column in columns
    ]
    table = np.full((len(columns), max(map(len, limits), default=1)), np.inf)
    for row, values in zip(table, limits, strict=True):
        row[: len(values)] = values
    used = [(column, len(values)) for column, values in zip(columns, limits, strict=True)]
    return np.array(used, np.int64).reshape(-1, 2), table


def _new_pool(width: int) -> kernels.Pool:
    counts = np.zeros(7, np.int64)
    counts[kernels.OLDEST] = np.iinfo(np.int64).max // 2
    counts[kernels.FREE_ENTRY] = -1
    small, large = (np.full(64, -1, np.int32) for _ in range(2)), np.zeros(64, np.int64)
    slot, part = small
    return kernels.Pool(
        slot, part, large.copy(), np.zeros((64, width)), large.copy(), large - 1, slot.copy(), slot.copy(),
        slot.copy(), slot.copy(), slot.copy(), slot.copy(), large.copy(), slot.copy(), slot.copy(),
        np.full(64, -1, np.int32), counts,
    )  # fmt: skip


def _new_events(width: int, overlap: int) -> kernels.Events:
    room = EVENTS + overlap
    return kernels.Events(
        np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int64),
        np.empty((room, width)), np.empty((room, width)), np.empty(room, np.int64), np.empty(room, np.int64),
        np.zeros(2, np.int64),
    )  # fmt: skip


def _roomier(pool: kernels.Pool, *, rows: int = 0, slots: int = 0, entries: int = 0) -> kernels.Pool:
    """``pool`` with room for that many rows, slots and set entries."""
    if rows > len(pool.slot):
        pool = pool._replace(
            **{
                name: grown(getattr(pool, name), rows, -1)
                for name in ("slot", "part", "start", "sums", "offset", "seen", "next", "entry", "free")
            }
        )
    if slots > len(pool.head):
        pool = pool._replace(head=grown(pool.head, slots, -1))
    if entries > len(pool.set_row):
        names = ("set_row", "set_op", "set_code", "set_next", "set_row_next")
        pool = pool._replace(**{name: grown(getattr(pool, name), entries, -1) for name in names})
        pool = _relinked(pool._replace(buckets=np.full(len(pool.set_row), -1, np.int32)))
    return pool


def _relinked(pool: kernels.Pool) -> kernels.Pool:
    """``pool`` with its chains, buckets and free lists made anew from its rows."""
    used = int(pool.counts[kernels.USED])
    size = 1 << max(6, (len(pool.set_row) - 1).bit_length())
    pool = pool._replace(buckets=np.full(size, -1, np.int32))
    pool.head[:], pool.entry[:] = -1, -1
    free = np.nonzero(pool.slot[:used] < 0)[0]
    pool.free[: len(free)] = free
    pool.counts[kernels.FREE] = len(free)
    pool.counts[kernels.FREE_ENTRY], pool.counts[kernels.FREE_ENTRIES] = -1, 0
    live = np.nonzero(pool.slot[:used] >= 0)[0]
    pool.counts[kernels.OLDEST] = pool.start[live].min(initial=np.iinfo(np.int64).max // 2)
    kernels.relink(pool, live[np.lexsort((pool.part[live], -pool.start[live], pool.slot[live]))])
    return pool
