"""Which model did best on the past, and how wide a band must be to hold what comes.

The newest part of the past is cut off several times and forecast from what came before it. The model with the least
mean absolute error carries on. Two things must earn it, by errors that are smaller by the share ``EARNED`` than the least
of the others: ``median``, which follows no move of the level before half of what it looks at has moved; and the mean of two
models, as among so many pairs one is always a little better by chance. The absolute errors that were made then set the band
(split-conformal): the share ``interval`` of them lies within it, one more counted for safety. Errors of one forecast
belong together, so a few cut-offs tell less than their many errors seem to: the band is widened by one part in their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import BoolArray, FloatArray, IntArray
from streamgauge.forecasting.models import MODELS, Model, at_each_end
from streamgauge.forecasting.optional import optional
from streamgauge.forecasting.series import Series
from streamgauge.kernels.trying import misses

LEAST = 20
"""Values below which there is no forecast."""
CUTS = 10
EARNED = 0.03
BY_EARNING = ("median",)
"""The models that need it, beside each mean of two."""
AND = "+"
"""Between the names of two models whose mean it is."""
_BLOCKS = 4
"""Parts of the horizon whose bands are set apart, each no narrower than the one before."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected.

    Attributes:
        moments: int64[h] microseconds.
        expected, lower, upper: float64[h]; NaN bounds where the past was too short to try the model on.
        model: the model's name, or two with a ``+`` between them: their mean.
        errors: by model, the mean absolute error on the past; what decided. Of two models only where they were chosen.
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
            :mod:`~streamgauge.forecasting.optional`, which ``auto`` does not try: they are slow. Or two, ``A+B``.
        interval: the share of what comes that the band should hold.
    """
    known = ~np.isnan(series.values)
    if np.count_nonzero(known) < LEAST:
        return None
    cuts, length = _cuts(series, steps, known)
    ends = np.array([*cuts, len(series)], np.int64)
    names = list(MODELS) if model == "auto" else [model]
    told = np.stack([_told(name, series, ends, steps) for name in names])
    came = series.values[ends[:-1, np.newaxis] + np.arange(length)]
    tried = np.full((len(names), len(names)), np.inf)
    some = misses(told, came, tried) > 0
    first, second = chosen(names, tried) if some else (0, 0)
    name = names[first] if first == second else f"{names[first]}{AND}{names[second]}"
    errors = dict(zip(names, tried.diagonal().tolist(), strict=True)) if some else {}
    errors |= {name: float(tried[first, second])} if some else {}
    said = (told[first] + told[second]) / 2.0
    half = _band(np.abs(said[:-1, :length] - came), steps, interval) if some else np.full(steps, np.nan)
    expected = said[-1]
    lower, upper = expected - half, expected + half
    if series.values[known].min() >= 0:  # what was never below zero is not expected there
        expected, lower, upper = (np.maximum(part, 0.0) for part in (expected, lower, upper))
    return Forecast(series.next_moments(steps), expected, lower, upper, name, errors, len(cuts))


def chosen(names: list[str], tried: FloatArray) -> tuple[int, int]:
    """The places of the two models whose mean carries on; twice the same where it is one alone.

    ``tried`` is float64[m, m] as of :func:`~streamgauge.kernels.trying.misses`, infinite where nothing is set.

    >>> tried = np.array([[4.0, 3.9, 3.8], [np.inf, 5.0, 3.9], [np.inf, np.inf, 3.9]])
    >>> chosen(["theta", "level", "median"], tried)  # theta and median in the mean: 5 % less than theta
    (0, 2)
    >>> chosen(["theta", "level", "median"], np.where(tried == 3.8, 3.9, tried))  # nothing is 3 % less
    (0, 0)
    """
    alone = [place for place, name in enumerate(names) if name not in BY_EARNING] or [0]
    best = min(alone, key=lambda place: float(tried[place, place]))
    first, second = divmod(int(tried.argmin()), len(names))
    return (first, second) if tried[first, second] < (1.0 - EARNED) * tried[best, best] else (best, best)


def _told(name: str, series: Series, ends: IntArray, steps: int) -> FloatArray:
    """What a model expects, or two in the mean: float64[ends, steps]."""
    one, *other = (_model(part)(series, ends, steps) for part in name.split(AND))
    return (one + other[0]) / 2.0 if other else one


def _model(name: str) -> Model:
    return MODELS[name] if name in MODELS else at_each_end(optional(name))


def _cuts(series: Series, steps: int, known: BoolArray) -> tuple[list[int], int]:
    """Where the past is cut off, ascending, and how far each forecast goes.

    Short forecasts are tried at other times of day each, over several days where the past is long enough.
    """
    n, season = len(series), (series.seasons() or (1,))[0]
    train = max(LEAST // 2, 2 * season)
    length = max(1, min(steps, (n - train) // 2))
    apart = max(length, min((n - train - length) // CUTS, season + season // CUTS + 1))
    count = min(CUTS, max(0, (n - train - length) // apart + 1))
    cuts = [n - length - apart * k for k in range(count - 1, -1, -1)]
    return [cut for cut in cuts if np.count_nonzero(known[:cut]) >= LEAST // 2], length


def _band(errors: FloatArray, steps: int, interval: float) -> FloatArray:
    """float64[steps]: half the width of the band; beyond what was tried it grows as a random walk does.

    ``errors`` is float64[cuts, length], NaN where nothing came; some are known.
    """
    tries, length = errors.shape
    parts = min(_BLOCKS, length)
    widths, widest, start = np.zeros(steps), 0.0, 0
    for part in range(parts):
        stop = start + length // parts + (part < length % parts)
        block = np.sort(errors[:, start:stop], axis=None)  # NaN comes last
        count = int(np.searchsorted(block, np.inf, "right"))
        if count:
            widest = max(widest, float(block[min(math.ceil((count + 1) * interval), count) - 1]))
        widths[start:stop] = widest
        start = stop
    widths[length:] = widest * np.sqrt(np.arange(length + 1, steps + 1) / length)
    half: FloatArray = widths * (1.0 + 1.0 / tries)
    return half
