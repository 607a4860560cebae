"""How forecasts came out, once what came is known: MAE, RMSE, and how much of it lay within the band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.forecasting.choosing import Forecast, forecast
from streamgauge.forecasting.series import Series

if TYPE_CHECKING:
    import polars as pl

LONGEST = 200
"""Steps that are held out at most."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good forecasts were.

    Attributes:
        of: values that both a forecast with a band and what came are known of.
        inside: how many of them lay within the band.
        mae, rmse: mean absolute error, and the root of the mean squared one, in the units of the values.
    """

    of: int
    inside: int
    mae: float
    rmse: float

    @property
    def coverage(self) -> float:
        """The share within the band."""
        return self.inside / self.of


def score(came: FloatArray, expected: FloatArray, lower: FloatArray, upper: FloatArray) -> Score | None:
    """Of float64[n] each, NaN where something is not known; None where nothing can be compared.

    >>> said = np.array([10.0, 10.0, 10.0])
    >>> score(np.array([10.0, 14.0, np.nan]), said, said - 2, said + 2)
    Score(of=2, inside=1, mae=2.0, rmse=2.8284271247461903)
    """
    known = np.isfinite(came) & np.isfinite(expected) & np.isfinite(lower)
    if not known.any():
        return None
    errors = np.abs(came - expected)[known]
    inside = ((came >= lower) & (came <= upper))[known]
    return Score(
        int(known.sum()), int(inside.sum()), float(errors.mean()), math.sqrt(float((errors**2).mean()))
    )


def held_out(series: Series, model: str, interval: float) -> tuple[Forecast, Score | None] | None:
    """The newest quarter of a past foretold from what came before it; None where too little is left then.

    Args:
        series: the past.
        model: as of :func:`~streamgauge.forecasting.choosing.forecast`.
        interval: likewise.
    """
    length = min(LONGEST, len(series) // 4)
    before = Series(series.start, series.step, series.values[: len(series) - length])
    found = forecast(before, length, model=model, interval=interval) if length else None
    if found is None:
        return None
    came = series.values[len(series) - length :]
    return found, score(came, found.expected, found.lower, found.upper)


def scores_of(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Of each series how its forecasts came out, in the order of keys.

    Args:
        rows: ``key``, ``ds``, ``y``, ``yhat``, ``yhat_lower``, ``yhat_upper``; rows whose ``y`` is not known do not count.

    Returns:
        ``key``, the first and the last moment that counts (``since``, ``until``), ``compared`` (how many), ``mae``,
        ``rmse``, ``coverage``.
    """
    import polars as pl

    known = rows.drop_nulls(["y", "yhat", "yhat_lower", "yhat_upper"]).sort("key", "ds")
    off = pl.col("y") - pl.col("yhat")
    inside = pl.col("y").is_between("yhat_lower", "yhat_upper")
    found = known.group_by("key", maintain_order=True).agg(
        pl.col("ds").min().alias("since"), pl.col("ds").max().alias("until"), pl.len().alias("compared"),
        off.abs().mean().alias("mae"), (off**2).mean().sqrt().alias("rmse"), inside.mean().alias("coverage"),
    )  # fmt: skip
    return found.to_dicts()
