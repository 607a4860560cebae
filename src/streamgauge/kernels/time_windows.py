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

BEFORE, NOW, KEPT = range(3)
"""Rows of the loop's scratch table: a window before the record, after it, and one of its parts meanwhile."""

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
def place_of(
    r: int, start: int, part: int, start_of: NDArray[Any], part_of: NDArray[Any], next_of: NDArray[Any]
) -> tuple[int, int]:
    """Where (start, part) belongs in the chain that begins with row ``r``: the row before it, and the row there.

    Either is -1 where there is none; the second is the next one where it is missing.
    """
    before = -1
    while r >= 0 and (start_of[r] > start or (start_of[r] == start and part_of[r] < part)):
        before = r
        r = next_of[r]
    return before, r


@inner
def link(head: NDArray[Any], next_of: NDArray[Any], slot: int, before: int, r: int, after: int) -> None:
    """Put row ``r`` between two rows of a slot's chain."""
    next_of[r] = after
    if before < 0:
        head[slot] = r
    else:
        next_of[before] = r


@inner
def free_row(counts: NDArray[Any], free: NDArray[Any]) -> int:
    """A row that is in no chain."""
    if counts[FREE] > 0:
        counts[FREE] -= 1
        return int(free[counts[FREE]])
    counts[USED] += 1
    return int(counts[USED] - 1)


@inner
def merged_into(
    out: NDArray[Any],
    g: int,
    r: int,
    start_of: NDArray[Any],
    next_of: NDArray[Any],
    sums: NDArray[Any],
    ops: NDArray[Any],
    start: int,
) -> None:
    """A window's accumulators over all parts, merged in partition order into row ``g`` of ``out``.

    ``r`` is the first row of the slot's chain.
    """
    reset(out, g, ops)
    while r >= 0 and start_of[r] > start:
        r = next_of[r]
    while r >= 0 and start_of[r] == start:
        merge(out, g, sums, r, ops)
        r = next_of[r]


@inner
def add_codes(pool: Pool, r: int, ops: NDArray[Any], codes: NDArray[Any], i: int) -> None:
    """Count record ``i`` of ``codes`` (int64[D, n]) into the sets of row ``r``'s window."""
    for a in range(ops.shape[0]):
        if ops[a, 0] == DISTINCT:
            code = codes[ops[a, 2], i]
            if code != np.iinfo(np.int64).min:
                insert_value(pool, r, a, code, DISTINCT_LIMIT, ops[a, 1])


@inner
def above(scratch: NDArray[Any], watched: NDArray[Any], limits: NDArray[Any]) -> bool:
    """Whether ``scratch[NOW]`` lies above the lowest limit of a watched column; seldom so."""
    for w in range(watched.shape[0]):
        if scratch[NOW, watched[w, 0]] > limits[w, 0]:
            return True
    return False


@inner
def has_crossed(scratch: NDArray[Any], watched: NDArray[Any], limits: NDArray[Any]) -> bool:
    """Whether a watched limit lies between ``scratch[BEFORE]`` and ``scratch[NOW]``."""
    for w in range(watched.shape[0]):
        c, used = watched[w, 0], watched[w, 1]
        was = scratch[BEFORE, c]
        # An aggregate without a value yet (max of nothing) is below every limit.
        if crossed(-np.inf if np.isnan(was) else was, scratch[NOW, c], limits, w, used):
            return True
    return False


@inner
def note_late(events: Events, i: int, start: int) -> None:
    """Record ``i`` came after its window that begins at ``start`` had closed."""
    at = events.counts[1]
    events.late_record[at], events.late_start[at] = i, start
    events.counts[1] = at + 1


@inner
def copy_row(out: NDArray[Any], g: int, sums: NDArray[Any], r: int) -> None:
    """Row ``r`` of ``sums`` to row ``g`` of ``out``."""
    for c in range(sums.shape[1]):
        out[g, c] = sums[r, c]


@inner
def crossed(before: float, now: float, limits: NDArray[Any], w: int, used: int) -> bool:
    """Whether one of the ``used`` ascending limits in row ``w`` lies in [before, now)."""
    if now <= limits[w, 0] or before > limits[w, used - 1]:
        return False
    for k in range(used):
        if before <= limits[w, k] < now:
            return True
    return False


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
    pool: Pool,
    events: Events,
    ops: NDArray[Any],
    watched: NDArray[Any],
    limits: NDArray[Any],
    size: int,
    advance: int,
    several: bool,
    changes: bool,
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
        changes: whether every record that counts is an event, not only one that crosses a limit.
        scratch: float64[3, C].
    """
    n = slots.shape[0]
    overlap = (size + advance - 1) // advance
    watching = changes or watched.shape[0] > 0
    # Fields are fetched once, and inner functions get arrays, not the pool: a compiled call copies a tuple of
    # arrays whole and counts a reference for each.
    counts, sums, head, start_of, next_of = pool.counts, pool.sums, pool.head, pool.start, pool.next
    slot_of, part_of, entry_of, offset_of, seen_of = pool.slot, pool.part, pool.entry, pool.offset, pool.seen
    for i in range(first, n):
        slot = slots[i]
        if slot < 0:
            counts[SEEN] += 1
            continue
        if (
            pool.slot.shape[0] - counts[USED] + counts[FREE] < overlap
            or events.record.shape[0] - events.counts[0] < overlap
            or events.late_record.shape[0] - events.counts[1] < overlap
            or pool.set_row.shape[0] - counts[ENTRIES] + counts[FREE_ENTRIES] < overlap * codes.shape[0]
        ):
            return int(i)
        t = times[i]
        start = t // advance * advance
        while start > t - size:
            if start + size <= late_before[i]:
                note_late(events, i, start)
                start -= advance
                continue
            r = head[slot]
            if r < 0 or start_of[r] != start or part_of[r] != parts[i]:
                before, r = place_of(r, start, parts[i], start_of, part_of, next_of)
                if r < 0 or start_of[r] != start or part_of[r] != parts[i]:
                    after, r = r, free_row(counts, pool.free)
                    slot_of[r], part_of[r], start_of[r], entry_of[r] = slot, parts[i], start, -1
                    reset(sums, r, ops)
                    link(head, next_of, slot, before, r, after)
                    counts[OLDEST] = min(counts[OLDEST], start)
            if watching:
                copy_row(scratch, BEFORE, sums, r)
            add(sums, r, ops, inputs, i)
            if codes.shape[0] > 0:
                add_codes(pool, r, ops, codes, i)
            offset_of[r], seen_of[r] = offsets[i], counts[SEEN]
            if watching and several:
                merged_into(scratch, NOW, head[slot], start_of, next_of, sums, ops, start)
            elif watching:
                copy_row(scratch, NOW, sums, r)
            if changes or (watching and above(scratch, watched, limits)):
                if several:  # the window before is needed seldom: it is merged anew with the row as it was
                    copy_row(scratch, KEPT, sums, r)
                    copy_row(sums, r, scratch, BEFORE)
                    merged_into(scratch, BEFORE, head[slot], start_of, next_of, sums, ops, start)
                    copy_row(sums, r, scratch, KEPT)
                if changes or has_crossed(scratch, watched, limits):
                    at = events.counts[0]
                    events.record[at], events.row[at], events.start[at] = i, r, start
                    copy_row(events.now, at, scratch, NOW)
                    copy_row(events.before, at, scratch, BEFORE)
                    events.counts[0] = at + 1
            start -= advance
        counts[SEEN] += 1
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
            reset(out, g, ops)
            last = g
        merge(out, g, pool.sums, rows[k], ops)


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
