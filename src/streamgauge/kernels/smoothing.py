"""Exponential smoothing over one series: Holt-Winters with a damped trend, and the level alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel


@inner
def smooth(
    y: NDArray[Any], rates: NDArray[Any], damping: float, season: NDArray[Any], ends: NDArray[Any]
) -> float:
    """One pass of additive Holt-Winters; returns the mean squared error of one step ahead.

    Args:
        y: float64[n], NaN = missing: what is expected stands for it.
        rates: float64[3], of level, trend and season.
        damping: of the trend, each step.
        season: float64[m], what each place of the season adds; changed in place.
        ends: float64[2], level and trend at the beginning; at the end afterwards.
    """
    alpha, beta, gamma = rates[0], rates[1], rates[2]
    level, trend = ends[0], ends[1]
    m = season.shape[0]
    total, count = 0.0, 0
    for i in range(y.shape[0]):
        ahead = level + damping * trend
        error = 0.0
        if not math.isnan(y[i]):
            error = y[i] - ahead - season[i % m]
            if i >= m:
                total += error * error
                count += 1
        level = ahead + alpha * error
        trend = damping * trend + alpha * beta * error
        season[i % m] += gamma * (1.0 - alpha) * error
    ends[0], ends[1] = level, trend
    return total / count if count > 0 else math.inf


@kernel
def holt_winters(
    y: NDArray[Any], first: NDArray[Any], level: float, grid: NDArray[Any], out: NDArray[Any]
) -> int:
    """Smooth with every setting of a grid and forecast with the best; returns which one that was.

    Args:
        y: float64[n], NaN = missing.
        first: float64[m], the season to begin with; m = 1 and 0 for none.
        level: to begin with.
        grid: float64[G, 4]: rates of level, trend and season, and the damping of the trend.
        out: float64[h], set to the forecast.
    """
    m = first.shape[0]
    season, ends = np.empty(m), np.empty(2)
    best, least = 0, math.inf
    for g in range(grid.shape[0]):
        season[:] = first
        ends[0], ends[1] = level, 0.0
        found = smooth(y, grid[g, :3], grid[g, 3], season, ends)
        if found < least:
            best, least = g, found
    season[:] = first
    ends[0], ends[1] = level, 0.0
    smooth(y, grid[best, :3], grid[best, 3], season, ends)
    slope, damp = 0.0, 1.0
    for h in range(out.shape[0]):
        damp *= grid[best, 3]
        slope += damp * ends[1]
        out[h] = ends[0] + slope + season[(y.shape[0] + h) % m]
    return best
