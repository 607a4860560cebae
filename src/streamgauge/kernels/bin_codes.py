"""The bin of each number, by the edges of a reference: what ``Cells.codes`` finds, in one compiled pass."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel

STRIDE = 16
"""Edges are counted one by one, which takes no branch: first each 16th of them, then the 16 that are left."""


@kernel
def bin_codes(
    numbers: NDArray[Any], edges: NDArray[Any], table: NDArray[Any], missing: int, out: NDArray[Any]
) -> None:
    """Write int16 bins of ``numbers`` to ``out``.

    Args:
        numbers: float64[n], NaN = missing.
        edges: float64[C-1], ascending; cell c holds ``edges[c-1] < x <= edges[c]``.
        table: int16[C], the bin of each cell.
        missing: the bin of what is missing.
        out: int16[n], filled.
    """
    count = edges.shape[0]
    coarse = edges[STRIDE - 1 :: STRIDE].copy()
    for i in range(numbers.shape[0]):
        x = numbers[i]
        steps = 0
        for k in range(coarse.shape[0]):
            steps += int(coarse[k] < x)
        cell = steps * STRIDE
        below = 0
        for k in range(cell, min(cell + STRIDE, count)):
            below += int(edges[k] < x)
        out[i] = missing if math.isnan(x) else table[cell + below]
