"""Count windows: the last N records of a key, reported every M records."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.aggregate import DISTINCT, HELD, ROWS, add, reset
from streamgauge.kernels.jit import kernel


class Rings(NamedTuple):
    """The last N records per slot. S slots, N records, K inputs, D coded inputs."""

    values: NDArray[np.float64]  # [S, N, K]
    codes: NDArray[np.int64]  # [S, N, D]
    times: NDArray[np.int64]  # [S, N]
    held: NDArray[np.int64]  # [S], how many were ever written
    since: NDArray[np.int64]  # [S], records since the last that was a multiple of every


class Reports(NamedTuple):
    """What the loop reports."""

    record: NDArray[np.int64]  # [X]
    start: NDArray[np.int64]  # [X], event time of the oldest record held
    sums: NDArray[np.float64]  # [X, C]
    told: NDArray[np.int64]  # [1], how many


@kernel
def roll(
    first: int,
    slots: NDArray[Any],
    times: NDArray[Any],
    inputs: NDArray[Any],
    codes: NDArray[Any],
    rings: Rings,
    reports: Reports,
    ops: NDArray[Any],
    every: int,
    least: int,
) -> int:
    """Write records ``first``… into their rings; return the index at which reports were full (n = done).

    Args:
        first: index of the first record.
        slots, times: int32[n], int64[n].
        inputs: float64[K, n].
        codes: int64[D, n].
        rings: changed in place.
        reports: filled from its count on.
        ops: see :mod:`streamgauge.kernels.aggregate`.
        every: records between reports.
        least: records held before the first report.
    """
    n = slots.shape[0]
    size = rings.times.shape[1]
    one = np.empty((inputs.shape[0], 1))
    valued = False  # else nothing but how many records are held has to be known
    for a in range(ops.shape[0]):
        if ops[a, 0] not in (ROWS, HELD, DISTINCT):
            valued = True
    for i in range(first, n):
        slot = slots[i]
        if slot < 0:
            continue
        if reports.told[0] >= reports.record.shape[0]:
            return int(i)
        at = rings.held[slot] % size
        for k in range(inputs.shape[0]):
            rings.values[slot, at, k] = inputs[k, i]
        for d in range(codes.shape[0]):
            rings.codes[slot, at, d] = codes[d, i]
        rings.times[slot, at] = times[i]
        rings.held[slot] += 1
        rings.since[slot] += 1
        held = min(rings.held[slot], size)
        if rings.since[slot] < every:
            continue
        rings.since[slot] = 0
        if held < least:
            continue
        x = reports.told[0]
        reports.told[0] += 1
        reports.record[x] = i
        oldest = (rings.held[slot] - held) % size
        reports.start[x] = rings.times[slot, oldest]
        reset(reports.sums, x, ops)
        for a in range(ops.shape[0]):
            if ops[a, 0] == ROWS and not valued:
                reports.sums[x, ops[a, 1]] = held
        for j in range(held if valued else 0):
            source = (oldest + j) % size
            for k in range(inputs.shape[0]):
                one[k, 0] = rings.values[slot, source, k]
            add(reports.sums, x, ops, one, 0)
        for a in range(ops.shape[0]):
            if ops[a, 0] == DISTINCT:
                ordered = np.sort(rings.codes[slot, :held, ops[a, 2]])
                different = 0
                for j in range(held):
                    if ordered[j] != np.iinfo(np.int64).min and (j == 0 or ordered[j] != ordered[j - 1]):
                        different += 1
                reports.sums[x, ops[a, 1]] = different
    return int(n)
