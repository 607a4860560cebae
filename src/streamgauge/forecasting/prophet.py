"""Prophet, for those who know it: trend with bends, seasons of day and week. Slow beside the others; see the page's table.

The band is not Prophet's own: it is set by the errors on the past, as for every other model, so that they compare.

From: S. J. Taylor, B. Letham, *Forecasting at scale*, The American Statistician 72 (2018).
"""

from __future__ import annotations

import logging

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.forecasting.series import DAY, WEEK, Series


def carried_on(series: Series, steps: int) -> FloatArray:
    """float64[steps]: what is expected."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # it says that it cannot draw
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    at = series.start + series.step * np.arange(len(series) + steps, dtype=np.int64)
    moments = pd.to_datetime(at, unit="us")
    span = len(series) * series.step
    model = Prophet(
        daily_seasonality=series.step < DAY and span >= 2 * DAY,
        weekly_seasonality=series.step < WEEK and span >= 2 * WEEK,
        yearly_seasonality=False,
        uncertainty_samples=0,
    )
    model.fit(pd.DataFrame({"ds": moments[: len(series)], "y": series.values}))  # noqa: PD011  an array of ours
    said: FloatArray = model.predict(pd.DataFrame({"ds": moments[len(series) :]}))["yhat"].to_numpy()
    return said
