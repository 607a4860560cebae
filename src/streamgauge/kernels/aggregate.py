"""The arithmetic of one accumulator row: add a value, merge two rows.

An accumulator row is float64[C]. ``ops`` is int64[A, 3]: what to do, the first accumulator column, the input
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

ROWS, COUNT, SUM, MIN, MAX, FIRST, LAST, VARIANCE, DISTINCT = range(9)
"""The operations; DISTINCT is counted by :mod:`streamgauge.kernels.time_windows` itself."""

WIDTH = {VARIANCE: 3}
"""How many accumulator columns an operation takes, where it is not one."""


@inner
def reset(row: NDArray[Any], ops: NDArray[Any]) -> None:
    """Make ``row`` empty: counts and sums 0, all else missing."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        if op == VARIANCE:
            row[c] = 0.0
            row[c + 1] = 0.0
            row[c + 2] = 0.0
        elif op in (MIN, MAX, FIRST, LAST):
            row[c] = np.nan
        else:
            row[c] = 0.0


@inner
def add(row: NDArray[Any], ops: NDArray[Any], inputs: NDArray[Any], i: int) -> None:
    """Count record ``i`` of ``inputs`` (float64[K, n]) into ``row``."""
    for a in range(ops.shape[0]):
        op, c, k = ops[a, 0], ops[a, 1], ops[a, 2]
        if op == ROWS:
            row[c] += 1.0
            continue
        if op == DISTINCT:
            continue
        v = inputs[k, i]
        if np.isnan(v):
            continue
        if op == SUM:
            row[c] += v
        elif op == COUNT:
            row[c] += 1.0
        elif op == MIN:
            if not row[c] <= v:
                row[c] = v
        elif op == MAX:
            if not row[c] >= v:
                row[c] = v
        elif op == LAST:
            row[c] = v
        elif op == FIRST:
            if np.isnan(row[c]):
                row[c] = v
        elif op == VARIANCE:
            row[c] += 1.0
            delta = v - row[c + 1]
            row[c + 1] += delta / row[c]
            row[c + 2] += delta * (v - row[c + 1])


@inner
def merge(into: NDArray[Any], row: NDArray[Any], ops: NDArray[Any]) -> None:
    """Add what ``row`` has counted to ``into``; called in partition order."""
    for a in range(ops.shape[0]):
        op, c = ops[a, 0], ops[a, 1]
        v = row[c]
        if op == VARIANCE:
            if v > 0.0:
                n = into[c] + v
                delta = row[c + 1] - into[c + 1]
                into[c + 2] += row[c + 2] + delta * delta * (into[c] * v / n)
                into[c + 1] += delta * (v / n)
                into[c] = n
        elif op == MIN:
            if not np.isnan(v) and not into[c] <= v:
                into[c] = v
        elif op == MAX:
            if not np.isnan(v) and not into[c] >= v:
                into[c] = v
        elif op == FIRST:
            if np.isnan(into[c]):
                into[c] = v
        elif op == LAST:
            if not np.isnan(v):
                into[c] = v
        else:
            into[c] += v
