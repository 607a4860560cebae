"""Ways to carry on a series. Each takes the past and a horizon, and answers what it expects of each step.

``seasonal_naive``: as it was a day ago. ``seasonal_median``: the median of that time of the week, once two weeks are
known, else of the day. ``holt_winters``: level, damped trend and daily season, smoothed with the best of a small fixed
grid. ``theta``: the level smoothed, plus half of the straight line's slope, around the daily season. ``fourier``: waves of
day and week and a bending trend, fitted together with a penalty, plus what is left of the last error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.forecasting.series import Series
from streamgauge.kernels import smoothing

Model = Callable[[Series, int], FloatArray]
"""The past and the number of steps → float64[steps]."""

_RATES = itertools.product((0.05, 0.2, 0.5, 0.9), (0.0, 0.05), (0.02, 0.1, 0.3), (0.95,))
GRID = np.array(list(_RATES), np.float64)
_LEVELS = np.array([(rate, 0.0, 0.0, 0.0) for rate in (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 0.95)])
PAST_SEASONS = 8
"""The median is taken over so many seasons."""
WAVES = (8, 4)
"""Of a day, and of a week."""
BENDS = 12
RIDGE = 1.0


def seasonal_naive(series: Series, steps: int) -> FloatArray:
    """The last season again; the last value where there is none."""
    period = (series.seasons() or (1,))[0]
    last = _filled(series)[-period:]
    again: FloatArray = last[np.arange(steps) % period]
    return again


def seasonal_median(series: Series, steps: int) -> FloatArray:
    """The median of each place of the season over the last ones; of the last values where there is none."""
    values = series.values
    period = series.seasons()[-1] if series.seasons() else 1
    if period == 1:
        return np.full(
            steps,
            float(np.nanmedian(values[-PAST_SEASONS:])) if _any(values[-PAST_SEASONS:]) else _level(values),
        )
    rows = min(PAST_SEASONS, len(values) // period)
    past = values[-rows * period :].reshape(rows, period)
    middle = _column_medians(past, _level(values))
    carried: FloatArray = middle[np.arange(steps) % period]
    return carried


def holt_winters(series: Series, steps: int) -> FloatArray:
    """Level, damped trend and daily season."""
    season, level = _first_season(series)
    out = np.empty(steps)
    grid = GRID if len(season) > 1 else GRID[GRID[:, 2] == GRID[0, 2]]
    smoothing.holt_winters(series.values, season, level, grid, out)
    return out


def theta(series: Series, steps: int) -> FloatArray:
    """The smoothed level with half of the line's slope, around the daily season.

    From: V. Assimakopoulos, K. Nikolopoulos, *The theta model*, Int. J. of Forecasting 16 (2000), in the form of
    R. J. Hyndman and B. Billah (2003).
    """
    season, level = _first_season(series, whole=True)
    place = np.arange(len(series)) % len(season)
    plain = series.values - season[place]
    slope = _slope(plain)
    out = np.empty(steps)
    best = smoothing.holt_winters(plain, np.zeros(1), level, _LEVELS, out)
    alpha = float(_LEVELS[best, 0])
    ahead = np.arange(1, steps + 1)
    drift = 0.5 * slope * (ahead - 1 + (1 - (1 - alpha) ** len(series)) / alpha)
    room = 2 * float(np.nanstd(plain))  # a line runs away; no further than what was seen
    carried: FloatArray = out + np.clip(drift, -room, room)
    return carried + season[(len(series) + np.arange(steps)) % len(season)]


def fourier(series: Series, steps: int) -> FloatArray:
    """Waves of day and week, a trend that bends, and what is left of the last error."""
    n = len(series)
    known = np.flatnonzero(~np.isnan(series.values))
    y = series.values[known]
    middle, spread = float(y.mean()), float(y.std()) or 1.0
    design = _design(np.arange(n + steps), n, series.seasons())
    x = design[known]
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    weights = np.linalg.solve(x.T @ x + penalty, x.T @ ((y - middle) / spread))
    fitted = design @ weights * spread + middle
    left = y - fitted[known]
    kept = float(left[1:] @ left[:-1] / max(float(left @ left), 1e-300)) if len(left) > 2 else 0.0
    carried: FloatArray = fitted[n:] + left[-1] * np.clip(kept, 0.0, 0.99) ** np.arange(1, steps + 1)
    return carried


MODELS: Mapping[str, Model] = {
    "seasonal_median": seasonal_median, "holt_winters": holt_winters, "theta": theta,
    "seasonal_naive": seasonal_naive, "fourier": fourier,
}  # fmt: skip
"""By the name that users type; ``auto`` picks among them."""


def _design(at: IntArray, n: int, seasons: tuple[int, ...]) -> FloatArray:
    """Columns: 1, hinges over the past (level afterwards), waves of each season."""
    columns = [np.ones(len(at))]
    past = np.minimum(at, n - 1) / max(n - 1, 1)
    columns += [np.maximum(past - bend / BENDS, 0.0) for bend in range(BENDS)]
    waved = [_waves(period, waves)[at % period] for period, waves in zip(seasons, WAVES, strict=False)]
    return np.column_stack([*columns, *waved])


@lru_cache(maxsize=16)
def _waves(period: int, waves: int) -> FloatArray:
    """float64[period, 2 × waves]: sine and cosine of each wave, over one season."""
    angle = 2 * math.pi * np.outer(np.arange(period), np.arange(1, min(waves, period // 2) + 1)) / period
    return np.hstack([np.sin(angle), np.cos(angle)])


def _slope(values: FloatArray) -> float:
    """Of the straight line through what is known."""
    at = np.flatnonzero(~np.isnan(values))
    if len(at) < 3:
        return 0.0
    apart = at - at.mean()
    return float(apart @ values[at] / (apart @ apart))


def _first_season(series: Series, *, whole: bool = False) -> tuple[FloatArray, float]:
    """What each time of day adds, from the first two days (or all of them), and the level to begin with."""
    period = (series.seasons() or (1,))[0]
    values = series.values
    if period == 1:
        return np.zeros(1), _level(values[: max(1, len(values) // 10)], _level(values))
    rows = len(values) // period if whole else 2
    past = values[: rows * period].reshape(rows, period)
    level = _level(past[0], _level(past, _level(values)))
    lifted = past - np.array([[_level(row, level)] for row in past])
    season = _column_medians(lifted, 0.0) if rows > 2 else _column_means(lifted)
    return season - season.mean(), level


def _column_means(rows: FloatArray) -> FloatArray:
    known = ~np.isnan(rows)
    counts = known.sum(axis=0)
    found: FloatArray = np.where(known, rows, 0.0).sum(axis=0) / np.maximum(counts, 1)
    return found


def _column_medians(rows: FloatArray, otherwise: float) -> FloatArray:
    """Of each column's known values."""
    ordered = np.sort(rows, axis=0)  # NaN comes last
    counts = (~np.isnan(rows)).sum(axis=0)
    columns = np.arange(rows.shape[1])
    low, high = (
        ordered[np.maximum((counts - 1) // 2, 0), columns],
        ordered[np.minimum(counts // 2, len(rows) - 1), columns],
    )
    return np.where(counts > 0, (low + high) / 2, otherwise)


def _level(values: FloatArray, otherwise: float = 0.0) -> float:
    return float(np.nanmean(values)) if _any(values) else otherwise


def _any(values: FloatArray) -> bool:
    return bool((~np.isnan(values)).any())


def _filled(series: Series) -> FloatArray:
    """Missing values as a season before, else as the last known one."""
    period = (series.seasons() or (1,))[0]
    values = series.values.copy()
    for i in np.flatnonzero(np.isnan(values)).tolist():
        values[i] = values[i - period] if i >= period else np.nan
    known = np.flatnonzero(~np.isnan(values))
    nearest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return values[np.where(nearest < 0, known[0], nearest)]
