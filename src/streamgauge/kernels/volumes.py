"""How many records a key's windows hold by the hour of the day or week: mean and spread, learned online."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

HOUR = 3_600_000_000
UNSEEN = np.iinfo(np.int64).min


@inner
def season_of(start: int, hours: int) -> int:
    """The hour of the day (``hours`` = 24) or of the week (168, from Monday) that a window begins in, UTC."""
    return int((start // HOUR + (72 if hours == 168 else 0)) % hours)  # 1970 began on a Thursday


@inner
def width(variance: float, count: float, tolerance: float) -> float:
    """How far from the mean is fine: at least a Poisson count's deviations, the more the fewer windows were seen."""
    return float(tolerance * (1.0 + 4.0 / count) * np.sqrt(max(variance, 0.25)))


@inner
def rooted(value: float) -> float:
    """A count on the scale on which its spread is the same at every level: 1/2 for Poisson counts (Anscombe)."""
    return float(np.sqrt(value + 0.375))


@inner
def unrooted(root: float) -> float:
    """Back to counts, none below zero."""
    return max(max(root, 0.0) * max(root, 0.0) - 0.375, 0.0)


@inner
def teach(
    value: float, place: int, mean: NDArray[Any], variance: NDArray[Any], count: NDArray[Any], memory: int
) -> None:
    """Take one window's root into an hour's mean and variance; the newest ``memory`` windows weigh most."""
    n = min(count[place] + 1, memory)
    count[place] = n
    gap = value - mean[place]
    mean[place] += gap / n
    variance[place] = (1 - 1 / n) * (variance[place] + gap * gap / n)


@kernel
def judge(
    slots: NDArray[Any],
    starts: NDArray[Any],
    values: NDArray[Any],
    kinds: NDArray[Any],
    first: NDArray[Any],
    newest: NDArray[Any],
    since: NDArray[Any],
    mean: NDArray[Any],
    variance: NDArray[Any],
    count: NDArray[Any],
    out: NDArray[Any],
    rule: NDArray[Any],
    tolerance: float,
) -> None:
    """Find what each window should hold, and learn from it.

    Args:
        slots, starts, values: int32[n] (≥ 0), int64[n], float64[n]: key, beginning, records.
        kinds: int8[n]: 0 judge only (no record: it is taught when a later one comes), 1 judge and learn, 2 judge, and
            learn nothing, since it was seen in part or lies in a maintenance.
        first, newest, since: int64[S]: the key's first and newest window, and since when it lies outside; UNSEEN.
        mean, variance, count: float64[S * hours] each, of the roots of the values.
        out: float64[n, 3]: mean, lower, upper; NaN while it learns.
        rule: int64[5]: advance, hours of the season, how long a key learns, after how long outside is the normal
            level, windows remembered per hour.
        tolerance: standard deviations on either side.
    """
    advance, hours, learn, accept, memory = rule[0], rule[1], rule[2], rule[3], rule[4]
    for i in range(slots.shape[0]):
        slot, start, value = slots[i], starts[i], values[i]
        base = slot * hours
        place = base + season_of(start, hours)
        out[i, 0] = out[i, 1] = out[i, 2] = np.nan
        outside = False
        young = first[slot] == UNSEEN or start - first[slot] < learn
        if not young and count[place] >= 3:
            wide = width(variance[place], count[place], tolerance)
            out[i, 0] = unrooted(mean[place])
            out[i, 1], out[i, 2] = unrooted(mean[place] - wide), unrooted(mean[place] + wide)
            outside = value < out[i, 1] or value > out[i, 2]
        if kinds[i] == 0 or (newest[slot] != UNSEEN and start <= newest[slot]):
            continue
        if first[slot] == UNSEEN:
            first[slot] = start
        elif kinds[i] == 1:
            gap = max(newest[slot] + advance, start - hours * HOUR)
            while gap < start:  # windows without records, of one season at most
                empty = base + season_of(gap, hours)
                few = young or count[empty] < 3
                if few or mean[empty] - width(variance[empty], count[empty], tolerance) <= rooted(0.0):
                    teach(rooted(0.0), empty, mean, variance, count, memory)
                gap += advance
        newest[slot] = start
        if kinds[i] == 2:
            continue
        if outside:
            if since[slot] == UNSEEN:
                since[slot] = start
            if start - since[slot] < accept:
                continue
            count[place] = min(count[place], 3.0)  # it has lasted: learn the new level fast
        else:
            since[slot] = UNSEEN
        teach(rooted(value), place, mean, variance, count, memory)
