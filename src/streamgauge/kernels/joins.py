"""Predictions and their labels, which come in any order, twice, late, or never.

A row per id holds what is known of it. Its window is that of its prediction.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel

NONE = -1
"""The window of an id without a prediction."""


class Pairs(NamedTuple):
    """What is known of each id.

    int32[R] its window (NONE: only a label is known), float64[R] each (NaN: not known), int64[R] the event time of the
    newest label.
    """

    window: NDArray[np.int32]
    prediction: NDArray[np.float64]
    label: NDArray[np.float64]
    labelled: NDArray[np.int64]


class Tallies(NamedTuple):
    """What is counted of each window.

    int64[W] each: predictions, labels among them, labels that changed, predictions that came again, those that found
    no room; bool[W]: whether anything changed since it was last told.
    """

    predictions: NDArray[np.int64]
    labels: NDArray[np.int64]
    changed: NDArray[np.int64]
    repeated: NDArray[np.int64]
    left_out: NDArray[np.int64]
    news: NDArray[np.bool_]


@kernel
def join(
    rows: NDArray[Any],
    windows: NDArray[Any],
    times: NDArray[Any],
    predictions: NDArray[Any],
    labels: NDArray[Any],
    full: int,
    pairs: Pairs,
    tallies: Tallies,
) -> None:
    """Take in records in their order.

    Args:
        rows: int32[n], the id's row; -1 = the id is missing.
        windows: int32[n], the window of the record's own time; NONE where that is over for good.
        times, predictions, labels: int64[n], float64[n] (NaN = the record has none).
        full: the row that ids share which found no room; -1 = there is none.
        pairs, tallies: changed in place.
    """
    for i in range(rows.shape[0]):
        row, window = rows[i], windows[i]
        if row < 0:
            continue
        if row == full:
            if window != NONE and not math.isnan(predictions[i]):
                tallies.left_out[window] += 1
                tallies.news[window] = True
            continue
        if not math.isnan(predictions[i]) and window != NONE:
            if pairs.window[row] != NONE:
                tallies.repeated[pairs.window[row]] += 1
            else:
                pairs.window[row] = window
                pairs.prediction[row] = predictions[i]
                tallies.predictions[window] += 1
                tallies.news[window] = True
                if not math.isnan(pairs.label[row]):
                    tallies.labels[window] += 1
        if not math.isnan(labels[i]):
            before, own = pairs.label[row], pairs.window[row]
            pairs.labelled[row] = max(times[i], pairs.labelled[row])
            if before == labels[i]:
                continue
            pairs.label[row] = labels[i]
            if own != NONE:
                tallies.news[own] = True
                if math.isnan(before):
                    tallies.labels[own] += 1
                else:
                    tallies.changed[own] += 1
