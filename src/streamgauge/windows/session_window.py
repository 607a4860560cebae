"""Sessions: records of a key that follow each other within a gap, for as long as they do.

A session contains ``start <= time <= end``: its first and its last event time. It is over when event time has
passed ``end + gap``; a record just then still belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import NEVER, BoolArray, Column, FloatArray, IntArray, SlotArray
from streamgauge.errors import ConfigError
from streamgauge.kernels import session_pool, time_windows
from streamgauge.kernels import session_windows as kernels
from streamgauge.kernels.aggregate import DISTINCT
from streamgauge.keys import KeySlots
from streamgauge.state import State
from streamgauge.windows.aggregates import Aggregates
from streamgauge.windows.contract import LateRows, Rows, Watch, WindowResults
from streamgauge.windows.session_state import SessionWindowState, roomier
from streamgauge.windows.time_window import EVENTS, forget_texts, limit_table, no_results


class SessionWindow:
    """Cuts each key's records where nothing comes for longer than ``gap`` microseconds.

    Use it through ``window: {type: session, gap: …}`` for what has a beginning and an end of its own: visits, bursts,
    runs of a job. A record joins every session of its key within ``gap`` of it, which makes them one.

    Args:
        aggregates: what is computed per key and session.
        gap: microseconds.
        watches: limits at which a session reports early.
        several: whether sessions span several partitions.
        changes: whether it reports at each record that counted, with what became of merged sessions.

    Raises:
        ConfigError: for ``rate`` (a session has no length before it is over, and may have none then), and for
            aggregates that hold lists, maps or sketches.
    """

    def __init__(
        self,
        aggregates: Aggregates,
        gap: int,
        watches: Sequence[Watch],
        *,
        several: bool,
        changes: bool = False,
    ) -> None:
        if any(part.function == "rate" for part in aggregates.compute.values()):
            raise ConfigError(
                "rate cannot be computed of sessions: one of a single record has no length; compute count(*), or "
                "use a tumbling or hopping window"
            )
        self.aggregates = aggregates
        self.gap = gap
        self.several = several
        self.changes = changes
        self._watched, self._limits = limit_table(aggregates, watches)
        self._events = _new_events(aggregates.width, EVENTS)
        self._scratch = np.empty((3, max(1, aggregates.width)))
        self._nothing = self.empty(0)

    @property
    def reach(self) -> int:
        """A session is open until time has passed its last record by more than ``gap``."""
        return self.gap + 1

    @property
    def hop(self) -> int:
        """Sessions lie on no grid, and there are none without records."""
        return 0

    def initial(self) -> SessionWindowState:
        """No open session."""
        return SessionWindowState(self.aggregates, self.gap)

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Count ``rows`` in; report early crossings, changes and sessions that are over, as they were decided."""
        assert isinstance(state, SessionWindowState)
        first_seen = int(state.pool.counts[time_windows.SEEN])
        state.fragments.finished = []
        changes, late = self._count_in(state, rows) if len(rows) else ([], None)
        return self._report(state, rows, changes, self._close(state, rows, first_seen), late)

    def empty(self, count: int) -> Mapping[str, Column]:
        """Counts and sums 0, all else missing."""
        return self.aggregates.empty(count, 1, KeySlots())

    def last_end(self, state: State) -> int:
        """When the last open session will be over."""
        assert isinstance(state, SessionWindowState)
        used = int(state.pool.counts[time_windows.USED])
        ends = state.pool.end[:used][state.pool.slot[:used] >= 0]
        return int(ends.max()) + self.reach if len(ends) else NEVER

    def filling(self, state: State) -> int:
        """Open sessions over all keys and parts."""
        assert isinstance(state, SessionWindowState)
        return int(state.pool.counts[time_windows.USED] - state.pool.counts[time_windows.FREE])

    def renumber(self, state: State, places: SlotArray) -> None:
        """Parts are merged in the order of their new numbers."""
        assert isinstance(state, SessionWindowState)
        used = int(state.pool.counts[time_windows.USED])
        if self.several and used:
            part, live = state.pool.part[:used], state.pool.slot[:used] >= 0
            part[live] = places[part[live]]
            state.fragments.renumber(places)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing to do: keys are forgotten long after their last session was over."""

    def _count_in(self, state: SessionWindowState, rows: Rows) -> tuple[list[_Told], LateRows]:
        seen = int(state.pool.counts[time_windows.SEEN])
        inputs = self.aggregates.numbers(rows.columns, len(rows), state.texts)
        codes = self.aggregates.codes(rows.columns, len(rows), state.texts)
        state.pool = roomier(state.pool, slots=len(rows.keys))
        parts = rows.parts if self.several else np.zeros(len(rows), np.int32)
        told: list[_Told] = []
        late_rows, late_starts = [], []
        self._events.counts[:] = 0
        at = 0
        while at < len(rows):
            events = self._events
            at = kernels.count_in(
                at, rows.slots, rows.times, rows.offsets, parts, rows.before, inputs, codes,
                state.pool, events, self.aggregates.ops, self._watched, self._limits,
                self.gap, self.several, self.changes, self._scratch,
            )  # fmt: skip
            found, late = int(events.counts[0]), int(events.counts[1])
            if found:
                told.append(_events_told(events, found, rows))
            late_rows.append(events.late_record[:late].copy())
            late_starts.append(events.late_start[:late].copy())
            events.counts[:] = 0
            if at < len(rows):
                self._make_room(state, codes.shape[0])
        too_late = np.concatenate(late_rows)
        if any(each.beyond is None for each in self.aggregates.collections):
            if self.changes:
                state.fragments.follow(rows, parts, too_late, seen, told, several=self.several)
            else:
                state.fragments.take_in(rows, parts, too_late, seen)
        return told, LateRows(too_late, np.concatenate(late_starts))

    def _make_room(self, state: SessionWindowState, distincts: int) -> None:
        """For one more record at least, whatever it was that was full."""
        counts = state.pool.counts
        needed = int(counts[session_pool.NEEDED])
        if needed > len(self._events.record):
            self._events = _new_events(self.aggregates.width, 2 * needed)
        full = counts[time_windows.USED] >= len(state.pool.slot) and not counts[time_windows.FREE]
        have = len(state.pool.set_row)
        entries = have - counts[time_windows.ENTRIES] + counts[time_windows.FREE_ENTRIES]
        state.pool = roomier(
            state.pool,
            rows=len(state.pool.slot) + 1 if full else 0,
            entries=have + distincts if entries < distincts else 0,
        )

    def _close(self, state: SessionWindowState, rows: Rows, first_seen: int) -> _Told | None:
        pool = state.pool
        if pool.counts[session_pool.EARLIEST] + self.gap >= rows.watermark:
            return None
        used = int(pool.counts[time_windows.USED])
        found, groups = np.empty(used, np.int64), np.empty(used, np.int64)
        count = kernels.due(pool, rows.watermark, self.gap, self.several, found, groups)
        over = _over(self.aggregates, pool, found[:count], groups[:count], first_seen)
        if state.fragments.used:
            found = found[:count]
            places = pool.slot[found], pool.part[found], pool.start[found], pool.end[found]
            _, numbers = np.unique(groups[:count], return_inverse=True)
            state.fragments.close(places, numbers, over.now)
        kernels.release(pool, found[:count])
        pool.counts[session_pool.EARLIEST] = pool.end[:used][pool.slot[:used] >= 0].min(
            initial=np.iinfo(np.int64).max // 2
        )
        if state.texts.known >= state.collect_at:
            state.collect_at = forget_texts(state.texts, self._held_texts(state))
        return over if count else None

    def _held_texts(self, state: SessionWindowState) -> set[int]:
        pool = state.pool
        used = pool.slot[: int(pool.counts[time_windows.USED])] >= 0
        held = self.aggregates.texts_in(pool.sums[: len(used)][used])
        if (self.aggregates.ops[:, 0] == DISTINCT).any():
            entries = pool.set_row[: int(pool.counts[time_windows.ENTRIES])] >= 0
            held.update(pool.set_code[: len(entries)][entries].tolist())
        return held

    def _report(
        self,
        state: SessionWindowState,
        rows: Rows,
        changes: list[_Told],
        over: _Told | None,
        late: LateRows | None,
    ) -> WindowResults:
        parts = [*changes, *([] if over is None else [over])]
        if not parts:
            return no_results(rows, self._nothing, late)
        told = _joined(parts)
        closing = told.ends + self.gap
        position = np.where(told.early, told.records + 1, rows.decided(closing + 1))
        order = np.lexsort((told.slots, told.starts, told.ends, ~told.retracted, ~told.early, position))
        told, closing, position = told.take(order), closing[order], position[order]
        at = np.where(told.early, rows.times[told.records], closing) if len(rows) else closing
        columns = self.aggregates.report(told.now, 1, state.texts, state.fragments.finished)
        early = bool(told.early.any())
        return WindowResults(
            rows.keys, told.slots, told.starts, told.ends, at, told.offsets, told.early,
            told.starts <= rows.partial_until, columns,
            self.aggregates.report(told.before, 1, state.texts, state.fragments.finished) if early else columns,
            position, rows.watermark, told.records, late=late, retracted=told.retracted if early else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """Rows of results before they are in order; see :class:`WindowResults`."""

    slots: SlotArray
    starts: IntArray
    ends: IntArray
    offsets: IntArray
    records: IntArray
    early: BoolArray
    retracted: BoolArray
    now: FloatArray
    before: FloatArray

    def take(self, order: IntArray) -> _Told:
        """The rows at ``order``."""
        return _Told(*(getattr(self, name)[order] for name in self.__slots__))


def _joined(parts: Sequence[_Told]) -> _Told:
    return _Told(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Told.__slots__))


def _events_told(events: session_pool.SessionEvents, found: int, rows: Rows) -> _Told:
    """Changes copied out of the loop's buffers."""
    record = events.record[:found].copy()
    return _Told(
        rows.slots[record], events.start[:found].copy(), events.end[:found].copy(), rows.offsets[record], record,
        np.ones(found, np.bool_), events.retracted[:found].copy(), events.now[:found].copy(),
        events.before[:found].copy(),
    )  # fmt: skip


def _over(
    aggregates: Aggregates, pool: session_pool.SessionPool, rows: IntArray, groups: IntArray, first_seen: int
) -> _Told:
    """Sessions that are over, merged over their parts, read before their rows are freed."""
    order = np.lexsort((rows, pool.end[rows], pool.start[rows], pool.part[rows], groups))
    rows, groups = rows[order], groups[order]
    names, groups = np.unique(groups, return_inverse=True)
    count = len(names)
    starts, ends = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(starts, groups, pool.start[rows])
    np.maximum.at(ends, groups, pool.end[rows])
    slots = np.zeros(count, np.int32)
    slots[groups] = pool.slot[rows]
    last, offsets = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    np.maximum.at(last, groups, pool.seen[rows])
    newest = pool.seen[rows] == last[groups]
    offsets[groups[newest]] = pool.offset[rows][newest]
    sums = np.empty((count, aggregates.width))
    kernels.merge_rows(pool.sums, rows, groups, aggregates.ops, sums)
    no = np.zeros(count, np.bool_)
    records = np.where(last >= first_seen, last - first_seen, -1)
    return _Told(slots, starts, ends, offsets, records, no, no, sums, sums)


def _new_events(width: int, room: int) -> session_pool.SessionEvents:
    return session_pool.SessionEvents(
        np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_),
        np.empty((room, width)), np.empty((room, width)), np.empty(room, np.int64), np.empty(room, np.int64),
        np.zeros(2, np.int64),
    )  # fmt: skip
