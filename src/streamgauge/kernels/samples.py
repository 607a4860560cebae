"""Exact distances of two samples in one compiled pass: as in ``statistics/two_samples.py``, sorting included.

Samples are float64, without missing values, not empty. Sorting puts values into narrow intervals and then
mends their order within each, which is quick where values are spread; where many fall into one interval the usual sort
takes over. What a distance is made of does not depend on how its samples were sorted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import FloatArray
from streamgauge.kernels import jit
from streamgauge.kernels.jit import inner, kernel
from streamgauge.statistics import two_samples
from streamgauge.statistics.two_samples import Answer

FINE, CROWD = 4, 32
"""So many intervals there are per value; more values than ``CROWD`` in one are sorted the usual way."""


def kolmogorov_smirnov(a: FloatArray, b: FloatArray) -> Answer:
    """See :func:`streamgauge.statistics.two_samples.kolmogorov_smirnov`."""
    if not jit.compiled() or not len(a) or not len(b):
        return two_samples.kolmogorov_smirnov(a, b)
    distance = furthest(in_order(a), in_order(b))
    return Answer(distance, two_samples.chance_of(distance, len(a), len(b)))


def wasserstein(a: FloatArray, b: FloatArray) -> float:
    """See :func:`streamgauge.statistics.two_samples.wasserstein`."""
    if not jit.compiled() or not len(a) or not len(b):
        return two_samples.wasserstein(a, b)
    return float(area(in_order(a), in_order(b)))


@kernel
def in_order(values: NDArray[Any]) -> NDArray[Any]:
    """float64[n]: a sorted copy. A reference that is compared often is sorted once."""
    count = values.shape[0]
    least, most = values[0], values[0]
    for i in range(count):
        x = values[i]
        least = min(least, x)
        most = max(most, x)
    room = FINE * count
    scale = (room - 1) / (most - least) if most > least else math.inf
    if not 0.0 < scale < math.inf:
        return np.sort(values)
    ordered, place, ends = np.empty(count), np.empty(count, np.int32), np.zeros(room + 1, np.int32)
    for i in range(count):
        place[i] = np.int32((values[i] - least) * scale)
        ends[place[i] + 1] += 1
    crowd = 0
    for k in range(room):
        crowd = max(crowd, ends[k + 1])
        ends[k + 1] += ends[k]
    if crowd > CROWD:
        return np.sort(values)
    for i in range(count):
        at = ends[place[i]]
        ordered[at] = values[i]
        ends[place[i]] = at + 1
    _mend(ordered)
    return ordered


@inner
def _mend(ordered: NDArray[Any]) -> None:
    """Sort what is nearly in order."""
    for i in range(1, ordered.shape[0]):
        x, k = ordered[i], i
        while k > 0 and ordered[k - 1] > x:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = x


@kernel
def area(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The area between the distribution functions of two sorted samples: quantile by quantile."""
    n, m = a.shape[0], b.shape[0]
    if not (
        math.isfinite(a[0]) and math.isfinite(a[n - 1]) and math.isfinite(b[0]) and math.isfinite(b[m - 1])
    ):
        return math.inf
    total = 0.0
    if n == m:
        for i in range(n):
            total += abs(a[i] - b[i])
        return float(total / n)
    i, j, at = 0, 0, 0  # in units of 1 / (n m): a's quantiles are m wide, b's are n
    while i < n:
        end = min((i + 1) * m, (j + 1) * n)
        total += (end - at) * abs(a[i] - b[j])
        at = end
        if end == (i + 1) * m:
            i += 1
        if end == (j + 1) * n:
            j += 1
    return float(total / (n * m))


@kernel
def furthest(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest difference of the distribution functions of two sorted samples."""
    n, m = a.shape[0], b.shape[0]
    i, j, apart, most = 0, 0, 0, 0
    x = min(a[0], b[0])
    while True:  # one value a turn, without a branch that could be guessed wrongly
        first = int(a[i] <= b[j])
        i, j, apart = i + first, j + 1 - first, apart + first * (n + m) - n
        if i == n or j == m:
            break
        following = min(a[i], b[j])
        most = max(most, abs(apart) * int(following > x))  # between equal values there is no step
        x = following
    while i < n and a[i] == x:
        i += 1
    while j < m and b[j] == x:
        j += 1
    return float(max(most, abs(i * m - j * n)) / (n * m))
