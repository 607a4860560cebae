"""The loops of ``zscore``, ``ewma`` and ``mad``: how many deviations is a value from the middle of those before.

Strength is the square of the distance in deviations over six, as in :mod:`streamgauge.kernels.levels`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.alarms import LEARNING, Alarms, Answers, Rule, accepted, damped, judge, limit_of
from streamgauge.kernels.jit import inner, lean_kernel
from streamgauge.kernels.levels import DEVIATIONS, strength_of
from streamgauge.kernels.rarity import Pool

LATELY, AGAIN = 0.1, 10
"""How fast the newest level is followed, and how many results a level that was just accepted counts as."""

NORMAL = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""

LARGEST = 1e37
"""Beyond that squares overflow: such values are judged, and teach nothing."""


class Chart(NamedTuple):
    """Per key [S]: what is usual (``taught`` results of it), and the level and scatter lately, whatever they are."""

    mean: NDArray[Any]
    variance: NDArray[Any]
    taught: NDArray[Any]
    lately: NDArray[Any]
    scatter: NDArray[Any]


class Window(NamedTuple):
    """Per key: the newest values that taught, less ``origin``, and their places [S, N] from the smallest to the largest."""

    origin: NDArray[Any]
    ring: NDArray[Any]
    order: NDArray[Any]
    taught: NDArray[Any]


@inner
def deviations(off: float, spread: float, middle: float) -> float:
    """How many ``spread`` s; where nothing ever moved any move is many."""
    tiny = 1e-9 * abs(middle)
    if spread <= tiny:
        return 0.0 if abs(off) <= tiny else 4.0 * DEVIATIONS
    return abs(off) / spread


@inner
def _band(
    alarms: Alarms, pool: Pool, rule: Rule, slot: int, middle: float, spread: float, out: Answers, i: int
) -> None:
    """What was expected, and where it would alarm."""
    width = math.sqrt(limit_of(pool, rule) / damped(alarms, rule, slot, 1.0)) * DEVIATIONS * spread
    out.expected[i], out.lower[i], out.upper[i] = middle, middle - width, middle + width


@inner
def follow(chart: Chart, slot: int, x: float, share: float) -> None:
    """The level lately, and how far values scatter around it."""
    off = x - chart.lately[slot]
    if abs(off) < LARGEST:
        chart.lately[slot] += share * off
        chart.scatter[slot] = (1.0 - share) * (chart.scatter[slot] + share * off * off)


@inner
def teach(chart: Chart, slot: int, off: float, memory: int) -> None:
    """One more value of what is usual, so far off its mean."""
    share = max(1.0 / (chart.taught[slot] + 1), 1.0 / memory)
    if abs(off) < LARGEST:
        chart.mean[slot] += share * off
        chart.variance[slot] = (1.0 - share) * (chart.variance[slot] + share * off * off)
        chart.taught[slot] += 1


@inner
def settle(chart: Chart, slot: int) -> None:
    """The level lately is the usual one from now on."""
    chart.mean[slot] = chart.lately[slot]
    chart.variance[slot] = max(chart.variance[slot], chart.scatter[slot])
    chart.taught[slot] = min(chart.taught[slot], AGAIN)


@lean_kernel
def smoothed(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any],
    chart: Chart, alarms: Alarms, pool: Pool, rule: Rule, side: int,
    weight: float, memory: int, least: float, out: Answers,
) -> None:  # fmt: skip
    """Judge each value (``weight`` 1), or the smoothed one in which the newest weighs so much; then learn from it."""
    narrower = math.sqrt(weight / (2.0 - weight))
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if chart.taught[slot] == 0:
            chart.mean[slot], chart.lately[slot] = x, x
        share = max(1.0 / (chart.taught[slot] + 1), LATELY if weight == 1.0 else weight)
        y = x if weight == 1.0 else chart.lately[slot] + share * (x - chart.lately[slot])
        off = y - chart.mean[slot]
        spread = narrower * max(math.sqrt(chart.variance[slot]), least)
        z = deviations(off, spread, chart.mean[slot])
        if (side > 0 and off < 0.0) or (side < 0 and off > 0.0):
            z = 0.0
        out.nearest[i] = z if weight == 1.0 else y
        if alarms.rows[slot] >= rule.learn:
            _band(alarms, pool, rule, slot, chart.mean[slot], spread, out, i)
        was_open = alarms.open[slot] == 1
        may = judge(alarms, pool, rule, slot, at, strength_of(z), strength_of(z), out, i)
        if apart[i] and not was_open:
            continue
        follow(chart, slot, x, share)  # also apart while its alarm is open: how else would that end
        if apart[i]:
            continue
        if accepted(alarms, rule, slot, at, was_open):
            settle(chart, slot)
        if may:
            teach(chart, slot, x - chart.mean[slot], memory)


@lean_kernel
def mad(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any],
    window: Window, alarms: Alarms, pool: Pool, rule: Rule, side: int, floor: float, least: float, out: Answers,
) -> None:  # fmt: skip
    """Judge each value by the median of the newest that taught, then learn from it."""
    length = window.ring.shape[1]
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if window.taught[slot] == 0:
            window.origin[slot] = x
        y: float = np.float64(np.float32(x - window.origin[slot]))
        kept = min(window.taught[slot], length)
        if alarms.rows[slot] >= rule.learn and 2 * kept < length:
            out.severity[i] = LEARNING
            if not apart[i]:
                _insert(window, slot, y)
            continue
        z, middle, spread = 0.0, 0.0, 0.0
        if kept > 0:
            middle = _middle(window, slot, kept)
            spread = max(
                NORMAL * _mad(window, slot, kept, middle), floor * _deviation(window, slot, kept), least
            )
            z = deviations(y - middle, spread, max(abs(window.origin[slot]), abs(middle)))
        if (side > 0 and y < middle) or (side < 0 and y > middle):
            z = 0.0
        out.nearest[i] = z
        if alarms.rows[slot] >= rule.learn:
            _band(alarms, pool, rule, slot, window.origin[slot] + middle, spread, out, i)
        was_open = alarms.open[slot] == 1
        may = judge(alarms, pool, rule, slot, at, strength_of(z), strength_of(z), out, i)
        if apart[i]:
            continue
        if accepted(alarms, rule, slot, at, was_open):  # the window begins anew
            window.taught[slot], window.origin[slot], y = 0, x, 0.0
        if may:
            _insert(window, slot, y)


@inner
def _sorted(window: Window, slot: int, k: int) -> float:
    """The ``k``-th smallest value."""
    return np.float64(window.ring[slot, window.order[slot, k]])


@inner
def _middle(window: Window, slot: int, kept: int) -> float:
    """The median."""
    half = kept // 2
    if kept % 2 == 1:
        return _sorted(window, slot, half)
    return 0.5 * (_sorted(window, slot, half - 1) + _sorted(window, slot, half))


@inner
def _mad(window: Window, slot: int, kept: int, middle: float) -> float:
    """The median distance from the median: from it outwards to both sides, half of the values are passed."""
    left, right, before, last = kept // 2 - 1, kept // 2, 0.0, 0.0
    for _ in range(kept // 2 + 1):
        below = middle - _sorted(window, slot, left) if left >= 0 else math.inf
        above = _sorted(window, slot, right) - middle if right < kept else math.inf
        before = last
        if below <= above:
            last, left = below, left - 1
        else:
            last, right = above, right + 1
    return last if kept % 2 == 1 else 0.5 * (before + last)


@inner
def _deviation(window: Window, slot: int, kept: int) -> float:
    """The standard deviation of the same values."""
    total, squares = 0.0, 0.0
    for k in range(kept):
        total += np.float64(window.ring[slot, k])
    for k in range(kept):
        off = np.float64(window.ring[slot, k]) - total / kept
        squares += off * off
    return math.sqrt(squares / kept)


@inner
def _insert(window: Window, slot: int, y: float) -> None:
    """Take the oldest value's place, and keep the order."""
    if abs(y) >= LARGEST:
        return
    length = window.ring.shape[1]
    place, kept = window.taught[slot] % length, min(window.taught[slot], length)
    if kept == length:
        k = 0
        while window.order[slot, k] != place:
            k += 1
        kept -= 1
        for j in range(k, kept):
            window.order[slot, j] = window.order[slot, j + 1]
    window.ring[slot, place] = y
    while kept > 0 and _sorted(window, slot, kept - 1) > y:
        window.order[slot, kept] = window.order[slot, kept - 1]
        kept -= 1
    window.order[slot, kept] = place
    window.taught[slot] += 1
