"""Matches of event rules as stretches: one begins with a match and ends when none has come for a while.

Per slot, ``last`` is the event time of the newest match of the stretch that is open, and ``counts`` how many it holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel

NONE_OPEN = np.iinfo(np.int64).min
LATER = np.iinfo(np.int64).max // 2

BEGUN, TIMED_OUT, GIVEN_WAY = range(3)
"""Kinds of answers: a match; the end of a stretch that time brought; its end that a record brought."""


@kernel
def take_in(
    rows: NDArray[Any],
    slots: NDArray[Any],
    times: NDArray[Any],
    closing: NDArray[Any],
    last: NDArray[Any],
    counts: NDArray[Any],
    out: NDArray[Any],
    quiet: int,
) -> int:
    """Take in matches in their order; returns how many answers were written.

    Args:
        rows: int64[m], the records that matched, as indices into the three that follow.
        slots, times, closing: int32[n] (all ≥ 0), int64[n], int64[n]: key, event time, and the judging watermark
            before each record.
        last, counts: int64[S], changed in place.
        out: int64[≥ 3m, 5]: kind, slot, moment (of a stretch's end: when it was due), row, matches.
        quiet: microseconds without a match that end a stretch.
    """
    told = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        slot, t = slots[row], times[row]
        if last[slot] != NONE_OPEN:
            due = last[slot] + quiet
            timed_out = closing[row] >= due
            if timed_out or t > due:
                out[told, 0] = TIMED_OUT if timed_out else GIVEN_WAY
                out[told, 1], out[told, 2], out[told, 3], out[told, 4] = slot, due, row, counts[slot]
                told += 1
                last[slot], counts[slot] = NONE_OPEN, 0
        last[slot] = max(last[slot], t)
        counts[slot] += 1
        out[told, 0], out[told, 1], out[told, 2], out[told, 3] = BEGUN, slot, t, row
        out[told, 4] = counts[slot]
        told += 1
        if last[slot] + quiet <= closing[row]:  # it came so late that its stretch is over already
            out[told, 0], out[told, 1], out[told, 2] = GIVEN_WAY, slot, last[slot] + quiet
            out[told, 3], out[told, 4] = row, counts[slot]
            told += 1
            last[slot], counts[slot] = NONE_OPEN, 0
    return told
