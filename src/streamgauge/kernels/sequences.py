"""Sequences of events: per key, how far the steps of a pattern have come.

Of all sequences of a key that have come to a step, only the one that began last is kept: whatever completes an older
one in time completes it too. So ``began`` holds one moment per key and step, however many records may begin a sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel

NONE = np.iinfo(np.int64).min
"""No sequence has come so far; no record was seen."""


@kernel
def follow(
    slots: NDArray[Any],
    times: NDArray[Any],
    hits: NDArray[Any],
    breaks: NDArray[Any],
    steps: NDArray[Any],
    began: NDArray[Any],
    seen: NDArray[Any],
    out: NDArray[Any],
    within: int,
) -> int:
    """Take records in, in their order; returns how many of them completed the steps.

    Args:
        slots, times: int32[n] (all ≥ 0), int64[n].
        hits: bool[n, C], which conditions each record fulfils.
        breaks: bool[n], the records that end what was begun.
        steps: int64[K], the condition of each step.
        began: int64[S, K], when the latest sequence that has come to that step began; changed in place.
        seen: int64[S], the newest record of each key; changed in place.
        out: int64[n, 2]: row, and when its sequence began.
        within: microseconds that a sequence may take.
    """
    told = 0
    last = steps.shape[0] - 1
    for i in range(slots.shape[0]):
        slot, t = slots[i], times[i]
        if t < seen[slot]:
            continue  # older than what is known: it cannot come after it
        seen[slot] = t
        if breaks[i]:
            for k in range(last + 1):
                began[slot, k] = NONE
        for k in range(last, -1, -1):  # backwards: a record is one step of a sequence, not two
            if not hits[i, steps[k]]:
                continue
            start = t
            if k > 0:
                start = began[slot, k - 1]
                if start == NONE or t - start > within:
                    continue
            if k < last:
                began[slot, k] = start
                continue
            out[told, 0], out[told, 1] = i, start
            told += 1
            for j in range(last + 1):
                began[slot, j] = NONE
            break
    return told
