"""Which open sessions belong together: those that a record joins, and those that meet over partitions.

**Sessions over several partitions.** A row reaches from ``link`` to ``end + gap``; rows whose reaches overlap are
one session, wherever their records lie. ``link`` is the earliest moment at which the row's records could meet others:
a record's own time, or, where that lies behind, how far its partition's clock had come, since what ended ``gap``
before that is over. So which rows belong together never depends on the order in which partitions are read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.aggregate import merge, reset
from streamgauge.kernels.jit import inner
from streamgauge.kernels.session_pool import JOINS, OUTSIDE, SessionPool


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
