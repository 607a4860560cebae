"""How far off forecasts of the past were: each model's, and the mean of each two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel


@kernel
def misses(told: NDArray[Any], came: NDArray[Any], out: NDArray[Any]) -> int:
    """Mean absolute errors over what is known of what came; returns how much that is, and sets nothing where it is 0.

    Args:
        told: float64[m, e, h]: of each model what it expected after each end; no NaN.
        came: float64[c, l], NaN = missing, c at most e and l at most h.
        out: float64[m, m]: set at [a, a] to the error of a model, at [a, b], a < b, to that of the mean of two.
    """
    models, cuts, length = told.shape[0], came.shape[0], came.shape[1]
    off, known = np.zeros((models, cuts, length)), 0
    for c in range(cuts):
        for i in range(length):
            if not math.isnan(came[c, i]):
                known += 1
                for a in range(models):
                    off[a, c, i] = told[a, c, i] - came[c, i]
    if known == 0:
        return 0
    total = np.empty(length)
    for a in range(models):
        for b in range(a, models):
            for i in range(length):
                total[i] = 0.0
            for c in range(cuts):
                for i in range(length):
                    total[i] += abs(off[a, c, i] + off[b, c, i])
            whole = 0.0
            for i in range(length):
                whole += total[i]
            out[a, b] = whole / 2.0 / known
    return known
