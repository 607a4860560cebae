"""The arithmetic of one accumulator row: add a value, merge two rows.

Accumulators are rows of a table, float64[R, C], reached by index: a view of one row would cost a compiled loop
more than the arithmetic. ``ops`` is int64[A, 3]: what to do, the first accumulator column, the input
column (-1 = none). Missing inputs are NaN and are passed over. Values are added one after the other in
offset order, so that every split of a stream gives the same last bit.

Variance is kept as count, mean and sum of squared deviations (Welford 1962); merging follows Chan, Golub and
LeVeque (1983).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner

ROWS, COUNT, SUM, MIN, MAX, FIRST, LAST, VARIANCE, DISTINCT, HELD = range(10)
"""The operations; DISTINCT is counted by :mod:`streamgauge.kernels.time_windows` itself. HELD stands for an
object outside: here it stays missing."""

WIDTH = {VARIANCE: 3}
"""How many accumulator columns an operation takes, where it is not one."""


@inner
def reset(sums: NDArray[Any], r: int, ops: NDArray[Any]) -> None:
    """Make row ``r`` empty: counts and sums 0, all else missing."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        if op == VARIANCE:
            sums[r, c] = 0.0
            sums[r, c + 1] = 0.0
            sums[r, c + 2] = 0.0
        elif op in (MIN, MAX, FIRST, LAST, HELD):
            sums[r, c] = np.nan
        else:
            sums[r, c] = 0.0


@inner
def add(sums: NDArray[Any], r: int, ops: NDArray[Any], inputs: NDArray[Any], i: int) -> None:
    """Count record ``i`` of ``inputs`` (float64[K, n]) into row ``r``."""
    for a in range(ops.shape[0]):
        op, c, k = ops[a, 0], ops[a, 1], ops[a, 2]
        if op == ROWS:
            sums[r, c] += 1.0
            continue
        if op in (DISTINCT, HELD):
            continue
        v = inputs[k, i]
        if np.isnan(v):
            continue
        if op == SUM:
            sums[r, c] += v
        elif op == COUNT:
            sums[r, c] += 1.0
        elif op == MIN:
            if not sums[r, c] <= v:
                sums[r, c] = v
        elif op == MAX:
            if not sums[r, c] >= v:
                sums[r, c] = v
        elif op == LAST:
            sums[r, c] = v
        elif op == FIRST:
            if np.isnan(sums[r, c]):
                sums[r, c] = v
        elif op == VARIANCE:
            sums[r, c] += 1.0
            delta = v - sums[r, c + 1]
            sums[r, c + 1] += delta / sums[r, c]
            sums[r, c + 2] += delta * (v - sums[r, c + 1])


@inner
def merge(into: NDArray[Any], g: int, sums: NDArray[Any], r: int, ops: NDArray[Any]) -> None:
    """Add what row ``r`` of ``sums`` has counted to row ``g`` of ``into``; called in partition order."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        v = sums[r, c]
        if op == VARIANCE:
            if v > 0.0:
                n = into[g, c] + v
                delta = sums[r, c + 1] - into[g, c + 1]
                into[g, c + 2] += sums[r, c + 2] + delta * delta * (into[g, c] * v / n)
                into[g, c + 1] += delta * (v / n)
                into[g, c] = n
        elif op == MIN:
            if not np.isnan(v) and not into[g, c] <= v:
                into[g, c] = v
        elif op == MAX:
            if not np.isnan(v) and not into[g, c] >= v:
                into[g, c] = v
        elif op == FIRST:
            if np.isnan(into[g, c]):
                into[g, c] = v
        elif op == LAST:
            if not np.isnan(v):
                into[g, c] = v
        else:
            into[g, c] += v
