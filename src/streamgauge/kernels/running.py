"""Running totals: windows that closed are merged into what came before."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from streamgauge.kernels.aggregate import merge, reset
from streamgauge.kernels.jit import kernel


@kernel
def accumulate(
    slots: NDArray[Any],
    starts: NDArray[Any],
    sums: NDArray[Any],
    totals: NDArray[Any],
    first: NDArray[Any],
    out: NDArray[Any],
    out_start: NDArray[Any],
    ops: NDArray[Any],
) -> None:
    """Merge closed windows (int32[n], int64[n], float64[n, C]) into ``totals`` (float64[S, C]) in order.

    ``out`` (float64[n, C]) and ``out_start`` (int64[n]) get each key's total and first start just after.
    """
    for i in range(slots.shape[0]):
        slot = slots[i]
        merge(totals, slot, sums, i, ops)
        if starts[i] < first[slot]:
            first[slot] = starts[i]
        out_start[i] = first[slot]
        for c in range(sums.shape[1]):
            out[i, c] = totals[slot, c]


@kernel
def clear(slots: NDArray[Any], totals: NDArray[Any], ops: NDArray[Any]) -> None:
    """Make the totals of ``slots`` (int64[m]) empty."""
    for i in range(slots.shape[0]):
        reset(totals, slots[i], ops)
