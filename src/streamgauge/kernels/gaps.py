"""Gaps in the event time of each key, judged at the watermark.

Per slot, ``covered`` is how far its records reach without a gap longer than ``after``. Records beyond such a
gap wait in a small pool of stretches until the watermark has passed the gap: a record that is out of order
may still fill it. In a stream in order the pool stays empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

USED, FREE, UNTIL = range(3)
"""Where ``Gaps.counts`` keeps: stretches ever used, free stretches, the earliest moment to judge anything."""

SILENT, HEARD, FORGOTTEN = range(3)
"""Kinds of events."""

UNSEEN = np.iinfo(np.int64).min
LATER = np.iinfo(np.int64).max // 2


class Gaps(NamedTuple):
    """State per slot, and the pool of waiting stretches."""

    covered: NDArray[np.int64]  # [S], UNSEEN = no record yet
    silent: NDArray[np.int8]  # [S]
    waiting: NDArray[np.int32]  # [S], first waiting stretch, -1 = none
    slot: NDArray[np.int32]  # [R], -1 = free
    first: NDArray[np.int64]  # [R]
    last: NDArray[np.int64]  # [R]
    next: NDArray[np.int32]  # [R], the slot's next later stretch
    free: NDArray[np.int32]  # [R]
    counts: NDArray[np.int64]


class Events(NamedTuple):
    """What was decided: kind, slot, when, the last record before the gap, how many records were read."""

    kind: NDArray[np.int8]
    slot: NDArray[np.int32]
    at: NDArray[np.int64]
    since: NDArray[np.int64]
    position: NDArray[np.int64]
    record: NDArray[np.int64]
    told: NDArray[np.int64]


@inner
def tell(events: Events, kind: int, slot: int, at: int, since: int, position: int, record: int) -> None:
    """Note one event."""
    x = events.told[0]
    events.kind[x], events.slot[x], events.at[x] = kind, slot, at
    events.since[x], events.position[x], events.record[x] = since, position, record
    events.told[0] = x + 1


@inner
def judge(
    gaps: Gaps, events: Events, slot: int, watermark: int, after: int, forget: int, position: int
) -> bool:
    """Decide all of ``slot`` that ``watermark`` allows; False when the events were full."""
    while gaps.covered[slot] != UNSEEN:
        if events.kind.shape[0] - events.told[0] < 3:
            return False
        covered = gaps.covered[slot]
        if gaps.silent[slot] == 0 and watermark > covered + after:
            gaps.silent[slot] = 1
            tell(events, SILENT, slot, covered + after, covered, position, -1)
        r = gaps.waiting[slot]
        if gaps.silent[slot] == 1 and r >= 0:
            gaps.waiting[slot] = gaps.next[r]
            gaps.silent[slot] = 0
            tell(events, HEARD, slot, max(gaps.first[r], covered + after), covered, position, -1)
            gaps.covered[slot] = gaps.last[r]
            gaps.slot[r] = -1
            gaps.free[gaps.counts[FREE]] = r
            gaps.counts[FREE] += 1
            continue
        if gaps.silent[slot] == 1 and watermark >= covered + forget:
            tell(events, FORGOTTEN, slot, covered + forget, covered, position, -1)
            gaps.covered[slot] = UNSEEN
            gaps.silent[slot] = 0
        return True
    return True


@inner
def wait(gaps: Gaps, slot: int, t: int, after: int) -> None:
    """Add a record beyond a gap to the waiting stretches, joining those that it bridges."""
    before = -1
    r = gaps.waiting[slot]
    while r >= 0 and gaps.last[r] + after < t:
        before = r
        r = gaps.next[r]
    if r >= 0 and gaps.first[r] <= t + after:
        gaps.first[r] = min(gaps.first[r], t)
        gaps.last[r] = max(gaps.last[r], t)
        follower = gaps.next[r]
        if follower >= 0 and gaps.first[follower] <= gaps.last[r] + after:
            gaps.last[r] = gaps.last[follower]
            gaps.next[r] = gaps.next[follower]
            gaps.slot[follower] = -1
            gaps.free[gaps.counts[FREE]] = follower
            gaps.counts[FREE] += 1
        return
    if gaps.counts[FREE] > 0:
        gaps.counts[FREE] -= 1
        fresh = gaps.free[gaps.counts[FREE]]
    else:
        fresh = gaps.counts[USED]
        gaps.counts[USED] += 1
    gaps.slot[fresh], gaps.first[fresh], gaps.last[fresh], gaps.next[fresh] = slot, t, t, r
    if before < 0:
        gaps.waiting[slot] = fresh
    else:
        gaps.next[before] = fresh


@inner
def join_waiting(gaps: Gaps, slot: int, after: int) -> None:
    """Take in waiting stretches that the covered time now reaches."""
    r = gaps.waiting[slot]
    while r >= 0 and gaps.first[r] <= gaps.covered[slot] + after:
        gaps.covered[slot] = max(gaps.covered[slot], gaps.last[r])
        gaps.waiting[slot] = gaps.next[r]
        gaps.slot[r] = -1
        gaps.free[gaps.counts[FREE]] = r
        gaps.counts[FREE] += 1
        r = gaps.waiting[slot]


@kernel
def listen(
    first: int,
    slots: NDArray[Any],
    times: NDArray[Any],
    before: NDArray[Any],
    closing: NDArray[Any],
    positions: NDArray[Any],
    gaps: Gaps,
    events: Events,
    after: int,
    forget: int,
) -> int:
    """Take in records ``first``…; return the index at which a buffer was full (n = done).

    Args:
        first: index of the first record.
        slots, times: int32[n] (all ≥ 0), int64[n].
        before: int64[n], each record's own watermark before it: a record that lies more than ``after``
            behind it is too late to matter.
        closing: int64[n], the judging watermark before each record.
        positions: int64[n], records read when it was read.
        gaps, events: changed in place.
        after, forget: microseconds.
    """
    n = slots.shape[0]
    for i in range(first, n):
        slot, t = slots[i], times[i]
        if gaps.slot.shape[0] - gaps.counts[USED] + gaps.counts[FREE] < 1:
            return int(i)
        if not judge(gaps, events, slot, closing[i], after, forget, positions[i] - 1):
            return int(i)
        if events.kind.shape[0] - events.told[0] < 1:
            return int(i)
        covered = gaps.covered[slot]
        if t + after <= before[i]:
            continue
        if covered == UNSEEN:
            gaps.covered[slot] = t
        elif gaps.silent[slot] == 1:
            if t > covered:
                gaps.silent[slot] = 0
                tell(events, HEARD, slot, max(t, covered + after), covered, positions[i], i)
                gaps.covered[slot] = t
        elif t <= covered + after:
            gaps.covered[slot] = max(covered, t)
            join_waiting(gaps, slot, after)
        else:
            wait(gaps, slot, t, after)
        if gaps.covered[slot] + after < gaps.counts[UNTIL]:
            gaps.counts[UNTIL] = gaps.covered[slot] + after
    return int(n)


@kernel
def judge_all(
    first: int, watermark: int, position: int, gaps: Gaps, events: Events, after: int, forget: int
) -> int:
    """Judge every slot from ``first`` on; return the slot at which events were full (S = done)."""
    if first == 0:
        gaps.counts[UNTIL] = LATER
    for slot in range(first, gaps.covered.shape[0]):
        if not judge(gaps, events, slot, watermark, after, forget, position):
            return int(slot)
        if gaps.covered[slot] != UNSEEN:
            due = gaps.covered[slot] + (forget if gaps.silent[slot] == 1 else after)
            if due < gaps.counts[UNTIL]:
                gaps.counts[UNTIL] = due
    return int(gaps.covered.shape[0])
