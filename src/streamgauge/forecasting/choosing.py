"""Which model did best on the past, and how wide a band must be to hold what comes.

The newest part of the past is cut off several times and forecast from what came before it. The model with the least
mean absolute error carries on; the absolute errors that it made then set the band (split-conformal): the share
``interval`` of them lies within it, one more counted for safety. Errors of one forecast belong together, so a few
cut-offs tell less than their many errors seem to: the band is widened by one part in their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray, IntArray
from streamgauge.forecasting.models import MODELS, Model
from streamgauge.forecasting.optional import optional
from streamgauge.forecasting.series import Series

LEAST = 20
"""Values below which there is no forecast."""
CUTS = 6
_BLOCKS = 4
"""Parts of the horizon whose bands are set apart, each no narrower than the one before."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected.

    Attributes:
        moments: int64[h] microseconds.
        expected, lower, upper: float64[h]; NaN bounds where the past was too short to try the model on.
        model: the model's name.
        errors: by model, the mean absolute error on the past; what decided.
        cuts: how many forecasts of the past that is the mean of.
    """

    moments: IntArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    model: str
    errors: Mapping[str, float]
    cuts: int


def forecast(series: Series, steps: int, *, model: str = "auto", interval: float = 0.9) -> Forecast | None:
    """Carry on ``series`` for ``steps``; None where fewer than ``LEAST`` values are known.

    Args:
        series: the past.
        steps: how far.
        model: ``auto``, or one of :data:`~streamgauge.forecasting.models.MODELS` or of those of
            :mod:`~streamgauge.forecasting.optional`, which ``auto`` does not try: they are slow.
        interval: the share of what comes that the band should hold.
    """
    if series.known < LEAST:
        return None
    names = list(MODELS) if model == "auto" else [model]
    cuts, length = _cuts(series, steps)
    ways = {name: MODELS[name] if name in MODELS else optional(name) for name in names}
    tried = {name: _errors(way, series, cuts, length) for name, way in ways.items()}
    means = {name: float(np.nanmean(errors)) for name, errors in tried.items() if _some(errors)}
    chosen = min(means, key=means.__getitem__) if means else names[0]
    expected = ways[chosen](series, steps)
    half = _band(tried[chosen], steps, interval)
    lower, upper = expected - half, expected + half
    if np.nanmin(series.values) >= 0:  # what was never below zero is not expected there
        expected, lower, upper = (np.maximum(part, 0.0) for part in (expected, lower, upper))
    return Forecast(series.next_moments(steps), expected, lower, upper, chosen, means, len(cuts))


def _cuts(series: Series, steps: int) -> tuple[Sequence[int], int]:
    """Where the past is cut off, and how far each forecast goes.

    Short forecasts are tried at other times of day each, over several days where the past is long enough.
    """
    n, season = len(series), (series.seasons() or (1,))[0]
    train = max(LEAST // 2, 2 * season)
    length = max(1, min(steps, (n - train) // 2))
    apart = max(length, min((n - train - length) // CUTS, season + season // CUTS + 1))
    count = min(CUTS, max(0, (n - train - length) // apart + 1))
    return [n - length - apart * k for k in range(count)], length


def _errors(model: Model, series: Series, cuts: Sequence[int], length: int) -> FloatArray:
    """float64[cuts, length]: absolute errors, NaN where nothing came."""
    found = np.full((len(cuts), length), np.nan)
    for row, cut in enumerate(cuts):
        past = Series(series.start, series.step, series.values[:cut])
        if past.known >= LEAST // 2:
            found[row] = np.abs(model(past, length) - series.values[cut : cut + length])
    return found


def _band(errors: FloatArray, steps: int, interval: float) -> FloatArray:
    """float64[steps]: half the width of the band; beyond what was tried it grows as a random walk does."""
    if not _some(errors):
        return np.full(steps, np.nan)
    tries, length = errors.shape
    blocks = np.array_split(np.arange(length), min(_BLOCKS, length))
    widths, widest = np.zeros(length), 0.0
    for block in blocks:
        known = errors[:, block][~np.isnan(errors[:, block])]
        if len(known):
            rank = min(math.ceil((len(known) + 1) * interval), len(known))
            widest = max(widest, float(np.partition(known, rank - 1)[rank - 1]))
        widths[block] = widest
    ahead = np.arange(steps)
    grown = np.sqrt(np.maximum((ahead + 1) / length, 1.0))
    half: FloatArray = widths[np.minimum(ahead, length - 1)] * grown * (1.0 + 1.0 / tries)
    return half


def _some(errors: FloatArray) -> bool:
    return bool(errors.size and (~np.isnan(errors)).any())
