"""A past season carried on: as it was the last time, or by the median of each of its places.

Every loop here answers for several ends of the past at once, as trying a model on its own past asks the same series again
and again. ``ends`` is int64[e], ascending; ``out`` float64[e, h] is set to what is expected of the h steps after each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel


@inner
def mean_of(y: NDArray[Any], start: int, stop: int, otherwise: float) -> float:
    """The mean of what is known in a stretch of a series."""
    total, known = 0.0, 0
    for i in range(start, stop):
        if not math.isnan(y[i]):
            total += y[i]
            known += 1
    return total / known if known > 0 else otherwise


@inner
def medians(
    rows: NDArray[Any], count: int, known: NDArray[Any], otherwise: float, found: NDArray[Any]
) -> None:
    """The median of each column of the first ``count`` rows.

    A sorting network rather than a sort: neighbours change places in all columns at once, without a branch.

    Args:
        rows: float64[r, m], NaN = missing; spoiled.
        count: how many rows there are.
        known: int64[m], room to count in.
        otherwise: for a column in which nothing is known.
        found: float64[m], set.
    """
    m = found.shape[0]
    for j in range(m):
        known[j] = 0
    for r in range(count):
        for j in range(m):
            if math.isnan(rows[r, j]):
                rows[r, j] = math.inf
            else:
                known[j] += 1
    for turn in range(count):
        for r in range(turn % 2, count - 1, 2):
            for j in range(m):
                a, b = rows[r, j], rows[r + 1, j]
                rows[r, j] = a if a < b else b  # noqa: FURB136  min() asks for NaN too
                rows[r + 1, j] = b if a < b else a  # noqa: FURB136
    for j in range(m):
        found[j] = otherwise
        if known[j] > 0:
            found[j] = (rows[(known[j] - 1) // 2, j] + rows[known[j] // 2, j]) / 2.0


@kernel
def seasonal_medians(y: NDArray[Any], period: int, most: int, ends: NDArray[Any], out: NDArray[Any]) -> None:
    """The median of each place of the season over its last ``most`` turns.

    Args:
        y: float64[n], NaN = missing.
        period: places of the season; 1 for none. It fits into every past.
        most: turns.
        ends, out: see the module's text.
    """
    rows, known, found = np.empty((most, period)), np.empty(period, np.int64), np.empty(period)
    for e in range(ends.shape[0]):
        end = ends[e]
        count = min(most, end // period)
        for r in range(count):
            for j in range(period):
                rows[r, j] = y[end - (count - r) * period + j]
        medians(rows, count, known, mean_of(y, 0, end, 0.0), found)
        for h in range(out.shape[1]):
            out[e, h] = found[h % period]


@kernel
def last_season(y: NDArray[Any], period: int, ends: NDArray[Any], out: NDArray[Any]) -> None:
    """The last season again; what is missing in it is as a season before, else as the last value known.

    Args:
        y: float64[n], NaN = missing.
        period: places of the season; 1 for none. It fits into every past.
        ends, out: see the module's text.
    """
    n = y.shape[0]
    filled, latest = np.empty(n), math.nan
    for i in range(n):
        filled[i] = y[i]
        if math.isnan(y[i]) and i >= period:
            filled[i] = filled[i - period]
    for i in range(n - 1, -1, -1):
        if not math.isnan(filled[i]):
            latest = filled[i]  # in the end the first one known, for what comes before it
    for i in range(n):
        if math.isnan(filled[i]):
            filled[i] = latest
        latest = filled[i]
    for e in range(ends.shape[0]):
        for h in range(out.shape[1]):
            out[e, h] = filled[ends[e] - period + h % period]
