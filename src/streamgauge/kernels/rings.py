"""The last windows of each key, to compare one with another that lies a fixed number of windows before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel

UNSEEN = np.iinfo(np.int64).min

KNOWN, TOO_YOUNG = range(2)
"""What is known of the window to compare with; a known one may hold no value (NaN)."""


@kernel
def compare(
    slots: NDArray[Any],
    numbers: NDArray[Any],
    values: NDArray[Any],
    teaches: NDArray[Any],
    first: NDArray[Any],
    newest: NDArray[Any],
    ring: NDArray[Any],
    out: NDArray[Any],
    known: NDArray[Any],
    lag: int,
    empty: float,
) -> None:
    """Find for each window the value of the one ``lag`` windows before it, and remember its own.

    Args:
        slots, numbers, values: int32[n] (≥ 0), int64[n], float64[n]: key, number on the grid, value (NaN = missing).
        teaches: bool[n]: whether the window is remembered; those without records are not, since what is not there when
            a later one comes was empty.
        first, newest: int64[S]: the first and the last window remembered; UNSEEN = none.
        ring: float64[S * lag], window w of a slot stands at w mod lag.
        out, known: float64[n], int8[n]: the other window's value, and whether the key is old enough to have one.
        lag: windows between the two.
        empty: the value of a window without records.
    """
    for i in range(slots.shape[0]):
        slot, w = slots[i], numbers[i]
        base = slot * lag
        r = w - lag
        out[i], known[i] = empty, KNOWN
        if first[slot] == UNSEEN or r < first[slot]:
            out[i], known[i] = np.nan, TOO_YOUNG
        elif r <= newest[slot]:
            out[i] = ring[base + r % lag] if r > newest[slot] - lag else np.nan
        if not teaches[i] or (newest[slot] != UNSEEN and w <= newest[slot]):
            continue
        if first[slot] == UNSEEN:
            first[slot] = w
        else:
            for u in range(max(newest[slot] + 1, w - lag + 1), w):
                ring[base + u % lag] = empty
        ring[base + w % lag] = values[i]
        newest[slot] = w
