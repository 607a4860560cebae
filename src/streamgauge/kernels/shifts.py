"""The loops of ``page_hinkley`` and ``change_point``: has the level changed, since when, and by how much.

Both add up how far values are from the usual level, in standard deviations. A single value counts as at most ``MOST`` of
them, so that one spike is no change. What is found is told once; while its alarm is open nothing is added up.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray

from streamgauge.kernels.alarms import Alarms, Answers, Rule, accepted, judge
from streamgauge.kernels.charts import LARGEST, Chart, follow, settle, teach
from streamgauge.kernels.jit import inner, lean_kernel
from streamgauge.kernels.levels import DEVIATIONS
from streamgauge.kernels.rarity import Pool

MOST = 4.0
"""So many deviations one value counts at most."""

SURE = 10.0
"""A Page-Hinkley sum of so many deviations is a strength of 1."""

POINTS = 8
"""Moments at which a change may have begun, kept per key and direction."""

FOLLOWED, BACK = 0.05, 0.25
"""How fast the newest level is followed, and the share of a change that is left of it when the level counts as back."""

STANDS = 1e9
"""The strength by which an alarm goes on while its new level stands."""


class Told(NamedTuple):
    """Per key [S]: the change that is open: levels before and after, when it began, in how many results it was found."""

    before: NDArray[Any]
    after: NDArray[Any]
    began: NDArray[Any]
    results: NDArray[Any]


class Sums(NamedTuple):
    """Per key and direction [S, 2]: the sum, how many results it is of, their values' sum less ``origin`` [S], the first."""

    origin: NDArray[Any]
    height: NDArray[Any]
    results: NDArray[Any]
    total: NDArray[Any]
    began: NDArray[Any]


class Points(NamedTuple):
    """Where a change may have begun: the lower hull of the walk of deviations, per key and direction [S, 2, POINTS].

    ``kept`` [S, 2] of them, each with its ``place`` (results before it), the ``walk`` and the ``total`` of values there, and
    when the next result began. ``seen``, ``walked``, ``summed`` [S]: the same now. ``origin`` [S] is taken from values.
    """

    origin: NDArray[Any]
    seen: NDArray[Any]
    walked: NDArray[Any]
    summed: NDArray[Any]
    kept: NDArray[Any]
    place: NDArray[Any]
    walk: NDArray[Any]
    total: NDArray[Any]
    began: NDArray[Any]


@inner
def begin(chart: Chart, slot: int, x: float) -> bool:
    """The first value of a key is its level; whether this was it."""
    first = chart.taught[slot] == 0
    if first:
        chart.mean[slot], chart.lately[slot] = x, x
    return bool(first)


@inner
def standardised(chart: Chart, slot: int, x: float, least: float) -> float:
    """Deviations from the usual level, at most ``MOST``; where nothing ever moved any move is that many."""
    off, spread = x - chart.mean[slot], max(math.sqrt(chart.variance[slot]), least)
    tiny = 1e-9 * abs(chart.mean[slot])
    if spread <= tiny:
        return 0.0 if abs(off) <= tiny else math.copysign(MOST, off)
    return float(min(max(off / spread, -MOST), MOST))


@inner
def stands(chart: Chart, told: Told, slot: int) -> float:
    """The strength of an open alarm: the level lately is still away from the one before, or it is not."""
    size = told.after[slot] - told.before[slot]
    back = (chart.lately[slot] - told.before[slot]) * math.copysign(1.0, size) < BACK * abs(size)
    return 0.0 if back else STANDS


@inner
def tell(told: Told, slot: int, change: Told, i: int) -> None:
    """What is known of the open change, with a result."""
    change.before[i], change.after[i] = told.before[slot], told.after[slot]
    change.began[i], change.results[i] = told.began[slot], told.results[slot]


@inner
def forget(alarms: Alarms, slot: int) -> None:
    """A change that is over mutes nothing."""
    alarms.high[slot], alarms.queued[slot] = 0.0, 0


@inner
def _learn(
    chart: Chart, alarms: Alarms, rule: Rule, slot: int, at: int, x: float, least: float, memory: int,
    was_open: bool, may: bool, maintained: bool,
) -> None:  # fmt: skip
    """Follow the level, also apart while a change is open; what may teach does, a spike no more than ``MOST`` deviations."""
    if maintained and not was_open:
        return
    follow(chart, slot, x, FOLLOWED)
    if maintained:
        return
    if accepted(alarms, rule, slot, at, was_open):
        settle(chart, slot)
    if may:
        off, spread = x - chart.mean[slot], max(math.sqrt(chart.variance[slot]), least)
        if alarms.rows[slot] > rule.learn and spread > 1e-9 * abs(chart.mean[slot]):
            off = min(max(off, -MOST * spread), MOST * spread)
        teach(chart, slot, off, memory)


@lean_kernel
def page_hinkley(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any], starts: NDArray[Any],
    chart: Chart, sums: Sums, told: Told, alarms: Alarms, pool: Pool, rule: Rule, side: int,
    delta: float, memory: int, least: float, out: Answers, change: Told,
) -> None:  # fmt: skip
    """Tell when values have been above, or below, the level by more than ``delta`` deviations for long enough."""
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if begin(chart, slot, x):
            sums.origin[slot] = x
        was_open, strength, best = alarms.open[slot] == 1, 0.0, 0
        if was_open:
            strength = stands(chart, told, slot)
        elif alarms.rows[slot] >= rule.learn and not apart[i]:
            z = standardised(chart, slot, x, least)
            for way in range(2):
                if (side > 0 and way == 1) or (side < 0 and way == 0):
                    continue
                _add(sums, slot, way, x, starts[i], (z if way == 0 else -z) - delta)
            best = 0 if sums.height[slot, 0] >= sums.height[slot, 1] else 1
            strength = sums.height[slot, best] / SURE
        if alarms.rows[slot] >= rule.learn:
            out.expected[i] = chart.mean[slot]
        fresh = 0.0 if was_open else strength
        may = judge(alarms, pool, rule, slot, at, fresh, strength, out, i)
        if alarms.open[slot] == 1 and not was_open:
            told.before[slot] = chart.mean[slot]
            told.after[slot] = sums.origin[slot] + sums.total[slot, best] / sums.results[slot, best]
            told.began[slot], told.results[slot] = sums.began[slot, best], sums.results[slot, best]
            chart.lately[slot] = told.after[slot]
        if alarms.open[slot] == 1:
            tell(told, slot, change, i)
        elif was_open:
            forget(alarms, slot)
        if alarms.open[slot] == 1 or was_open:
            sums.height[slot, 0], sums.height[slot, 1] = 0.0, 0.0
        _learn(chart, alarms, rule, slot, at, x, least, memory, was_open, may, apart[i])


@inner
def _add(sums: Sums, slot: int, way: int, x: float, start: int, step: float) -> None:
    """One more step of the sum; where it falls to zero a change may begin with the next result."""
    if sums.height[slot, way] == 0.0:
        sums.results[slot, way], sums.total[slot, way], sums.began[slot, way] = 0, 0.0, start
    sums.height[slot, way] = max(sums.height[slot, way] + step, 0.0)
    if abs(x) < LARGEST:
        sums.results[slot, way] += 1
        sums.total[slot, way] += x - sums.origin[slot]


@lean_kernel
def change_point(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any], starts: NDArray[Any],
    chart: Chart, points: Points, told: Told, alarms: Alarms, pool: Pool, rule: Rule, side: int,
    shortest: int, reach: int, memory: int, least: float, out: Answers, change: Told,
) -> None:  # fmt: skip
    """Tell when the mean since some moment, ``shortest`` to ``reach`` results ago, is too far from the level for chance."""
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if begin(chart, slot, x):
            points.origin[slot] = x
        was_open, strength, best, way = alarms.open[slot] == 1, 0.0, 0, 0
        if was_open:
            strength = stands(chart, told, slot)
        elif alarms.rows[slot] >= rule.learn and not apart[i] and abs(x) < LARGEST:
            _walk(points, slot, x, starts[i], standardised(chart, slot, x, least), reach)
            for each in range(2):
                if (side > 0 and each == 1) or (side < 0 and each == 0):
                    continue
                for k in range(points.kept[slot, each]):
                    found = _strength_since(points, slot, each, k, shortest)
                    if found > strength:
                        strength, best, way = found, k, each
        if alarms.rows[slot] >= rule.learn:
            out.expected[i] = chart.mean[slot]
        fresh = 0.0 if was_open else strength
        may = judge(alarms, pool, rule, slot, at, fresh, strength, out, i)
        if alarms.open[slot] == 1 and not was_open:
            results = points.seen[slot] - points.place[slot, way, best]
            since = points.summed[slot] - points.total[slot, way, best]
            told.before[slot] = chart.mean[slot]
            told.after[slot] = points.origin[slot] + since / results
            told.began[slot], told.results[slot] = points.began[slot, way, best], results
            chart.lately[slot] = told.after[slot]
        if alarms.open[slot] == 1:
            tell(told, slot, change, i)
        elif was_open:
            forget(alarms, slot)
        if alarms.open[slot] == 1 or was_open:
            points.kept[slot, 0], points.kept[slot, 1] = 0, 0
        _learn(chart, alarms, rule, slot, at, x, least, memory, was_open, may, apart[i])


@inner
def _strength_since(points: Points, slot: int, way: int, k: int, shortest: int) -> float:
    """The square of the mean since a point in its standard errors, over that of ``DEVIATIONS``."""
    results = points.seen[slot] - points.place[slot, way, k]
    height = (points.walked[slot] if way == 0 else -points.walked[slot]) - points.walk[slot, way, k]
    if results < shortest or height <= 0.0:
        return 0.0
    return float(height * height / (results * DEVIATIONS * DEVIATIONS))


@inner
def _walk(points: Points, slot: int, x: float, start: int, z: float, reach: int) -> None:
    """The place before this value may be where a change begins; then the walk goes on by ``z``."""
    for way in range(2):
        here = points.walked[slot] if way == 0 else -points.walked[slot]
        kept = _hull(points, slot, way, here)
        if kept > 0 and points.seen[slot] - points.place[slot, way, 0] >= reach:
            kept = _leave_out(points, slot, way, kept, 0)
        if kept == POINTS:
            kept = _leave_out(points, slot, way, kept, _closest(points, slot, way))
        points.place[slot, way, kept], points.walk[slot, way, kept] = points.seen[slot], here
        points.total[slot, way, kept], points.began[slot, way, kept] = points.summed[slot], start
        points.kept[slot, way] = kept + 1
    points.seen[slot] += 1
    points.walked[slot] += z
    points.summed[slot] += x - points.origin[slot]


@inner
def _hull(points: Points, slot: int, way: int, here: float) -> int:
    """How many points remain once those are gone from which no later mean can be the largest."""
    kept, now = points.kept[slot, way], points.seen[slot]
    while kept > 0 and points.walk[slot, way, kept - 1] >= here:
        kept -= 1
    while kept > 1:
        first, last = points.walk[slot, way, kept - 2], points.walk[slot, way, kept - 1]
        there = points.place[slot, way, kept - 1]
        if (last - first) * (now - there) < (here - last) * (there - points.place[slot, way, kept - 2]):
            break
        kept -= 1
    return int(kept)


@inner
def _closest(points: Points, slot: int, way: int) -> int:
    """The point that is closest to the one before it."""
    found = 1
    for k in range(2, POINTS):
        if _gap(points, slot, way, k) < _gap(points, slot, way, found):
            found = k
    return found


@inner
def _gap(points: Points, slot: int, way: int, k: int) -> int:
    return int(points.place[slot, way, k] - points.place[slot, way, k - 1])


@inner
def _leave_out(points: Points, slot: int, way: int, kept: int, gone: int) -> int:
    for k in range(gone, kept - 1):
        points.place[slot, way, k], points.walk[slot, way, k] = (
            points.place[slot, way, k + 1],
            points.walk[slot, way, k + 1],
        )
        points.total[slot, way, k], points.began[slot, way, k] = (
            points.total[slot, way, k + 1],
            points.began[slot, way, k + 1],
        )
    return kept - 1
