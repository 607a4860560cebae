"""Where a series stands: the mean since its level last moved, and the median of its newest part.

As in :mod:`.seasons` each loop answers for several ends of the past at once, ``ends`` is int64[e], ascending, and ``out``
float64[e, h] is set to what is expected of the h steps after each: the same for all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel


@kernel
def means(y: NDArray[Any], turn: int, most: int, far: float, ends: NDArray[Any], out: NDArray[Any]) -> None:
    """The mean of the newest turns whose means do not lie apart.

    Args:
        y: float64[n], NaN = missing.
        turn: values that are taken together, such as those of a day.
        most: turns that are looked back.
        far: standard errors from which on the mean of a turn lies apart from that of the ones after it.
        ends, out: see the module's text.
    """
    n, origin = y.shape[0], 0.0
    for i in range(n):
        if not math.isnan(y[i]):
            origin = y[i]  # sums of what lies near it are exact
            break
    known, total, square = np.zeros(n + 1, np.int64), np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        off = 0.0 if math.isnan(y[i]) else y[i] - origin
        known[i + 1] = known[i] + (0 if math.isnan(y[i]) else 1)
        total[i + 1] = total[i] + off
        square[i + 1] = square[i] + off * off
    for e in range(ends.shape[0]):
        level = origin + _standing(known, total, square, turn, most, far, ends[e])
        for h in range(out.shape[1]):
            out[e, h] = level


@inner
def _standing(
    known: NDArray[Any], total: NDArray[Any], square: NDArray[Any], turn: int, most: int, far: float, end: int
) -> float:
    turns, within, free = min(most, end // turn), 0.0, 0
    for k in range(turns):
        stop = end - k * turn
        start = stop - turn
        count = known[stop] - known[start]
        if count > 0:
            part = total[stop] - total[start]
            within += square[stop] - square[start] - part * part / count
            free += count - 1
    spread = far * math.sqrt(max(within, 0.0) / max(free, 1))
    held, stood = 0, 0.0
    for k in range(turns):
        stop = end - k * turn
        start = stop - turn
        count = known[stop] - known[start]
        if count > 0:
            part = total[stop] - total[start]
            if held > 0 and abs(part / count - stood / held) > spread * math.sqrt(1.0 / count + 1.0 / held):
                break
            held += count
            stood += part
    if held == 0:
        held, stood = known[end], total[end]
    return float(stood / max(held, 1))


@kernel
def medians(y: NDArray[Any], ordered: NDArray[Any], most: int, ends: NDArray[Any], out: NDArray[Any]) -> None:
    """The median of the newest ``most`` values.

    It is one of the sorted values, or lies between two: it is looked for among them by halves, and counting how many
    are no larger takes less time than to sort for each end.

    Args:
        y: float64[n], NaN = missing.
        ordered: the known ones of them, sorted.
        most: values that are looked back.
        ends, out: see the module's text.
    """
    for e in range(ends.shape[0]):
        end = ends[e]
        start = max(0, end - most)
        count = _no_larger(y, start, end, math.inf)
        if count == 0:
            start, count = 0, _no_larger(y, 0, end, math.inf)
        median = _middle(y, ordered, start, end, count) if count > 0 else 0.0
        for h in range(out.shape[1]):
            out[e, h] = median


@inner
def _no_larger(y: NDArray[Any], start: int, end: int, x: float) -> int:
    count = 0
    for i in range(start, end):
        count += 1 if y[i] <= x else 0
    return count


@inner
def _middle(y: NDArray[Any], ordered: NDArray[Any], start: int, end: int, count: int) -> float:
    low, high, rank = 0, ordered.shape[0] - 1, (count - 1) // 2
    while low < high:
        half = (low + high) // 2
        if _no_larger(y, start, end, ordered[half]) > rank:
            high = half
        else:
            low = half + 1
    found = float(ordered[low])
    if count % 2 == 1 or _no_larger(y, start, end, found) > rank + 1:
        return found
    after = math.inf
    for i in range(start, end):
        if y[i] > found and y[i] < after:
            after = y[i]
    return (found + after) / 2.0
