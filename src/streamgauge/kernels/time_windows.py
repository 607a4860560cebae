"""Tumbling and hopping windows: the loop that every record passes.

Open windows are rows of a pool: (slot, start, part) with an accumulator row. Each slot chains its rows, the
newest start first and parts ascending, so that a record finds its windows in a step or two without hashing.
Tumbling is hopping with ``advance == size``.

The loop stops (and says where) when a buffer has no room for one more record; the caller makes room and goes
on. Nothing is half done then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.aggregate import DISTINCT, add, merge, reset
from streamgauge.kernels.jit import inner, kernel

USED, FREE, SEEN, OLDEST, ENTRIES, FREE_ENTRY, FREE_ENTRIES = range(7)
"""Where ``Pool.counts`` keeps: rows ever used, free rows, records seen, oldest open start, set entries ever
used, the first free set entry, and how many are free."""

DISTINCT_LIMIT = 10_000
"""``distinct`` counts exactly up to here per window and key, and stays there beyond."""


class Pool(NamedTuple):
    """The open windows. R rows, S slots, C accumulator columns, E set entries, B buckets (a power of 2)."""

    slot: NDArray[np.int32]  # [R], -1 = free
    part: NDArray[np.int32]  # [R]
    start: NDArray[np.int64]  # [R]
    sums: NDArray[np.float64]  # [R, C]
    offset: NDArray[np.int64]  # [R], of the last record
    seen: NDArray[np.int64]  # [R], running number of the last record
    next: NDArray[np.int32]  # [R], the slot's next older row
    entry: NDArray[np.int32]  # [R], first set entry of the row
    free: NDArray[np.int32]  # [R], stack of free rows
    head: NDArray[np.int32]  # [S], the slot's newest row
    set_row: NDArray[np.int32]  # [E], -1 = free
    set_op: NDArray[np.int32]  # [E]
    set_code: NDArray[np.int64]  # [E]
    set_next: NDArray[np.int32]  # [E], next in the bucket
    set_row_next: NDArray[np.int32]  # [E], next of the row; chains free entries too
    buckets: NDArray[np.int32]  # [B]
    counts: NDArray[np.int64]  # see USED …


class Events(NamedTuple):
    """What the loop reports: early crossings, and records that came too late."""

    record: NDArray[np.int64]  # [X], index into the batch
    row: NDArray[np.int32]  # [X], pool row
    start: NDArray[np.int64]  # [X]
    now: NDArray[np.float64]  # [X, C], merged accumulators after the record
    before: NDArray[np.float64]  # [X, C], and before it
    late_record: NDArray[np.int64]  # [L]
    late_start: NDArray[np.int64]  # [L]
    counts: NDArray[np.int64]  # [2]: how many crossings, how many late


@inner
def bucket_of(start: int, slot: int, op: int, code: int, size: int) -> int:
    """Where a set entry lives; a few multiplications spread it."""
    mixed = np.int64(start // 1000) ^ (np.int64(slot) * 40503) ^ (np.int64(op) * 7919) ^ code ^ (code >> 29)
    return int((mixed ^ (mixed >> 17) ^ (mixed >> 31)) & (size - 1))


@inner
def insert_value(pool: Pool, r: int, op: int, code: int, limit: int, column: int) -> None:
    """Count ``code`` into the set of row ``r``'s window unless any part of the window has it."""
    if pool.sums[r, column] >= limit:
        return
    slot, start = pool.slot[r], pool.start[r]
    b = bucket_of(start, slot, op, code, pool.buckets.shape[0])
    e = pool.buckets[b]
    while e >= 0:
        other = pool.set_row[e]
        if (
            pool.set_code[e] == code
            and pool.set_op[e] == op
            and pool.slot[other] == slot
            and pool.start[other] == start
        ):
            return
        e = pool.set_next[e]
    e = pool.counts[FREE_ENTRY]
    if e >= 0:
        pool.counts[FREE_ENTRY] = pool.set_row_next[e]
        pool.counts[FREE_ENTRIES] -= 1
    else:
        e = pool.counts[ENTRIES]
        pool.counts[ENTRIES] += 1
    pool.set_row[e] = r
    pool.set_op[e] = op
    pool.set_code[e] = code
    pool.set_next[e] = pool.buckets[b]
    pool.buckets[b] = e
    pool.set_row_next[e] = pool.entry[r]
    pool.entry[r] = e
    pool.sums[r, column] += 1.0


@inner
def find_row(pool: Pool, ops: NDArray[Any], slot: int, start: int, part: int) -> int:
    """The pool row of (slot, start, part), made where it is missing."""
    before = -1
    r = pool.head[slot]
    while r >= 0 and (pool.start[r] > start or (pool.start[r] == start and pool.part[r] < part)):
        before = r
        r = pool.next[r]
    if r >= 0 and pool.start[r] == start and pool.part[r] == part:
        return int(r)
    if pool.counts[FREE] > 0:
        pool.counts[FREE] -= 1
        fresh = pool.free[pool.counts[FREE]]
    else:
        fresh = pool.counts[USED]
        pool.counts[USED] += 1
    pool.slot[fresh] = slot
    pool.part[fresh] = part
    pool.start[fresh] = start
    pool.entry[fresh] = -1
    pool.offset[fresh] = -1
    pool.next[fresh] = r
    if before < 0:
        pool.head[slot] = fresh
    else:
        pool.next[before] = fresh
    reset(pool.sums[fresh], ops)
    if start < pool.counts[OLDEST]:
        pool.counts[OLDEST] = start
    return int(fresh)


@inner
def merged_into(out: NDArray[Any], pool: Pool, ops: NDArray[Any], slot: int, start: int) -> None:
    """The window's accumulators over all parts, merged in partition order."""
    reset(out, ops)
    r = pool.head[slot]
    while r >= 0 and pool.start[r] > start:
        r = pool.next[r]
    while r >= 0 and pool.start[r] == start:
        merge(out, pool.sums[r], ops)
        r = pool.next[r]


@inner
def crossed(before: float, now: float, limits: NDArray[Any], used: int) -> bool:
    """Whether one of the ascending ``limits`` lies in [before, now)."""
    if now <= limits[0] or before > limits[used - 1]:
        return False
    for k in range(used):
        if before <= limits[k] < now:
            return True
    return False


@kernel
def count_in(  # noqa: PLR0917  a kernel takes its arrays one by one
    first: int,
    slots: NDArray[Any],
    times: NDArray[Any],
    offsets: NDArray[Any],
    parts: NDArray[Any],
    late_before: NDArray[Any],
    inputs: NDArray[Any],
    codes: NDArray[Any],
    pool: Pool,
    events: Events,
    ops: NDArray[Any],
    watched: NDArray[Any],
    limits: NDArray[Any],
    size: int,
    advance: int,
    several: bool,  # noqa: FBT001
    scratch: NDArray[Any],
) -> int:
    """Count records ``first``… into their windows; return the index at which it stopped (n = done).

    Args:
        first: index of the first record to count.
        slots, times, offsets, parts: int32[n], int64[n], int64[n], int32[n].
        late_before: int64[n]; a window whose end is at or before it is closed for this record.
        inputs: float64[K, n], the aggregates' inputs.
        codes: int64[D, n], values for ``distinct`` as codes; the smallest int64 is missing.
        pool: the open windows, changed in place.
        events: filled from its counts on.
        ops: int64[A, 3]; see :mod:`streamgauge.kernels.aggregate`.
        watched: int64[W, 2]: accumulator column and number of limits in use.
        limits: float64[W, L], ascending.
        size, advance: microseconds.
        several: whether windows merge several parts.
        scratch: float64[4, C].
    """
    n = slots.shape[0]
    overlap = (size + advance - 1) // advance
    missing = np.iinfo(np.int64).min
    single_before, window_before, window_now = scratch[0], scratch[1], scratch[2]
    for i in range(first, n):
        slot = slots[i]
        if slot < 0:
            pool.counts[SEEN] += 1
            continue
        room = pool.slot.shape[0] - pool.counts[USED] + pool.counts[FREE]
        if (
            room < overlap
            or events.record.shape[0] - events.counts[0] < overlap
            or events.late_record.shape[0] - events.counts[1] < overlap
            or pool.set_row.shape[0] - pool.counts[ENTRIES] + pool.counts[FREE_ENTRIES]
            < overlap * codes.shape[0]
        ):
            return int(i)
        t = times[i]
        start = t // advance * advance
        while start > t - size:
            if start + size <= late_before[i]:
                at = events.counts[1]
                events.late_record[at] = i
                events.late_start[at] = start
                events.counts[1] = at + 1
                start -= advance
                continue
            r = find_row(pool, ops, slot, start, parts[i])
            row = pool.sums[r]
            if watched.shape[0] > 0:
                single_before[:] = row
                if several:
                    merged_into(window_before, pool, ops, slot, start)
            add(row, ops, inputs, i)
            for a in range(ops.shape[0]):
                if ops[a, 0] == DISTINCT:
                    code = codes[ops[a, 2], i]
                    if code != missing:
                        insert_value(pool, r, a, code, DISTINCT_LIMIT, ops[a, 1])
            pool.offset[r] = offsets[i]
            pool.seen[r] = pool.counts[SEEN]
            if watched.shape[0] > 0:
                if several:
                    merged_into(window_now, pool, ops, slot, start)
                hit = False
                for w in range(watched.shape[0]):
                    c = watched[w, 0]
                    was = window_before[c] if several else single_before[c]
                    now = window_now[c] if several else row[c]
                    # An aggregate without a value yet (max of nothing) is below every limit.
                    if crossed(-np.inf if np.isnan(was) else was, now, limits[w], watched[w, 1]):
                        hit = True
                if hit:
                    at = events.counts[0]
                    events.record[at] = i
                    events.row[at] = r
                    events.start[at] = start
                    for c in range(row.shape[0]):
                        events.now[at, c] = window_now[c] if several else row[c]
                        events.before[at, c] = window_before[c] if several else single_before[c]
                    events.counts[0] = at + 1
            start -= advance
        pool.counts[SEEN] += 1
    return int(n)


@kernel
def merge_parts(
    pool: Pool, rows: NDArray[Any], groups: NDArray[Any], ops: NDArray[Any], out: NDArray[Any]
) -> None:
    """Merge closing ``rows`` (int64[m], parts ascending within a group) into ``out`` (float64[g, C]).

    ``groups`` is int64[m], ascending: the window each row belongs to.
    """
    last = -1
    for k in range(rows.shape[0]):
        g = groups[k]
        if g != last:
            reset(out[g], ops)
            last = g
        merge(out[g], pool.sums[rows[k]], ops)


@kernel
def release(pool: Pool, rows: NDArray[Any]) -> None:
    """Free ``rows`` (int64[m]) and their set entries, and take them out of their slots' chains."""
    for k in range(rows.shape[0]):
        r = rows[k]
        slot = pool.slot[r]
        e = pool.entry[r]
        while e >= 0:
            b = bucket_of(pool.start[r], slot, pool.set_op[e], pool.set_code[e], pool.buckets.shape[0])
            before = -1
            x = pool.buckets[b]
            while x != e:
                before = x
                x = pool.set_next[x]
            if before < 0:
                pool.buckets[b] = pool.set_next[e]
            else:
                pool.set_next[before] = pool.set_next[e]
            after = pool.set_row_next[e]
            pool.set_row[e] = -1
            pool.set_row_next[e] = pool.counts[FREE_ENTRY]
            pool.counts[FREE_ENTRY] = e
            pool.counts[FREE_ENTRIES] += 1
            e = after
        before = -1
        x = pool.head[slot]
        while x != r:
            before = x
            x = pool.next[x]
        if before < 0:
            pool.head[slot] = pool.next[r]
        else:
            pool.next[before] = pool.next[r]
        pool.slot[r] = -1
        pool.entry[r] = -1
        pool.free[pool.counts[FREE]] = r
        pool.counts[FREE] += 1


@kernel
def relink(pool: Pool, order: NDArray[Any]) -> None:
    """Rebuild chains, set buckets and free lists after a restore.

    ``order``: int64[m], live rows by (slot, start descending, part).
    """
    last = -1
    before = -1
    for k in range(order.shape[0]):
        r = order[k]
        pool.next[r] = -1
        if pool.slot[r] != last:
            last = pool.slot[r]
            pool.head[last] = r
        else:
            pool.next[before] = r
        before = r
    for e in range(pool.counts[ENTRIES]):
        r = pool.set_row[e]
        if r < 0:
            pool.set_row_next[e] = pool.counts[FREE_ENTRY]
            pool.counts[FREE_ENTRY] = e
            pool.counts[FREE_ENTRIES] += 1
            continue
        b = bucket_of(pool.start[r], pool.slot[r], pool.set_op[e], pool.set_code[e], pool.buckets.shape[0])
        pool.set_next[e] = pool.buckets[b]
        pool.buckets[b] = e
        pool.set_row_next[e] = pool.entry[r]
        pool.entry[r] = e
