"""Session windows: the loop that every record passes.

Open sessions are rows of a pool, one per key and partition, with an accumulator row. Each slot chains its rows,
the latest end first, so that a record in order finds its session at once. A record joins all rows of its own
partition whose session is open and lies within ``gap`` of it; they become one row.

The loop stops (and says where) when a buffer has no room for one more record; the caller makes room and goes on.
Nothing is half done then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.aggregate import DISTINCT, FIRST, LAST, add, merge, reset
from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.session_pool import (
    EARLIEST,
    NEEDED,
    OUTSIDE,
    SessionEvents,
    SessionPool,
    place_by_end,
    unchain,
)
from streamgauge.kernels.session_reach import (
    bounds,
    earliest_session,
    mark_concerned,
    mark_reached,
    merged_marked,
    own_session,
)
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
)


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
