"""The loops of ``composite`` and ``seasonal``: how far is a value from what its mean, or its slot of day and week, foretells.

Strength is the square of the distance in standard deviations over six: six deviations are a score of one half.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.alarms import LEARNING, Alarms, Answers, Rule, damped, judge, limit_of
from streamgauge.kernels.jit import inner, lean_kernel
from streamgauge.kernels.rarity import Pool

DEVIATIONS = 6.0
"""So many standard deviations are a strength of 1."""

BLOCK = 20
"""Values whose mean is compared, beside the value and the difference."""

PLAIN, OF_DAY, OF_WEEK = 0, 1, 2
"""What foretells: the running mean, the slot of the day, the slot of the week."""

ENOUGH_VISITS, ENOUGH_WEEKS, TRIED, BETTER = 3, 2, 30, 0.8
"""Visits of a slot before it foretells, how often a way was tried before it is trusted, and how much smaller its squared
misses must be than those of the plainer way."""

MEMORY = 2000
"""Values over which misses and the running mean forget."""


class Levels(NamedTuple):
    """Per key: means and variances [S, 3] of value, mean of the last values, and difference; the last values."""

    mean: NDArray[Any]
    variance: NDArray[Any]
    block: NDArray[Any]
    last: NDArray[Any]


class Slots(NamedTuple):
    """Per key: [S, …]. ``visits`` and ``level`` hold the slots of the day, then those of the week.

    ``now`` is the slot of the week + 1 that the key is in, ``total`` and ``counted`` the visit so far, ``spoiled`` whether
    an alarm (1) or maintenance (2) fell into it. Per way to foretell [S, 3]: ``error`` is the mean squared miss of what
    teaches, ``trial`` that of all values, by which ways are compared, ``tried`` how often that was seen.
    """

    level: NDArray[Any]
    visits: NDArray[Any]
    now: NDArray[Any]
    total: NDArray[Any]
    counted: NDArray[Any]
    spoiled: NDArray[Any]
    origin: NDArray[Any]
    mean: NDArray[Any]
    error: NDArray[Any]
    trial: NDArray[Any]
    tried: NDArray[Any]


@inner
def _deviations(y: float, mean: float, variance: float, scale: float) -> float:
    """How many standard deviations from the mean; a series that never moved has a scale of a billionth of its size."""
    deviation = math.sqrt(variance)
    tiny = 1e-9 * scale
    if deviation <= tiny:
        return 0.0 if abs(y - mean) <= tiny else 4.0 * DEVIATIONS
    return abs(y - mean) / deviation


@inner
def strength_of(deviations: float) -> float:
    """The square over six deviations."""
    return (deviations / DEVIATIONS) * (deviations / DEVIATIONS)


@lean_kernel
def composite(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any],
    levels: Levels, alarms: Alarms, pool: Pool, rule: Rule, side: int, memory: int, out: Answers,
) -> None:  # fmt: skip
    """Judge each value, then learn from it; means forget over ``memory`` values."""
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        row, furthest = alarms.rows[slot], 0.0
        for stream in range(3):
            if row <= stream:  # a difference needs one earlier value
                continue
            y = _composed(levels, row, slot, x, stream)
            off = y - levels.mean[slot, stream]
            if (side > 0 and off < 0.0) or (side < 0 and off > 0.0):
                continue
            z = _deviations(
                y, levels.mean[slot, stream], levels.variance[slot, stream], abs(levels.mean[slot, 0])
            )
            if z > furthest:
                furthest = z
                out.spoke[i] = stream
        limit = math.sqrt(limit_of(pool, rule) / damped(alarms, rule, slot, 1.0)) * DEVIATIONS
        if row >= rule.learn:
            width = limit * math.sqrt(levels.variance[slot, 0])
            out.expected[i] = levels.mean[slot, 0]
            out.lower[i], out.upper[i] = levels.mean[slot, 0] - width, levels.mean[slot, 0] + width
        may = judge(alarms, pool, rule, slot, at, strength_of(furthest), strength_of(furthest), out, i)
        if may and not apart[i]:
            for stream in range(3):
                if row >= stream:
                    share = max(1.0 / (row + 1 - stream), 1.0 / memory)
                    off = _composed(levels, row, slot, x, stream) - levels.mean[slot, stream]
                    levels.mean[slot, stream] += share * off
                    levels.variance[slot, stream] = (1.0 - share) * (
                        levels.variance[slot, stream] + share * off * off
                    )
            levels.block[slot, row % BLOCK], levels.last[slot] = x, x


@inner
def _composed(levels: Levels, row: int, slot: int, x: float, stream: int) -> float:
    """The value, the mean of the last ones with it, or the difference from the one before."""
    if stream == 0:
        return x
    if stream == 2:
        return float(x - levels.last[slot])
    total, kept, at = x, min(row + 1, BLOCK), row % BLOCK
    for k in range(kept):
        if k != at:
            total += np.float64(levels.block[slot, k])
    return total / kept


@lean_kernel
def seasonal(
    slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any],
    held: Slots, alarms: Alarms, pool: Pool, rule: Rule, side: int, length: int, per_day: int, out: Answers,
) -> None:  # fmt: skip
    """Judge each value by its slot of ``length`` microseconds, ``per_day`` of them, then learn from it."""
    for i in range(slots.shape[0]):
        slot, x, at = slots[i], values[i], times[i]
        if math.isnan(x):
            continue
        if alarms.rows[slot] == 0:
            held.origin[slot] = x
        y = x - held.origin[slot]
        of_week = (at // length) % (7 * per_day)
        _arrive(held, slot, of_week, per_day)
        way = _best(held, slot, of_week, per_day)
        usual, deviation = _foretold(held, slot, way, of_week, per_day), math.sqrt(held.error[slot, way])
        off = y - usual
        known = way != PLAIN or held.visits[slot, of_week % per_day] >= ENOUGH_VISITS
        tiny = 1e-9 * max(abs(held.origin[slot]), abs(usual))
        z = abs(off) / deviation if deviation > tiny else (4.0 * DEVIATIONS if abs(off) > tiny else 0.0)
        if (side > 0 and off < 0.0) or (side < 0 and off > 0.0) or held.tried[slot, PLAIN] == 0:
            z = 0.0
        out.spoke[i] = way
        if not known and alarms.rows[slot] >= rule.learn:  # the hour has not come often enough to be judged
            out.severity[i] = LEARNING
            _note(held, slot, of_week, per_day, y, True, apart[i])
            continue
        if alarms.rows[slot] >= rule.learn:
            width = math.sqrt(limit_of(pool, rule) / damped(alarms, rule, slot, 1.0)) * DEVIATIONS * deviation
            out.expected[i] = held.origin[slot] + usual
            out.lower[i], out.upper[i] = out.expected[i] - width, out.expected[i] + width
        may = judge(alarms, pool, rule, slot, at, strength_of(z), strength_of(z), out, i)
        _note(held, slot, of_week, per_day, y, may, apart[i])


@inner
def _arrive(held: Slots, slot: int, of_week: int, per_day: int) -> None:
    """When a key comes to another slot, the visit that ended teaches the slot where it was."""
    before = held.now[slot] - 1
    if before == of_week:
        return
    if before >= 0 and held.counted[slot] > 0:
        visit = held.total[slot] / held.counted[slot]
        if held.spoiled[slot] == 0:
            _teach(held, slot, before % per_day, visit, 0.1)
        if held.spoiled[slot] < 2:  # what comes back each week is usual, though it alarmed the first times
            _teach(held, slot, per_day + before, visit, 0.25)
    held.now[slot], held.total[slot], held.counted[slot], held.spoiled[slot] = of_week + 1, 0.0, 0, 0


@inner
def _teach(held: Slots, slot: int, place: int, visit: float, least: float) -> None:
    visits = held.visits[slot, place]
    level = np.float64(held.level[slot, place])
    held.level[slot, place] = level + max(1.0 / (visits + 1), least) * (visit - level)
    held.visits[slot, place] = min(visits + 1, 100)


@inner
def _foretold(held: Slots, slot: int, way: int, of_week: int, per_day: int) -> float:
    if way == PLAIN:
        return float(held.mean[slot])
    return np.float64(held.level[slot, of_week % per_day if way == OF_DAY else per_day + of_week])


@inner
def _best(held: Slots, slot: int, of_week: int, per_day: int) -> int:
    """The way that foretold best so far, the plainer one where the difference is small."""
    way = PLAIN
    for richer in range(OF_DAY, OF_WEEK + 1):
        place = of_week % per_day if richer == OF_DAY else per_day + of_week
        known = held.visits[slot, place] >= (ENOUGH_VISITS if richer == OF_DAY else ENOUGH_WEEKS)
        known = known and held.tried[slot, richer] >= TRIED
        if known and held.trial[slot, richer] < BETTER * held.trial[slot, way]:
            way = richer
    return way


@inner
def _note(held: Slots, slot: int, of_week: int, per_day: int, y: float, may: bool, maintained: bool) -> None:
    """Learn from a value: how far off each way was, the running mean, and the visit."""
    if maintained:
        held.spoiled[slot] = 2
        return
    if not may:
        held.spoiled[slot] = max(held.spoiled[slot], 1)
    for way in range(3):
        place = of_week % per_day if way == OF_DAY else per_day + of_week
        if way != PLAIN and held.visits[slot, place] < (ENOUGH_VISITS if way == OF_DAY else ENOUGH_WEEKS):
            continue
        held.tried[slot, way] += 1
        share = max(1.0 / held.tried[slot, way], 1.0 / MEMORY)
        miss = y - _foretold(held, slot, way, of_week, per_day)
        held.trial[slot, way] += share * (miss * miss - held.trial[slot, way])
        if may:
            held.error[slot, way] += share * (miss * miss - held.error[slot, way])
    if may:
        share = max(1.0 / held.tried[slot, PLAIN], 1.0 / MEMORY)
        held.mean[slot] += share * (y - held.mean[slot])
    held.total[slot] += y
    held.counted[slot] += 1
