"""Session windows: the loop that every record passes.

Open sessions are rows of a pool, one per key and partition, with an accumulator row. Each slot chains its rows,
the latest end first, so that a record in order finds its session at once. A record joins all rows of its own
partition whose session is open and lies within ``gap`` of it; they become one row.

**Sessions over several partitions.** A row reaches from ``link`` to ``end + gap``; rows whose reaches overlap are
one session, wherever their records lie. ``link`` is the earliest moment at which the row's records could meet others:
a record's own time, or, where that lies behind, how far its partition's clock had come, since what ended ``gap``
before that is over. So which rows belong together never depends on the order in which partitions are read.

The loop stops (and says where) when a buffer has no room for one more record; the caller makes room and goes on.
Nothing is half done then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.aggregate import DISTINCT, FIRST, LAST, add, merge, reset
from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.session_sets import (
    chain_entry,
    count_value,
    move_values,
    release_values,
    without_doubles,
)
from streamgauge.kernels.time_windows import (
    BEFORE,
    ENTRIES,
    FREE,
    FREE_ENTRIES,
    FREE_ENTRY,
    NOW,
    SEEN,
    USED,
    copy_row,
    free_row,
    has_crossed,
    link,
)

EARLIEST, NEEDED = 3, 7
"""Where ``SessionPool.counts`` keeps: no open row ends before this; the room in events that a record asks for."""

OUTSIDE, JOINS = -1, 0
"""Marks of a row: has nothing to do with the record; will be in its session. Above: of which session it was."""


class SessionPool(NamedTuple):
    """The open sessions. R rows, S slots, C accumulator columns, E set entries, B buckets (a power of 2)."""

    slot: NDArray[np.int32]  # [R], -1 = free
    part: NDArray[np.int32]  # [R]
    start: NDArray[np.int64]  # [R], first event time
    end: NDArray[np.int64]  # [R], last event time
    link: NDArray[np.int64]  # [R], from when on it meets others
    sums: NDArray[np.float64]  # [R, C]
    order: NDArray[np.int64]  # [R, C], which record gave a first or last value; [R, 0] where there are none
    offset: NDArray[np.int64]  # [R], of the last record
    seen: NDArray[np.int64]  # [R], running number of the last record
    next: NDArray[np.int32]  # [R], the slot's row that ends before
    entry: NDArray[np.int32]  # [R], first set entry of the row
    mark: NDArray[np.int32]  # [R], see OUTSIDE, JOINS
    free: NDArray[np.int32]  # [R], stack of free rows
    head: NDArray[np.int32]  # [S], the slot's row that ends last
    set_row: NDArray[np.int32]  # [E], -1 = free
    set_op: NDArray[np.int32]  # [E]
    set_code: NDArray[np.int64]  # [E]
    set_next: NDArray[np.int32]  # [E], next in the bucket
    set_row_next: NDArray[np.int32]  # [E], next of the row; chains free entries too
    buckets: NDArray[np.int32]  # [B]
    counts: NDArray[np.int64]  # see USED … and EARLIEST, NEEDED


class SessionEvents(NamedTuple):
    """What the loop reports: changes of sessions, and records that came too late."""

    record: NDArray[np.int64]  # [X], index into the batch
    start: NDArray[np.int64]  # [X]
    end: NDArray[np.int64]  # [X]
    retracted: NDArray[np.bool_]  # [X], the session is no more: the next event says what became of it
    now: NDArray[np.float64]  # [X, C], merged accumulators after the record
    before: NDArray[np.float64]  # [X, C], and before it
    late_record: NDArray[np.int64]  # [L]
    late_start: NDArray[np.int64]  # [L]
    counts: NDArray[np.int64]  # [2]: how many changes, how many late


@inner
def place_by_end(
    head: NDArray[Any], next_of: NDArray[Any], end_of: NDArray[Any], slot: int, r: int, end: int
) -> None:
    """Put row ``r`` into its slot's chain, before all that end sooner."""
    before, after = -1, head[slot]
    while after >= 0 and end_of[after] > end:
        before, after = after, next_of[after]
    link(head, next_of, slot, before, r, after)


@inner
def unchain(head: NDArray[Any], next_of: NDArray[Any], slot: int, r: int) -> None:
    """Take row ``r`` out of its slot's chain."""
    before, x = -1, head[slot]
    while x != r:
        before, x = x, next_of[x]
    if before < 0:
        head[slot] = next_of[r]
    else:
        next_of[before] = next_of[r]


@inner
def own_session(pool: SessionPool, slot: int, part: int, t: int, late: int, gap: int, after: int) -> int:
    """The row that a record joins, the earliest start first: the next one behind row ``after`` (-1: the first).

    It is open by its own partition's clock and lies within ``gap`` of ``t``. -1 where there is none.
    """
    found, r = -1, pool.head[slot]
    while r >= 0 and pool.end[r] >= t - gap:
        if pool.part[r] == part and pool.start[r] <= t + gap and pool.end[r] + gap >= late:
            later = (
                after < 0
                or pool.start[r] > pool.start[after]
                or (pool.start[r] == pool.start[after] and r > after)
            )
            if later and (found < 0 or (pool.start[r], r) < (pool.start[found], found)):
                found = r
        r = pool.next[r]
    return int(found)


@inner
def mark_reached(pool: SessionPool, slot: int, low: int, high: int, gap: int, was: int, mark: int) -> None:
    """Mark all rows marked ``was`` that the stretch from ``low`` to ``high`` reaches, and what these reach."""
    growing = True
    while growing:
        growing = False
        r = pool.head[slot]
        while r >= 0 and pool.end[r] + gap >= low:
            if pool.mark[r] == was and pool.link[r] <= high:
                pool.mark[r] = mark
                if pool.link[r] < low or pool.end[r] + gap > high:
                    low, high = min(low, pool.link[r]), max(high, pool.end[r] + gap)
                    growing = True
            r = pool.next[r]


@inner
def mark_concerned(
    pool: SessionPool, slot: int, part: int, t: int, late: int, gap: int, several: bool
) -> int:
    """Mark the rows of the session that a record will be in, by the sessions they are in now; how many of these."""
    r = pool.head[slot]
    while r >= 0:
        pool.mark[r] = OUTSIDE
        r = pool.next[r]
    low, high = max(t, late), t + gap
    r = own_session(pool, slot, part, t, late, gap, -1)
    while r >= 0:
        pool.mark[r] = JOINS
        low, high = min(low, pool.link[r]), max(high, pool.end[r] + gap)
        r = own_session(pool, slot, part, t, late, gap, r)
    if several:
        mark_reached(pool, slot, low, high, gap, OUTSIDE, JOINS)
    sessions = 0
    r = pool.head[slot]
    while r >= 0:
        if pool.mark[r] == JOINS:
            sessions += 1
            pool.mark[r] = sessions
            if several:
                mark_reached(pool, slot, pool.link[r], pool.end[r] + gap, gap, JOINS, sessions)
        r = pool.next[r]
    return sessions


@inner
def bounds(pool: SessionPool, slot: int, first: int, last: int) -> tuple[int, int]:
    """Start and end over the rows marked ``first`` to ``last``; there is at least one."""
    start, end = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    r = pool.head[slot]
    while r >= 0:
        if first <= pool.mark[r] <= last:
            start, end = min(start, pool.start[r]), max(end, pool.end[r])
        r = pool.next[r]
    return start, end


@inner
def merged_marked(
    out: NDArray[Any], g: int, pool: SessionPool, slot: int, first: int, last: int, ops: NDArray[Any]
) -> None:
    """Accumulators over the rows marked ``first`` to ``last``, by partition and start, into row ``g`` of ``out``."""
    reset(out, g, ops)
    done = -1
    while True:
        best, r = -1, pool.head[slot]
        while r >= 0:
            if first <= pool.mark[r] <= last:
                place = (pool.part[r], pool.start[r], pool.end[r], r)
                later = done < 0 or place > (pool.part[done], pool.start[done], pool.end[done], done)
                if later and (best < 0 or place < (pool.part[best], pool.start[best], pool.end[best], best)):
                    best = r
            r = pool.next[r]
        if best < 0:
            return
        merge(out, g, pool.sums, best, ops)
        done = best


@inner
def earliest_session(pool: SessionPool, slot: int, sessions: int) -> int:
    """The mark of the one that began first: it is what goes on when sessions merge."""
    best, start, end = 0, 0, 0
    for session in range(1, sessions + 1):
        its = bounds(pool, slot, session, session)
        if best == 0 or its < (start, end):
            best, (start, end) = session, its
    return best


@inner
def note_orders(pool: SessionPool, r: int, ops: NDArray[Any], inputs: NDArray[Any], i: int) -> None:
    """Remember which record gave row ``r`` its first and last values."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        fresh = op == LAST or (op == FIRST and pool.order[r, c] < 0)
        if fresh and not np.isnan(inputs[ops[a, 2], i]):
            pool.order[r, c] = pool.counts[SEEN]


@inner
def settle_orders(pool: SessionPool, into: int, r: int, ops: NDArray[Any]) -> None:
    """Give both rows the first and the last value of either, as their records came."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        if op in (FIRST, LAST):
            mine, other = pool.order[into, c], pool.order[r, c]
            if other >= 0 and (mine < 0 or (other < mine) == (op == FIRST)):
                pool.sums[into, c], pool.order[into, c] = pool.sums[r, c], other
            else:
                pool.sums[r, c] = pool.sums[into, c]


@inner
def absorb(pool: SessionPool, into: int, r: int, ops: NDArray[Any], coded: bool) -> None:
    """Merge row ``r`` into row ``into`` of the same partition and free it."""
    if pool.order.shape[1] > 0:
        settle_orders(pool, into, r, ops)
    merge(pool.sums, into, pool.sums, r, ops)
    if coded:
        move_values(pool, into, r, ops)
    slot = pool.slot[r]
    unchain(pool.head, pool.next, slot, r)
    unchain(pool.head, pool.next, slot, into)
    pool.end[into] = max(pool.end[into], pool.end[r])
    place_by_end(pool.head, pool.next, pool.end, slot, into, pool.end[into])
    pool.link[into] = min(pool.link[into], pool.link[r])
    pool.slot[r] = -1
    pool.free[pool.counts[FREE]] = r
    pool.counts[FREE] += 1


@inner
def joined_row(
    pool: SessionPool, slot: int, part: int, t: int, late: int, gap: int, ops: NDArray[Any], coded: bool
) -> int:
    """The one row that the record at ``t`` is counted in, with everything it joins; a new one where it joins none."""
    r = own_session(pool, slot, part, t, late, gap, -1)
    if r < 0:
        r = free_row(pool.counts, pool.free)
        pool.slot[r], pool.part[r], pool.start[r], pool.end[r] = slot, part, t, t
        pool.link[r], pool.entry[r], pool.mark[r] = max(t, late), -1, OUTSIDE
        reset(pool.sums, r, ops)
        for c in range(pool.order.shape[1]):
            pool.order[r, c] = -1
        place_by_end(pool.head, pool.next, pool.end, slot, r, t)
        pool.counts[EARLIEST] = min(pool.counts[EARLIEST], t)
        return int(r)
    other = own_session(pool, slot, part, t, late, gap, r)
    while other >= 0:
        absorb(pool, r, other, ops, coded)
        other = own_session(pool, slot, part, t, late, gap, r)
    pool.start[r], pool.link[r] = min(pool.start[r], t), min(pool.link[r], max(t, late))
    if t > pool.end[r]:
        if pool.head[slot] != r:
            unchain(pool.head, pool.next, slot, r)
            pool.end[r] = t
            place_by_end(pool.head, pool.next, pool.end, slot, r, t)
        pool.end[r] = t
    return int(r)


@inner
def note_change(
    events: SessionEvents,
    i: int,
    place: tuple[int, int],
    retracted: bool,
    now: NDArray[Any],
    n: int,
    before: NDArray[Any],
    b: int,
) -> None:
    """Record ``i`` changed a session: rows ``n`` of ``now`` and ``b`` of ``before`` are its accumulators."""
    at = events.counts[0]
    events.record[at], events.start[at], events.end[at] = i, place[0], place[1]
    events.retracted[at] = retracted
    copy_row(events.now, at, now, n)
    copy_row(events.before, at, before, b)
    events.counts[0] = at + 1


@inner
def note_retracted(
    pool: SessionPool,
    events: SessionEvents,
    i: int,
    slot: int,
    sessions: int,
    t: int,
    ops: NDArray[Any],
    scratch: NDArray[Any],
) -> None:
    """Sessions that the record at ``t`` will be in, and whose bounds will not stay: they are no more."""
    start, end = bounds(pool, slot, 1, sessions)
    whole = (min(start, t), max(end, t))
    for session in range(1, sessions + 1):
        its = bounds(pool, slot, session, session)
        if its != whole:
            merged_marked(scratch, NOW, pool, slot, session, session, ops)
            note_change(events, i, its, True, scratch, NOW, scratch, NOW)


@kernel
def count_in(
    first: int,
    slots: NDArray[Any],
    times: NDArray[Any],
    offsets: NDArray[Any],
    parts: NDArray[Any],
    late_before: NDArray[Any],
    inputs: NDArray[Any],
    codes: NDArray[Any],
    pool: SessionPool,
    events: SessionEvents,
    ops: NDArray[Any],
    watched: NDArray[Any],
    limits: NDArray[Any],
    gap: int,
    several: bool,
    changes: bool,
    scratch: NDArray[Any],
) -> int:
    """Count records ``first``… into their sessions; return the index at which it stopped (n = done).

    Args:
        first: index of the first record to count.
        slots, times, offsets, parts: int32[n], int64[n], int64[n], int32[n].
        late_before: int64[n]; a session that ended more than ``gap`` before it is closed for this record.
        inputs: float64[K, n], the aggregates' inputs.
        codes: int64[D, n], values for ``distinct`` as codes; the smallest int64 is missing.
        pool: the open sessions, changed in place.
        events: filled from its counts on.
        ops: int64[A, 3]; see :mod:`streamgauge.kernels.aggregate`.
        watched: int64[W, 2]: accumulator column and number of limits in use.
        limits: float64[W, L], ascending.
        gap: microseconds.
        several: whether sessions merge several parts.
        changes: whether every record that counts is an event, not only one that crosses a limit.
        scratch: float64[3, C].
    """
    n = slots.shape[0]
    coded = codes.shape[0] > 0
    telling = changes or watched.shape[0] > 0
    marking = telling or (several and coded)
    counts = pool.counts
    for i in range(first, n):
        slot = slots[i]
        if slot < 0:
            counts[SEEN] += 1
            continue
        if (
            (counts[USED] >= pool.slot.shape[0] and counts[FREE] == 0)
            or events.late_record.shape[0] <= events.counts[1]
            or pool.set_row.shape[0] - counts[ENTRIES] + counts[FREE_ENTRIES] < codes.shape[0]
        ):
            return int(i)
        t, late, part = times[i], late_before[i], parts[i]
        if t + gap < late and own_session(pool, slot, part, t, late, gap, -1) < 0:
            events.late_record[events.counts[1]], events.late_start[events.counts[1]] = i, t
            events.counts[1] += 1
            counts[SEEN] += 1
            continue
        sessions = 0
        if marking:
            sessions = mark_concerned(pool, slot, part, t, late, gap, several)
            counts[NEEDED] = sessions + 1
            if events.record.shape[0] - events.counts[0] < sessions + 1:
                return int(i)
        if telling and sessions == 0:
            reset(scratch, BEFORE, ops)
        elif telling:
            if changes:
                note_retracted(pool, events, i, slot, sessions, t, ops, scratch)
            goes_on = 1 if sessions == 1 else earliest_session(pool, slot, sessions)
            merged_marked(scratch, BEFORE, pool, slot, goes_on, goes_on, ops)
        r = joined_row(pool, slot, part, t, late, gap, ops, coded)
        pool.mark[r] = max(1, pool.mark[r])
        add(pool.sums, r, ops, inputs, i)
        if pool.order.shape[1] > 0:
            note_orders(pool, r, ops, inputs, i)
        if coded:
            if several and sessions > 1:
                without_doubles(pool, slot, ops)
            for a in range(ops.shape[0]):
                if ops[a, 0] == DISTINCT and codes[ops[a, 2], i] != np.iinfo(np.int64).min:
                    count_value(pool, r, a, codes[ops[a, 2], i], ops[a, 1], several)
        pool.offset[r], pool.seen[r] = offsets[i], counts[SEEN]
        if telling:
            merged_marked(scratch, NOW, pool, slot, 1, sessions + 1, ops)
            if changes or has_crossed(scratch, watched, limits):
                note_change(
                    events, i, bounds(pool, slot, 1, sessions + 1), False, scratch, NOW, scratch, BEFORE
                )
        counts[SEEN] += 1
    return int(n)


@kernel
def due(
    pool: SessionPool, watermark: int, gap: int, several: bool, rows: NDArray[Any], groups: NDArray[Any]
) -> int:
    """Find the sessions that ended more than ``gap`` before ``watermark``; how many rows they have.

    ``rows`` and ``groups`` (int64[R]) get the rows, and a number for the session of each.
    """
    used = pool.counts[USED]
    for r in range(used):
        pool.mark[r] = OUTSIDE
    found, session = 0, 1
    for r in range(used):
        if pool.slot[r] < 0 or pool.mark[r] != OUTSIDE or pool.end[r] + gap >= watermark:
            continue
        slot = pool.slot[r]
        pool.mark[r] = session
        if several:
            mark_reached(pool, slot, pool.link[r], pool.end[r] + gap, gap, OUTSIDE, session)
            _, end = bounds(pool, slot, session, session)
            closes = end + gap < watermark
        else:
            closes = True
        x = pool.head[slot]
        while closes and x >= 0:
            if pool.mark[x] == session:
                rows[found], groups[found] = x, session - 1
                found += 1
            x = pool.next[x]
        session += 1
    return found


@kernel
def merge_rows(
    sums: NDArray[Any], rows: NDArray[Any], groups: NDArray[Any], ops: NDArray[Any], out: NDArray[Any]
) -> None:
    """Merge ``rows`` (int64[m]) of ``sums`` into ``out`` (float64[g, C]); ``groups`` is int64[m], ascending."""
    last = -1
    for k in range(rows.shape[0]):
        g = groups[k]
        if g != last:
            reset(out, g, ops)
            last = g
        merge(out, g, sums, rows[k], ops)


@kernel
def release(pool: SessionPool, rows: NDArray[Any]) -> None:
    """Free ``rows`` (int64[m]) with all that they hold."""
    for k in range(rows.shape[0]):
        r = rows[k]
        release_values(pool, r)
        unchain(pool.head, pool.next, pool.slot[r], r)
        pool.slot[r] = -1
        pool.free[pool.counts[FREE]] = r
        pool.counts[FREE] += 1


@kernel
def relink(pool: SessionPool, order: NDArray[Any]) -> None:
    """Rebuild chains, set buckets and free entries after a restore; ``order``: int64[m], the live rows."""
    for k in range(order.shape[0]):
        r = order[k]
        place_by_end(pool.head, pool.next, pool.end, pool.slot[r], r, pool.end[r])
    for e in range(pool.counts[ENTRIES]):
        r = pool.set_row[e]
        if r < 0:
            pool.set_row_next[e] = pool.counts[FREE_ENTRY]
            pool.counts[FREE_ENTRY] = e
            pool.counts[FREE_ENTRIES] += 1
        else:
            chain_entry(pool, e)
            pool.set_row_next[e] = pool.entry[r]
            pool.entry[r] = e
