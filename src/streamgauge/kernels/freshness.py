"""How far the newest value of a timestamp lies behind the stream's time, per key."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

UNSEEN = np.iinfo(np.int64).min
LATER = np.iinfo(np.int64).max // 2

STALE, FRESH, FORGOTTEN = range(3)
"""Kinds of answers."""

COLUMNS = 6
"""Of an answer: kind, slot, moment, newest value, moment that decided (when no record did), record (-1 = time)."""


@inner
def tell(
    out: NDArray[Any], told: NDArray[Any], kind: int, slot: int, at: int, newest: int, due: int, row: int
) -> None:
    """Note one answer."""
    x = told[0]
    out[x, 0], out[x, 1], out[x, 2], out[x, 3], out[x, 4], out[x, 5] = kind, slot, at, newest, due, row
    told[0] = x + 1


@inner
def judge(
    slot: int, watermark: int, state: NDArray[Any], stale: NDArray[Any], out: NDArray[Any], told: NDArray[Any],
    rule: NDArray[Any],
) -> None:  # fmt: skip
    """Decide what ``watermark`` allows of one key: at most two answers."""
    newest, raised, seen = state[slot, 0], state[slot, 1], state[slot, 2]
    if newest == UNSEEN:
        return
    due = newest + rule[0]
    if stale[slot] == 0 and watermark > due:
        stale[slot] = 1
        tell(out, told, STALE, slot, max(due, raised), newest, due + 1, -1)
    if stale[slot] == 1 and watermark >= seen + rule[1]:
        tell(out, told, FORGOTTEN, slot, seen + rule[1], newest, seen + rule[1], -1)
        stale[slot] = 0
        state[slot, 0] = state[slot, 1] = state[slot, 2] = UNSEEN


@kernel
def take_in(
    slots: NDArray[Any],
    times: NDArray[Any],
    values: NDArray[Any],
    closing: NDArray[Any],
    beyond: NDArray[Any],
    state: NDArray[Any],
    stale: NDArray[Any],
    out: NDArray[Any],
    told: NDArray[Any],
    rule: NDArray[Any],
) -> None:
    """Take in records in their order.

    Args:
        slots, times: int32[n] (≥ 0), int64[n].
        values: float64[n], the timestamps judged (microseconds); NaN = missing.
        closing, beyond: int64[n] each, the judging watermark before and after each record.
        state: int64[S, 3]: newest value, event time of the record that brought it, event time of the last record.
        stale: int8[S].
        out, told: int64[≥ 5n, 6] and int64[1]: answers.
        rule: int64[2]: how old is too old, how long until a key is forgotten.
    """
    for i in range(slots.shape[0]):
        slot, t = slots[i], times[i]
        judge(slot, closing[i], state, stale, out, told, rule)
        due = state[slot, 0] + rule[0]
        if (
            state[slot, 0] != UNSEEN and stale[slot] == 0 and beyond[i] > due
        ):  # time leapt over it with this record
            stale[slot] = 1
            tell(out, told, STALE, slot, max(due, state[slot, 1]), state[slot, 0], t, i)
        if state[slot, 2] == UNSEEN or t > state[slot, 2]:
            state[slot, 2] = t
        if not np.isnan(values[i]):
            value = min(int(values[i]), t)
            if state[slot, 0] == UNSEEN or value > state[slot, 0]:
                state[slot, 0], state[slot, 1] = value, t
        newest = state[slot, 0]
        if newest == UNSEEN:
            continue
        now = max(closing[i], t)
        if stale[slot] == 1 and newest + rule[0] >= now:
            stale[slot] = 0
            tell(out, told, FRESH, slot, max(t, newest), newest, t, i)
        elif stale[slot] == 0 and newest + rule[0] < closing[i]:  # it was too old before it came
            stale[slot] = 1
            tell(out, told, STALE, slot, max(newest + rule[0], t), newest, t, i)


@kernel
def judge_all(
    watermark: int,
    state: NDArray[Any],
    stale: NDArray[Any],
    out: NDArray[Any],
    told: NDArray[Any],
    rule: NDArray[Any],
) -> int:
    """Judge every key (``out`` has room for two answers each); returns the earliest moment at which one may change."""
    until = LATER
    for slot in range(state.shape[0]):
        judge(slot, watermark, state, stale, out, told, rule)
        if state[slot, 0] != UNSEEN:
            due = state[slot, 2] + rule[1] if stale[slot] == 1 else state[slot, 0] + rule[0]
            until = min(until, due)
    return int(until)
