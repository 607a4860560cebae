"""Gradient boosting over lags: what a value was one, two … seasons before, and where in day and week it stands.

All lags are at least as long as the forecast, so every step is said from values that are known, and none from what was said
just before. Missing values are a case of their own to the trees. With less than two such lags of past, the seasonal median
carries on.

From: G. Ke and others, *LightGBM: a highly efficient gradient boosting decision tree*, NeurIPS 2017, in scikit-learn's
``HistGradientBoostingRegressor``.
"""

from __future__ import annotations

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.forecasting.models import seasonal_median
from streamgauge.forecasting.series import Series

TREES, LEAVES, RATE, LEAST_ROWS = 80, 15, 0.1, 20
NEWEST = 20_000
"""Rows that are learned from at most: the newest."""


def carried_on(series: Series, steps: int) -> FloatArray:
    """float64[steps]: what is expected."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    n = len(series)
    season = (series.seasons() or (1,))[0]
    nearest = -(-steps // season) * season
    lags = _lags(nearest, season, series.seasons())
    rows = np.arange(max(0, n - NEWEST), n)
    rows = rows[(rows >= nearest) & ~np.isnan(series.values[rows])]
    if len(rows) < LEAST_ROWS or n < 2 * nearest:
        said: FloatArray = seasonal_median(series, np.array([n]), steps)[0]
        return said
    middle = float(np.median(series.values[rows]))
    spread = float(np.abs(series.values[rows] - middle).mean()) or 1.0
    scaled = (series.values - middle) / spread
    past = _features(scaled, rows, lags, series.seasons())
    useful = (~np.isnan(past)).any(axis=0)  # a lag at which nothing is ever known tells nothing
    ahead = _features(scaled, np.arange(n, n + steps), lags, series.seasons())
    with threadpool_limits(1, "openmp"):  # small fits; the threads would only wait for each other
        model = HistGradientBoostingRegressor(
            max_iter=TREES, max_leaf_nodes=LEAVES, learning_rate=RATE, min_samples_leaf=5, early_stopping=False,
            random_state=0,
        )  # fmt: skip
        model.fit(past[:, useful], scaled[rows])
        found: FloatArray = model.predict(ahead[:, useful]) * spread + middle
    return found


def _lags(nearest: int, season: int, seasons: tuple[int, ...]) -> list[int]:
    """How far back is looked: the nearest season that is known, its neighbours, the ones before, and the week."""
    found = [
        nearest,
        nearest + 1,
        max(nearest - 1, 1) if season > 1 else nearest + 2,
        nearest + season,
        nearest + 2 * season,
    ]
    if len(seasons) > 1:
        found.append(-(-nearest // seasons[1]) * seasons[1])
    return sorted({lag for lag in found if lag >= nearest} | {nearest + 1})


def _features(values: FloatArray, rows: np.ndarray, lags: list[int], seasons: tuple[int, ...]) -> FloatArray:
    """float64[rows, features]: values at the lags, the mean of the nearest ones, places in day and week."""
    columns = [_at(values, rows - lag) for lag in lags]
    columns.append(_means(values, rows - lags[0]))
    columns += [(rows % season).astype(np.float64) for season in seasons]
    return np.column_stack(columns)


def _at(values: FloatArray, places: np.ndarray) -> FloatArray:
    inside = (places >= 0) & (places < len(values))
    return np.where(inside, values[np.clip(places, 0, len(values) - 1)], np.nan)


def _means(values: FloatArray, places: np.ndarray) -> FloatArray:
    """The mean of the twelve known values up to each place."""
    known = ~np.isnan(values)
    totals = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    stop = np.clip(places + 1, 0, len(values))
    start = np.clip(places - 11, 0, len(values))
    with np.errstate(invalid="ignore"):
        found: FloatArray = (totals[stop] - totals[start]) / (counts[stop] - counts[start])
    return found
