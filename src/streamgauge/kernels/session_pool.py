"""The open sessions as rows of a pool, and the chains that they lie in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner
from streamgauge.kernels.time_windows import link

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
