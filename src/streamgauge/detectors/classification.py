"""Measures how good a yes/no model is, once the truth is known: precision, recall, ROC AUC and more, per window.

When to use it: a model scores records (fraud or not, will pay or not), and the truth comes later: an hour, a day, a
month. Predictions and labels are records of one stream, joined by ``id``; where they lie on two topics, read both as
one stream: ``source: {type: kafka, topics: [predictions, labels]}``. Only labelled predictions are measured: where
labels are chosen (only refused payments are looked at), so are the measures.

**The rule.** Windows of ``size`` are cut by the time of the *prediction*. A window is told once it has ended, and told
anew with the next ``revision`` at each full ``revise`` at which something of it is new, until ``label_wait`` after
its end; then its ids are forgotten. With tp, fp, fn, tn at ``threshold``::

    precision = tp / (tp + fp)    recall = tp / (tp + fn)    accuracy = (tp + tn) / labels    f1 = 2tp / (2tp + fp + fn)
    roc_auc = share of pairs ranked right    log_loss = mean -log p(truth)    calibration_error over ten bins

each with ``_lower`` and ``_upper``, 95 % bounds for independent records: Wilson's for shares, Hanley and McNeil's for
``roc_auc``, normal ones for ``log_loss``. It fires while ``when`` holds; ``precision_upper < 0.8`` is sure of it,
``precision < 0.8`` is not. With fewer than ``min_labels`` labels the answer is *not enough data*. What cannot be said
(precision where nothing was predicted, log loss of scores that are no probabilities) is missing.

**Labels** count whenever they come: before the prediction (kept for ``label_wait``), twice (once), changed (the last
one, counted in ``changed_labels``), or never (``unlabelled``). Of a prediction that comes again the first one counts.
Beyond ``max_waiting`` ids new predictions are left out and counted in ``left_out``.

Parameters: ``id``, ``prediction``, ``label`` (fields), ``positive`` (the text that means yes, where classes are texts),
``threshold`` (score, 0.5), ``size`` (duration, 1h), ``label_wait`` (duration, 1d), ``revise`` (duration, as ``size``),
``min_labels`` (100), ``when``, ``clear_when`` (conditions on the measures), ``severity``, ``by`` (field or list),
``max_waiting`` (ids, 1,000,000). State: per id that is waited for 24 bytes and the id (some 200 in memory), per window 53.

From: J. A. Hanley, B. J. McNeil, Radiology 143 (1982); E. B. Wilson, JASA 22 (1927).

>>> from streamgauge.testing import judge
>>> judge("classification",
...       {"id": "id", "prediction": "score", "label": "fraud", "size": "10s", "min_labels": 2, "when": "precision < 0.6"},
...       times=[1.0, 2.0, 3.0, 11.0, 15.0, 25.0, 31.0],
...       values={"id": ["a", "b", "c", "a", "b", "c", "z"], "score": [0.9, 0.8, 0.1] + [None] * 4,
...               "fraud": [None] * 3 + [True, False, True, None]})
['10.0 not_enough_data', '20.0 critical', '30.0 critical']
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from streamgauge.batch import Column, FloatArray
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.joined import Joined, JoinedConfig, make
from streamgauge.errors import ConfigError
from streamgauge.statistics.quality import CLASSIFICATION, classification_quality

HUGE = 1e150
"""What is as large has no square."""


class Config(JoinedConfig):
    """``detect: {type: classification, id: tx_id, prediction: score, label: fraud, when: recall < 0.7}``."""

    type: Literal["classification"] = "classification"
    threshold: float = 0.5
    """From this score on a record is predicted positive."""
    positive: str | None = None
    """The text that means yes, where the prediction or the label is a text."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("id", "prediction", "label", "size", "positive")


EXAMPLE = {
    "detect": {
        "type": "classification",
        "id": "number",
        "prediction": "value",
        "label": "word",
        "positive": "x",
        "size": "3s",
        "label_wait": "4s",
        "revise": "2s",
        "min_labels": 1,
        "max_waiting": 5,
        "when": "precision < 0.7",
    }
}
"""A monitor for the checks of the contract."""


def _payments() -> tuple[list[float], dict[str, list[object]], None]:
    """Scores that tell fraud well for a day, and no longer from then on; labels come two hours later."""
    draw = np.random.default_rng(4)
    rows: list[tuple[float, str, float | None, bool | None]] = []
    for number in range(1440):
        fraud = bool(draw.random() < 0.3)
        worse = number > 960
        score = float(np.clip(draw.normal(0.4 if worse else (0.75 if fraud else 0.25), 0.15), 0, 1))
        rows += [
            (120.0 * number, f"{number}", score, None),
            (120.0 * number + 7200, f"{number}", None, fraud),
        ]
    rows.sort(key=lambda row: row[0])
    times, ids, scores, labels = (list(column) for column in zip(*rows, strict=True))
    return [float(t) for t in times], {"id": ids, "score": scores, "fraud": labels}, None


PICTURE = Picture(
    "classification: precision falls below 0.6, told as labels come, two hours late",
    {
        "id": "id",
        "prediction": "score",
        "label": "fraud",
        "size": "2h",
        "min_labels": 60,
        "when": "precision < 0.6",
    },
    _payments,
    value="precision",
)


def build(config: Config, context: Context) -> Joined:
    """The detector of one monitor.

    Raises:
        ConfigError: for fields that do not fit.
        ExpressionError: for a condition that does not fit the measures.
    """
    kinds = {key: context.columns.get(getattr(config, key)) for key in ("prediction", "label")}
    texts = [key for key, kind in kinds.items() if kind == "string"]
    if texts and config.positive is None:
        raise ConfigError(
            f"`{getattr(config, texts[0])}` is a text; say which one means yes, such as `positive: fraud`"
        )
    if config.positive is not None and not texts:
        raise ConfigError("positive: neither the prediction nor the label is a text; leave it out")
    prediction, label = (partial(as_numbers, positive=config.positive) for _ in range(2))
    measure = partial(classification_quality, threshold=config.threshold)
    return make(config, context, (prediction, partial(_yes, read=label)), (measure, CLASSIFICATION))


def as_numbers(column: Column, positive: str | None = None) -> FloatArray:
    """float64[n]: numbers as they are, texts 1 where they mean yes; NaN = missing, or as good as infinite."""
    if column.kind == "string":
        import polars as pl

        return (column.series() == positive).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    numbers = column.numbers()
    return np.where(np.abs(numbers) < HUGE, numbers, np.nan)


def _yes(column: Column, read: partial[FloatArray]) -> FloatArray:
    """Labels as 0 and 1: numbers above one half mean yes."""
    numbers = read(column)
    return np.where(np.isnan(numbers), np.nan, (numbers > 0.5).astype(np.float64))
