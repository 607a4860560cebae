"""Waves of day and week and a trend that bends, fitted together with a penalty, to several ends of the past at once.

The bends stand at the same moments for all ends, so the sums that the fit needs grow from end to end and are made once.
Values are fitted by the means of short stretches: waves are much longer than these, and the sums cost a fraction.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel


@kernel
def waves(
    y: NDArray[Any], day: NDArray[Any], week: NDArray[Any], bends: int, ridge: float, stretch: int,
    ends: NDArray[Any], out: NDArray[Any],
) -> None:  # fmt: skip
    """Fit, and carry on with what is left of the last error.

    Args:
        y: float64[n], NaN = missing.
        day, week: float64[m, k]: waves (columns) over one season; no columns for none. Those of the week are left out
            where it does not fit twice into a past.
        bends: of the trend, over the whole past; after it, it is level.
        ridge: the penalty on the square of each weight but the level's.
        stretch: values of which the mean is fitted.
        ends: int64[e], ascending.
        out: float64[e, h], set to the forecasts.
    """
    trend, last = 1 + bends, ends[ends.shape[0] - 1]
    columns = trend + day.shape[1] + week.shape[1]
    square, right = np.zeros((columns, columns)), np.zeros(columns)
    low, weights, row = np.empty((columns, columns)), np.empty(columns), np.empty(columns)
    by_day, by_week = np.zeros(day.shape[0]), np.zeros(week.shape[0])
    origin = _first_known(y)
    done = 0
    for e in range(ends.shape[0]):
        end = ends[e]
        while done < end:
            stop = min(done + stretch, end)
            _add(y, done, stop, origin, day, week, bends, last, row, square, right)
            done = stop
        used = columns if end >= 2 * week.shape[0] else trend + day.shape[1]
        _solve(square, right, used, ridge, low, weights)
        _fold(day, weights, trend, used, by_day)
        _fold(week, weights, trend + day.shape[1], used, by_week)
        _carry_on(y, end, last, origin, weights, bends, by_day, by_week, out[e])


@inner
def _first_known(y: NDArray[Any]) -> float:
    for i in range(y.shape[0]):
        if not math.isnan(y[i]):
            return float(y[i])
    return 0.0


@inner
def _add(
    y: NDArray[Any], start: int, stop: int, origin: float, day: NDArray[Any], week: NDArray[Any], bends: int,
    last: int, row: NDArray[Any], square: NDArray[Any], right: NDArray[Any],
) -> None:  # fmt: skip
    """Take the mean of a stretch into the sums, as often as values are known in it."""
    columns, of_week = row.shape[0], 1 + bends + day.shape[1]
    for c in range(columns):
        row[c] = 0.0
    known, total = 0, 0.0
    for i in range(start, stop):
        if math.isnan(y[i]):
            continue
        known += 1
        total += y[i] - origin
        past, here = i / max(last - 1, 1), i % day.shape[0]
        for b in range(bends):
            if past * bends <= b:
                break
            row[1 + b] += past - b / bends
        for k in range(day.shape[1]):
            row[1 + bends + k] += day[here, k]
        for k in range(week.shape[1]):
            row[of_week + k] += week[i % week.shape[0], k]
    if known == 0:
        return
    row[0] = known
    for a in range(columns):
        share = row[a] / known
        if share != 0.0:
            right[a] += share * total
            for c in range(a, columns):
                square[a, c] += share * row[c]


@inner
def _solve(
    square: NDArray[Any], right: NDArray[Any], used: int, ridge: float, low: NDArray[Any],
    weights: NDArray[Any],
) -> None:  # fmt: skip
    """The weights, by Cholesky's way: the penalty keeps the sums positive definite."""
    for a in range(used):
        for c in range(a + 1):
            total = square[c, a]
            if a == c and a > 0:
                total += ridge
            for k in range(c):
                total -= low[a, k] * low[c, k]
            low[a, c] = math.sqrt(max(total, 1e-12)) if a == c else total / low[c, c]
    for a in range(used):
        total = right[a]
        for k in range(a):
            total -= low[a, k] * weights[k]
        weights[a] = total / low[a, a]
    for a in range(used - 1, -1, -1):
        total = weights[a]
        for k in range(a + 1, used):
            total -= low[k, a] * weights[k]
        weights[a] = total / low[a, a]


@inner
def _fold(table: NDArray[Any], weights: NDArray[Any], first: int, used: int, folded: NDArray[Any]) -> None:
    """What the waves add at each place of their season; nothing where they are not used."""
    for j in range(table.shape[0]):
        folded[j] = 0.0
        if first < used:
            for k in range(table.shape[1]):
                folded[j] += table[j, k] * weights[first + k]


@inner
def _carry_on(
    y: NDArray[Any], end: int, last: int, origin: float, weights: NDArray[Any], bends: int,
    by_day: NDArray[Any], by_week: NDArray[Any], out: NDArray[Any],
) -> None:  # fmt: skip
    """The fit beyond an end, and the last error on it, which fades as errors did before."""
    level, slope, bend = weights[0], 0.0, 0
    squares, products, before = 0.0, 0.0, math.nan
    in_day, in_week = -1, -1
    for i in range(end):
        in_day = in_day + 1 if in_day + 1 < by_day.shape[0] else 0
        in_week = in_week + 1 if in_week + 1 < by_week.shape[0] else 0
        past = i / max(last - 1, 1)
        while bend < bends and past * bends > bend:
            slope += weights[1 + bend]
            level -= weights[1 + bend] * bend / bends
            bend += 1
        if math.isnan(y[i]):
            continue
        error = y[i] - origin - (level + slope * past + by_day[in_day] + by_week[in_week])
        squares += error * error
        if not math.isnan(before):
            products += error * before
        before = error
    kept = min(max(products / max(squares, 1e-300), 0.0), 0.99)
    left = 0.0 if math.isnan(before) else before
    ahead = origin + level + slope * ((end - 1) / max(last - 1, 1))
    for h in range(out.shape[0]):
        left *= kept
        place = end + h
        out[h] = ahead + by_day[place % by_day.shape[0]] + by_week[place % by_week.shape[0]] + left
