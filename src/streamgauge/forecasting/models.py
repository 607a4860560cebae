"""Ways to carry on a series. Each takes the past, several ends of it and a horizon, and answers what it expects after each.

``seasonal_naive``: as it was a day ago. ``seasonal_median``: the median of that time of the week, once two weeks are
known, else of the day. ``holt_winters``: level, damped trend and daily season, smoothed with the best of a small fixed
grid. ``theta``: the level smoothed, plus half of the straight line's slope, around the daily season. ``fourier``: waves of
day and week and a bending trend, fitted together with a penalty, plus what is left of the last error. ``level``: the mean
of the newest days, as many as do not lie apart. ``median``: that of the last eight days, or weeks.

Several ends at once, since models are chosen by how well they would have foretold the past: what is common to all of
them is then done once. Nothing after an end is looked at for it, but where the trend of ``fourier`` may bend: at twelfths
of the whole past.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.forecasting.series import Series
from streamgauge.kernels import seasons, smoothing, standing, waves

Model = Callable[[Series, IntArray, int], FloatArray]
"""The past, its ends (ascending; two days into it at least, where days are known) and the number of steps
→ float64[ends, steps]."""
CarriedOn = Callable[[Series, int], FloatArray]
"""The past and the number of steps → float64[steps]."""

_RATES = itertools.product((0.05, 0.2, 0.5, 0.9), (0.0, 0.05), (0.02, 0.1, 0.3), (0.95,))
GRID = np.ascontiguousarray(np.array(list(_RATES), np.float64).T)
_NO_SEASON = np.ascontiguousarray(GRID[:, GRID[2] == GRID[2, 0]])
_LEVELS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 0.95])
PAST_SEASONS, SHAPED_BY = 8, 28
"""The median is taken over so many seasons; that around which ``theta`` smooths over more."""
WAVES = (8, 4)
"""Of a day, and of a week."""
BENDS = 12
RIDGE = 1.0
PIECES = 48
"""Of a day: the means that waves are fitted to."""
APART = 3.0
"""Standard errors from which on the mean of a day is that of another level."""
_PARTS, _PART = 10, 20
"""Where there are no days: parts of the past that are compared instead, and the values of one at least."""


def seasonal_naive(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """The last season again; the last value where there is none."""
    out = np.empty((len(ends), steps))
    seasons.last_season(series.values, _day(series, ends), ends, out)
    return out


def seasonal_median(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """The median of each place of the season over the last ones; of the last values where there is none."""
    out = np.empty((len(ends), steps))
    periods = (1, *series.seasons(int(ends[-1])))
    longest = np.ones(len(ends), np.int64)
    for period in periods:
        longest[ends >= 2 * period] = period
    for period in periods:
        these = np.flatnonzero(longest == period)
        found = np.empty((len(these), steps))
        seasons.seasonal_medians(series.values, period, PAST_SEASONS, ends[these], found)
        out[these] = found
    return out


def holt_winters(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """Level, damped trend and daily season."""
    out, period = np.empty((len(ends), steps)), _day(series, ends)
    smoothing.holt_winters(series.values, period, GRID if period > 1 else _NO_SEASON, ends, out)
    return out


def theta(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """The smoothed level with half of the line's slope, around the daily season.

    From: V. Assimakopoulos, K. Nikolopoulos, *The theta model*, Int. J. of Forecasting 16 (2000), in the form of
    R. J. Hyndman and B. Billah (2003).
    """
    out = np.empty((len(ends), steps))
    smoothing.theta(series.values, _day(series, ends), SHAPED_BY, _LEVELS, ends, out)
    return out


def fourier(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """Waves of day and week, a trend that bends, and what is left of the last error."""
    out = np.empty((len(ends), steps))
    periods = series.seasons()
    day, week = (_waves(periods[k], WAVES[k]) if k < len(periods) else _NONE for k in range(2))
    stretch = max(1, len(day) // PIECES)
    waves.waves(series.values, day, week, BENDS, RIDGE, stretch, ends, out)
    return out


def level(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """The mean since the level last moved."""
    out, period, n = np.empty((len(ends), steps)), _day(series, ends), len(series)
    turn = period if period > 1 else max(_PART, n // _PARTS)
    standing.means(series.values, turn, max(1, _newest(series) // turn), APART, ends, out)
    return out


def median(series: Series, ends: IntArray, steps: int) -> FloatArray:
    """The median of the last seasons, whatever the time of day."""
    out, values = np.empty((len(ends), steps)), series.values
    ordered = np.sort(values)  # NaN comes last
    known = int(np.searchsorted(ordered, np.inf, "right"))
    standing.medians(values, ordered[:known], _newest(series), ends, out)
    return out


MODELS: Mapping[str, Model] = {
    "seasonal_median": seasonal_median, "holt_winters": holt_winters, "theta": theta,
    "seasonal_naive": seasonal_naive, "fourier": fourier, "level": level, "median": median,
}  # fmt: skip
"""By the name that users type; ``auto`` picks among them."""


def at_each_end(carried_on: CarriedOn) -> Model:
    """A model that begins anew at each end, from one that carries on the whole of a series."""

    def model(series: Series, ends: IntArray, steps: int) -> FloatArray:
        pasts = (Series(series.start, series.step, series.values[:end]) for end in ends.tolist())
        return np.array([carried_on(past, steps) for past in pasts])

    return model


_NONE = np.zeros((1, 0))


def _day(series: Series, ends: IntArray) -> int:
    """The shortest season that fits twice into every past; 1 where none does."""
    return (series.seasons(int(ends[0])) or (1,))[0]


def _newest(series: Series) -> int:
    """Values in the seasons that a median is taken over; all where there is no season."""
    longest = series.seasons()[-1:]
    return PAST_SEASONS * longest[0] if longest else len(series)


@lru_cache(maxsize=16)
def _waves(period: int, count: int) -> FloatArray:
    """float64[period, 2 × count]: sine and cosine of each wave, over one season."""
    angle = 2 * math.pi * np.outer(np.arange(period), np.arange(1, min(count, period // 2) + 1)) / period
    return np.hstack([np.sin(angle), np.cos(angle)])
