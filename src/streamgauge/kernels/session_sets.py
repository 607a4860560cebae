"""The values that sessions have seen, for ``distinct``: entries that move along when sessions merge.

An entry belongs to one row of the pool. Rows of one session, over several partitions, hold each value once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner
from streamgauge.kernels.session_pool import SessionPool
from streamgauge.kernels.time_windows import DISTINCT_LIMIT, ENTRIES, FREE_ENTRIES, FREE_ENTRY


@inner
def bucket_of(r: int, op: int, code: int, size: int) -> int:
    """Where an entry lives; a few multiplications spread it."""
    mixed = (np.int64(r) * 40503) ^ (np.int64(op) * 7919) ^ code ^ (code >> 29)
    return int((mixed ^ (mixed >> 17) ^ (mixed >> 31)) & (size - 1))


@inner
def find_entry(pool: SessionPool, r: int, op: int, code: int) -> int:
    """Row ``r``'s entry for ``code``; -1 where there is none."""
    e = pool.buckets[bucket_of(r, op, code, pool.buckets.shape[0])]
    while e >= 0 and not (pool.set_row[e] == r and pool.set_op[e] == op and pool.set_code[e] == code):
        e = pool.set_next[e]
    return int(e)


@inner
def chain_entry(pool: SessionPool, e: int) -> None:
    """Put entry ``e`` into its bucket."""
    b = bucket_of(pool.set_row[e], pool.set_op[e], pool.set_code[e], pool.buckets.shape[0])
    pool.set_next[e] = pool.buckets[b]
    pool.buckets[b] = e


@inner
def unchain_entry(pool: SessionPool, e: int) -> None:
    """Take entry ``e`` out of its bucket."""
    b = bucket_of(pool.set_row[e], pool.set_op[e], pool.set_code[e], pool.buckets.shape[0])
    before, x = -1, pool.buckets[b]
    while x != e:
        before, x = x, pool.set_next[x]
    if before < 0:
        pool.buckets[b] = pool.set_next[e]
    else:
        pool.set_next[before] = pool.set_next[e]


@inner
def free_entry(pool: SessionPool, e: int) -> None:
    """Entry ``e``, in no bucket any more, can be used again."""
    pool.set_row[e] = -1
    pool.set_row_next[e] = pool.counts[FREE_ENTRY]
    pool.counts[FREE_ENTRY] = e
    pool.counts[FREE_ENTRIES] += 1


@inner
def count_value(pool: SessionPool, r: int, op: int, code: int, column: int, several: bool) -> None:
    """Count ``code`` into row ``r`` unless a row of its session (those that are marked) has it."""
    if pool.sums[r, column] >= DISTINCT_LIMIT or find_entry(pool, r, op, code) >= 0:
        return
    other = pool.head[pool.slot[r]]
    while several and other >= 0:
        if pool.mark[other] > 0 and find_entry(pool, other, op, code) >= 0:
            return
        other = pool.next[other]
    e = pool.counts[FREE_ENTRY]
    if e >= 0:
        pool.counts[FREE_ENTRY] = pool.set_row_next[e]
        pool.counts[FREE_ENTRIES] -= 1
    else:
        e = pool.counts[ENTRIES]
        pool.counts[ENTRIES] += 1
    pool.set_row[e], pool.set_op[e], pool.set_code[e] = r, op, code
    chain_entry(pool, e)
    pool.set_row_next[e] = pool.entry[r]
    pool.entry[r] = e
    pool.sums[r, column] += 1.0


@inner
def move_values(pool: SessionPool, into: int, r: int, ops: NDArray[Any]) -> None:
    """Give ``into`` the entries of row ``r``, whose counts it has already: what both have is counted once."""
    e = pool.entry[r]
    while e >= 0:
        after = pool.set_row_next[e]
        unchain_entry(pool, e)
        if find_entry(pool, into, pool.set_op[e], pool.set_code[e]) >= 0:
            pool.sums[into, ops[pool.set_op[e], 1]] -= 1.0
            free_entry(pool, e)
        else:
            pool.set_row[e] = into
            chain_entry(pool, e)
            pool.set_row_next[e] = pool.entry[into]
            pool.entry[into] = e
        e = after
    pool.entry[r] = -1


@inner
def without_doubles(pool: SessionPool, slot: int, ops: NDArray[Any]) -> None:
    """Sessions became one over several rows (those that are marked): what two of them hold, one gives up."""
    r = pool.head[slot]
    while r >= 0:
        if pool.mark[r] > 0:
            give_up_doubles(pool, r, ops)
        r = pool.next[r]


@inner
def give_up_doubles(pool: SessionPool, r: int, ops: NDArray[Any]) -> None:
    """Row ``r`` gives up what a row behind it in the chain holds too."""
    e = pool.entry[r]
    kept = -1
    while e >= 0:
        after, other, double = pool.set_row_next[e], pool.next[r], False
        while other >= 0 and not double:
            double = pool.mark[other] > 0 and find_entry(pool, other, pool.set_op[e], pool.set_code[e]) >= 0
            other = pool.next[other]
        if double:
            pool.sums[r, ops[pool.set_op[e], 1]] -= 1.0
            unchain_entry(pool, e)
            free_entry(pool, e)
        else:
            pool.set_row_next[e] = kept
            kept = e
        e = after
    pool.entry[r] = kept


@inner
def release_values(pool: SessionPool, r: int) -> None:
    """Free all entries of row ``r``."""
    e = pool.entry[r]
    while e >= 0:
        after = pool.set_row_next[e]
        unchain_entry(pool, e)
        free_entry(pool, e)
        e = after
    pool.entry[r] = -1
