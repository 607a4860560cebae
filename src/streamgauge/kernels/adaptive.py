"""The loop of ``adwin``: a window that grows while its level is one, and loses its older part when it is not.

The window is held as buckets of 1, 2, 4 … results, few of each size, so that a thousand results take forty buckets.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray

from streamgauge.kernels.alarms import Alarms, Answers, Rule, accepted, judge, limit_of
from streamgauge.kernels.charts import LARGEST, Chart, follow
from streamgauge.kernels.jit import inner, lean_kernel
from streamgauge.kernels.rarity import Pool
from streamgauge.kernels.shifts import FOLLOWED, Told, begin, forget, stands, tell

BUCKETS, ALIKE = 40, 4
"""Buckets per key, and how many of one size."""

REMEMBERED = 32
"""As so many results a level counts that is back after a change."""


class Buckets(NamedTuple):
    """Per key, from the oldest to the newest [S, BUCKETS]; ``used`` [S] of them.

    Results, their sum less ``origin`` [S], their squared distances from their mean, and when the first began. ``scatter`` [S]
    is the variance before an open change.
    """

    origin: NDArray[Any]
    used: NDArray[Any]
    results: NDArray[Any]
    total: NDArray[Any]
    squares: NDArray[Any]
    began: NDArray[Any]
    scatter: NDArray[Any]


@lean_kernel
def adwin(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any], starts: NDArray[Any],
    chart: Chart, buckets: Buckets, told: Told, alarms: Alarms, pool: Pool, rule: Rule, side: int,
    chance: float, shortest: int, least: float, out: Answers, change: Told,
) -> None:  # fmt: skip
    """Tell when an older and a newer part of the window differ by more than chance, and drop the older part."""
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if begin(chart, slot, x):
            buckets.origin[slot] = x
        was_open, strength, cut = alarms.open[slot] == 1, 0.0, 0
        if alarms.rows[slot] >= rule.learn:
            out.expected[i] = chart.mean[slot]
        if not apart[i] and abs(x) < LARGEST:
            append(buckets, slot, x - buckets.origin[slot], starts[i])
            chart.taught[slot] += 1
        if was_open or not apart[i]:
            follow(chart, slot, x, FOLLOWED)
        results, mean, variance = whole(buckets, slot)
        if was_open:
            strength = stands(chart, told, slot)
        elif alarms.rows[slot] >= rule.learn and not apart[i]:
            cut, strength = _strongest(buckets, slot, side, results, chance, shortest)
            spread = max(math.sqrt(variance), least)
            flat = spread <= 1e-9 * abs(mean + buckets.origin[slot])
            strength = 0.0 if flat else strength / spread
        fresh = 0.0 if was_open else strength
        may = judge(alarms, pool, rule, slot, at, fresh, strength, out, i)
        if not may and not was_open:
            _open(chart, buckets, told, slot, cut)
            results, mean, variance = whole(buckets, slot)
        elif was_open and may:
            forget(alarms, slot)
            if accepted(
                alarms, rule, slot, at, was_open
            ):  # what it was cut with of the level before must not be told again
                cut, strength = _strongest(buckets, slot, 0, results, chance, shortest)
                if strength >= 0.5 * limit_of(pool, rule) * max(math.sqrt(variance), least):
                    _drop(buckets, slot, cut)
            else:
                _back(buckets, told, slot, starts[i])
            results, mean, variance = whole(buckets, slot)
        if alarms.open[slot] == 1:
            tell(told, slot, change, i)
        if results > 0.0:
            chart.mean[slot] = buckets.origin[slot] + mean
            chart.variance[slot] = variance


@inner
def whole(buckets: Buckets, slot: int) -> tuple[float, float, float]:
    """Results, mean and variance of the window."""
    results, total, squares = 0.0, 0.0, 0.0
    for k in range(buckets.used[slot]):
        results += buckets.results[slot, k]
        total += buckets.total[slot, k]
    if results == 0.0:
        return 0.0, 0.0, 0.0
    mean = total / results
    for k in range(buckets.used[slot]):
        off = buckets.total[slot, k] / buckets.results[slot, k] - mean
        squares += buckets.squares[slot, k] + buckets.results[slot, k] * off * off
    return results, mean, squares / results


@inner
def _strongest(
    buckets: Buckets, slot: int, side: int, results: float, chance: float, shortest: int
) -> tuple[int, float]:
    """The cut whose parts differ most, as a multiple of what chance allows; in the unit of the values."""
    total = 0.0
    for k in range(buckets.used[slot]):
        total += buckets.total[slot, k]
    found, strength, older, sum_older = 0, 0.0, 0.0, 0.0
    bound = math.log(2.0 * math.log(max(results, 3.0)) / chance)
    for k in range(1, buckets.used[slot]):
        older += buckets.results[slot, k - 1]
        sum_older += buckets.total[slot, k - 1]
        newer = results - older
        if older < shortest or newer < shortest:
            continue
        off = (total - sum_older) / newer - sum_older / older
        if (side > 0 and off < 0.0) or (side < 0 and off > 0.0):
            continue
        inverse = 1.0 / older + 1.0 / newer
        one = abs(off) / (math.sqrt(2.0 * inverse * bound) + 2.0 / 3.0 * inverse * bound)
        if one > strength:
            found, strength = k, one
    return found, strength


@inner
def _open(chart: Chart, buckets: Buckets, told: Told, slot: int, cut: int) -> None:
    """Tell of a change, and drop what is older."""
    older, total, newer, since, squares = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(cut):
        older += buckets.results[slot, k]
        total += buckets.total[slot, k]
        squares += buckets.squares[slot, k]
    for k in range(cut, buckets.used[slot]):
        newer += buckets.results[slot, k]
        since += buckets.total[slot, k]
    told.before[slot] = buckets.origin[slot] + total / older
    told.after[slot] = buckets.origin[slot] + since / newer
    told.began[slot], told.results[slot] = buckets.began[slot, cut], int(newer)
    buckets.scatter[slot] = squares / older
    chart.lately[slot] = told.after[slot]
    _drop(buckets, slot, cut)


@inner
def _drop(buckets: Buckets, slot: int, cut: int) -> None:
    """The window begins at that bucket."""
    for k in range(cut, buckets.used[slot]):
        _move(buckets, slot, k, k - cut)
    buckets.used[slot] -= cut


@inner
def _back(buckets: Buckets, told: Told, slot: int, start: int) -> None:
    """The level before is back: the window is what is remembered of it."""
    buckets.used[slot] = 1
    buckets.results[slot, 0] = REMEMBERED
    buckets.total[slot, 0] = REMEMBERED * (told.before[slot] - buckets.origin[slot])
    buckets.squares[slot, 0] = REMEMBERED * buckets.scatter[slot]
    buckets.began[slot, 0] = start


@inner
def append(buckets: Buckets, slot: int, y: float, start: int) -> None:
    """One more result; of more than ``ALIKE`` buckets of a size the two oldest become one."""
    if buckets.used[slot] == BUCKETS:
        _drop(buckets, slot, 1)
    end = buckets.used[slot]
    buckets.results[slot, end], buckets.total[slot, end] = 1, y
    buckets.squares[slot, end], buckets.began[slot, end] = 0.0, start
    buckets.used[slot] += 1
    end, size = end + 1, 1
    while True:
        first = end
        while first > 0 and buckets.results[slot, first - 1] == size:
            first -= 1
        if end - first <= ALIKE:
            break
        _merge(buckets, slot, first)
        end, size = first + 1, 2 * size


@inner
def _merge(buckets: Buckets, slot: int, k: int) -> None:
    """Bucket ``k`` takes in the one after it, which is as large."""
    size = buckets.results[slot, k]
    off = (buckets.total[slot, k + 1] - buckets.total[slot, k]) / size
    buckets.squares[slot, k] += buckets.squares[slot, k + 1] + 0.5 * size * off * off
    buckets.total[slot, k] += buckets.total[slot, k + 1]
    buckets.results[slot, k] = 2 * size
    for j in range(k + 2, buckets.used[slot]):
        _move(buckets, slot, j, j - 1)
    buckets.used[slot] -= 1


@inner
def _move(buckets: Buckets, slot: int, at: int, to: int) -> None:
    buckets.results[slot, to], buckets.total[slot, to] = buckets.results[slot, at], buckets.total[slot, at]
    buckets.squares[slot, to], buckets.began[slot, to] = buckets.squares[slot, at], buckets.began[slot, at]
