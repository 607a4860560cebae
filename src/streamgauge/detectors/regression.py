"""Measures how far predicted numbers lie from what came: MAE, RMSE, MAPE and bias, per window.

When to use it: a model predicts numbers (minutes until delivery, demand, a price), and what really came is known later.
Predictions and labels are records of one stream, joined by ``id``; where they lie on two topics, read both as one
stream: ``source: {type: kafka, topics: [predictions, labels]}``.

**The rule.** Windows of ``size`` are cut by the time of the *prediction*. A window is told once it has ended, and told
anew with the next ``revision`` at each full ``revise`` at which something of it is new, until ``label_wait`` after
its end; then its ids are forgotten. With e = prediction - label::

    mae = mean |e|    rmse = sqrt(mean e²)    mape = mean |e / label|, labels of 0 left out    bias = mean e

each with ``_lower`` and ``_upper``, 95 % bounds for independent records (normal: mean ± 1.96 sd / sqrt n; those of
``rmse`` are of its square). It fires while ``when`` holds, such as ``mae > 10`` or ``bias_lower > 0`` (surely too
high). With fewer than ``min_labels`` labels the answer is *not enough data*.

**Labels** count whenever they come: before the prediction (kept for ``label_wait``), twice (once), changed (the last
one, counted in ``changed_labels``), or never (``unlabelled``). Of a prediction that comes again the first one counts.
Numbers beyond 1e150 are missing. Beyond ``max_waiting`` ids new predictions are left out and counted in
``left_out``.

Parameters: ``id``, ``prediction``, ``label`` (fields), ``size`` (duration, 1h), ``label_wait`` (duration, 1d),
``revise`` (duration, as ``size``), ``min_labels`` (100), ``when``, ``clear_when`` (conditions on the measures),
``severity``, ``by`` (field or list), ``max_waiting`` (ids, 1,000,000). State: per id that is waited for 24 bytes and
the id (some 200 in memory), per window 53.

From: R. J. Hyndman, A. B. Koehler, *Another look at measures of forecast accuracy*, Int. J. of Forecasting 22 (2006).

>>> from streamgauge.testing import judge
>>> judge("regression",
...       {"id": "id", "prediction": "eta", "label": "took", "size": "10s", "min_labels": 2, "when": "mae > 5"},
...       times=[1.0, 2.0, 3.0, 4.0, 12.0, 31.0],
...       values={"id": ["a", "b", "a", "b", "b", "z"], "eta": [20.0, 30.0] + [None] * 4,
...               "took": [None, None, 21.0, 31.0, 60.0, None]})
['10.0 ok', '20.0 critical']
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from streamgauge.detectors.classification import as_numbers
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.joined import Joined, JoinedConfig, make
from streamgauge.errors import ConfigError
from streamgauge.statistics.quality import REGRESSION, regression_quality

_NUMERIC = ("int", "float")


class Config(JoinedConfig):
    """``detect: {type: regression, id: order, prediction: eta, label: took, when: mae > 10}``."""

    type: Literal["regression"] = "regression"


EXAMPLE = {
    "detect": {
        "type": "regression",
        "id": "word",
        "prediction": "value",
        "label": "number",
        "by": "key",
        "size": "3s",
        "label_wait": "4s",
        "revise": "2s",
        "min_labels": 1,
        "when": "mae > 2 or bias_lower > 0",
        "clear_when": "mae < 1",
    }
}
"""A monitor for the checks of the contract."""


def _deliveries() -> tuple[list[float], dict[str, list[object]], None]:
    """Predicted minutes that are right within three for a day; then a road is closed."""
    draw = np.random.default_rng(4)
    rows: list[tuple[float, str, float | None, float | None]] = []
    for number in range(720):
        at, eta = 240.0 * number, float(draw.uniform(15, 40))
        took = eta + float(draw.normal(9.0 if number > 430 else 0.0, 3.0))
        rows += [(at, f"{number}", eta, None), (at + 60 * took, f"{number}", None, took)]
    rows.sort(key=lambda row: row[0])
    times, ids, predictions, labels = (list(column) for column in zip(*rows, strict=True))
    return [float(t) for t in times], {"id": ids, "eta": predictions, "took": labels}, None


PICTURE = Picture(
    "regression: the mean error of predicted minutes, told above 5",
    {"id": "id", "prediction": "eta", "label": "took", "size": "2h", "min_labels": 15, "when": "mae > 5"},
    _deliveries,
    value="mae",
)


def build(config: Config, context: Context) -> Joined:
    """The detector of one monitor.

    Raises:
        ConfigError: for fields that do not fit.
        ExpressionError: for a condition that does not fit the measures.
    """
    for key in ("prediction", "label"):
        name = getattr(config, key)
        kind = context.columns.get(name)
        if kind is not None and kind not in _NUMERIC:
            raise ConfigError(
                f"{key}: `{name}` is {kind}, and only numbers lie far from each other; see classification"
            )
    return make(config, context, (as_numbers, as_numbers), (regression_quality, REGRESSION))
