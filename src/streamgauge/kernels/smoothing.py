"""Exponential smoothing over one series: Holt-Winters with a damped trend, and the level alone, as the theta model has it.

As in :mod:`.seasons` each loop answers for several ends of the past at once. One pass serves all settings and all ends: the
settings go side by side, where each by itself would wait for its own last result, and an end is a place to look at them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.seasons import mean_of, medians

FIRST = 10
"""Values whose mean is the level to begin with, where there is no season."""


@kernel
def holt_winters(
    y: NDArray[Any], period: int, grid: NDArray[Any], ends: NDArray[Any], out: NDArray[Any]
) -> None:
    """Smooth with every setting of a grid and forecast with the best, the least squared error of one step ahead.

    It begins with what the first two seasons say.

    Args:
        y: float64[n], NaN = missing: what is expected stands for it.
        period: m, places of the season; 1 for none. It fits twice into every past.
        grid: float64[4, G]: rates of level, trend and season, and the damping of the trend.
        ends: int64[e], ascending.
        out: float64[e, h], set to the forecasts.
    """
    m, settings = period, grid.shape[1]
    season = np.zeros((m, settings))
    level = _beginning(y, season)
    now = np.zeros((3, settings))  # level, trend, squared errors
    now[0, :] = level
    done, place = 0, 0
    for e in range(ends.shape[0]):
        for i in range(done, ends[e]):
            if math.isnan(y[i]):
                for g in range(settings):
                    now[0, g] += grid[3, g] * now[1, g]
                    now[1, g] *= grid[3, g]
            else:
                counts = 1.0 if i >= m else 0.0
                for g in range(settings):
                    alpha, slope = grid[0, g], grid[3, g] * now[1, g]
                    ahead = now[0, g] + slope
                    error = y[i] - ahead - season[place, g]
                    now[2, g] += counts * (error * error)
                    now[0, g] = ahead + alpha * error
                    now[1, g] = slope + alpha * grid[1, g] * error
                    season[place, g] += grid[2, g] * (1.0 - alpha) * error
            place = place + 1 if place + 1 < m else 0
        done = ends[e]
        best = 0
        for g in range(1, settings):
            if now[2, g] < now[2, best]:
                best = g
        slope, damp = 0.0, 1.0
        for h in range(out.shape[1]):
            damp *= grid[3, best]
            slope += damp * now[1, best]
            out[e, h] = now[0, best] + slope + season[(done + h) % m, best]


@inner
def _beginning(y: NDArray[Any], season: NDArray[Any]) -> float:
    """The level to begin with, and what each place of the season adds to it: float64[m, G], the same for all settings."""
    m, settings = season.shape
    if m == 1:
        return mean_of(y, 0, min(FIRST, y.shape[0]), mean_of(y, 0, y.shape[0], 0.0))
    level = mean_of(y, 0, m, mean_of(y, 0, 2 * m, mean_of(y, 0, y.shape[0], 0.0)))
    one, two, whole = mean_of(y, 0, m, level), mean_of(y, m, 2 * m, level), 0.0
    for k in range(m):
        off, off_again = y[k] - one, y[m + k] - two
        if math.isnan(off):
            off = 0.0 if math.isnan(off_again) else off_again
        elif not math.isnan(off_again):
            off = (off + off_again) / 2.0
        whole += off
        for g in range(settings):
            season[k, g] = off
    for k in range(m):
        for g in range(settings):
            season[k, g] -= whole / m
    return level


@kernel
def theta(
    y: NDArray[Any], period: int, most: int, rates: NDArray[Any], ends: NDArray[Any], out: NDArray[Any]
) -> None:
    """Half of the straight line's slope and the smoothed level, around the season's median.

    Args:
        y: float64[n], NaN = missing.
        period: places of the season; 1 for none. It fits twice into every past.
        most: seasons that the median is taken over, the last ones.
        rates: float64[G], of the level; the one with the least squared error is taken.
        ends: int64[e], ascending.
        out: float64[e, h], set to the forecasts.
    """
    season, plain = np.zeros(period), np.empty(y.shape[0])
    rows, known = np.empty((most, period)), np.empty(period, np.int64)
    for e in range(ends.shape[0]):
        end = ends[e]
        whole = mean_of(y, 0, end, 0.0)
        level = mean_of(y, 0, period if period > 1 else max(1, end // 10), whole)
        if period > 1:
            _shape(y, end, level, rows, known, season)
        place = 0
        for i in range(end):
            plain[i] = y[i] - season[place]
            place = place + 1 if place + 1 < period else 0
        slope, spread = _line(plain, end)
        alpha, level = _level(plain, end, level, rates)
        # a line runs away; no further than what was seen
        room, more = 2.0 * spread, (1.0 - math.exp(end * math.log(1.0 - alpha))) / alpha
        for h in range(out.shape[1]):
            drift = min(max(0.5 * slope * (h + more), -room), room)
            out[e, h] = level + drift + season[(end + h) % period]


@inner
def _shape(
    y: NDArray[Any], end: int, level: float, rows: NDArray[Any], known: NDArray[Any], season: NDArray[Any]
) -> None:
    """What each place of the season adds to the mean of its turn: the median over the last turns, zero on average."""
    period = season.shape[0]
    count = min(end // period, rows.shape[0])
    first = (end // period - count) * period
    for r in range(count):
        start = first + r * period
        middle = mean_of(y, start, start + period, level)
        for j in range(period):
            rows[r, j] = y[start + j] - middle
    medians(rows, count, known, 0.0, season)
    middle = mean_of(season, 0, period, 0.0)
    for j in range(period):
        season[j] -= middle


@inner
def _line(y: NDArray[Any], end: int) -> tuple[float, float]:
    """The slope of the straight line through what is known, and the standard deviation."""
    known, at_mean, y_mean = 0, 0.0, mean_of(y, 0, end, 0.0)
    for i in range(end):
        if not math.isnan(y[i]):
            known += 1
            at_mean += i
    at_mean /= max(known, 1)
    of_at, of_y, both = 0.0, 0.0, 0.0
    for i in range(end):
        if not math.isnan(y[i]):
            at, off = i - at_mean, y[i] - y_mean
            of_at += at * at
            of_y += off * off
            both += at * off
    return both / of_at if known > 2 else 0.0, math.sqrt(of_y / max(known, 1))


@inner
def _level(y: NDArray[Any], end: int, start: float, rates: NDArray[Any]) -> tuple[float, float]:
    """The best rate, and the level that it ends with."""
    settings = rates.shape[0]
    levels, errors = np.full(settings, start), np.zeros(settings)
    for i in range(end):
        if math.isnan(y[i]):
            continue
        counts = 1.0 if i > 0 else 0.0
        for g in range(settings):
            error = y[i] - levels[g]
            errors[g] += counts * (error * error)
            levels[g] += rates[g] * error
    best = 0
    for g in range(1, settings):
        if errors[g] < errors[best]:
            best = g
    return rates[best], levels[best]
