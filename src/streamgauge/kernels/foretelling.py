"""The loop of ``forecast``: a value beside what its running mean, its hour of day, or its hour of week foretells.

Three ways foretell each value; the one that missed least so far does. The newest misses of the one that did, sorted, say
how far off is still usual (split-conformal, online).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

DAYS = 15
"""Days that each slot of the day is remembered."""
MISSES = 128
"""Misses that set the band."""
RUNNING, OF_DAY, OF_WEEK = 0, 1, 2
"""What foretells."""
ENOUGH_DAYS, TRIED, MEMORY, BETTER = 3, 30, 200, 0.9
"""Days before a slot foretells; how often a way was tried before it is trusted; values over which the running mean
fades; and how much smaller the misses of a richer way must be."""
FLAT = 1e-9
"""Misses below this share of what was foretold are none."""
WIDEN = 1.25
"""A miss beyond the band is learned as no more than so many half bands: what is strange widens it only little."""
MOST = 1e6
"""No miss counts as more than so many half bands."""

OK, ALARM, LEARNING, NO_DATA, NEITHER = 0, 2, 3, 5, 6
"""As :class:`streamgauge.verdict.Severity`; ALARM stands for whatever the monitor calls it."""


class Course(NamedTuple):
    """Per key: [S], [S, 3] ``error`` and ``tried``.

    ``now``: the slot since 1970 that it is in, + 1. ``total``, ``counted``: the visit so far; ``pace``: values
    of the visit before. ``spoiled``: the visit is no
    example. ``ring``: its row of :class:`Past` + 1. ``mean``: the running mean. ``error``, ``tried``: the mean absolute
    miss of each way, and how often it foretold. ``run``: how many results in a row were outside (> 0) or within (< 0).
    ``open``, ``since``: an alarm, and from when.
    """

    now: NDArray[Any]
    total: NDArray[Any]
    counted: NDArray[Any]
    pace: NDArray[Any]
    spoiled: NDArray[Any]
    ring: NDArray[Any]
    mean: NDArray[Any]
    error: NDArray[Any]
    tried: NDArray[Any]
    run: NDArray[Any]
    open: NDArray[Any]
    since: NDArray[Any]


class Past(NamedTuple):
    """Per ring, [P, …].

    Means of visits [slots, DAYS] (NaN: none), misses [MISSES] as they came and sorted, how many there ever were, whose
    ring it is (-1: nobody's).
    """

    visits: NDArray[Any]
    misses: NDArray[Any]
    ordered: NDArray[Any]
    missed: NDArray[Any]
    owner: NDArray[Any]


class Band(NamedTuple):
    """What does not change.

    ``slot``: microseconds. ``interval``: the share within. ``rows``: results in a row that open or end an alarm.
    ``side``: 1 only above, -1 only below, 0 both. ``learn``: misses before anything is said. ``accept``: microseconds
    after which an alarm's values teach.
    """

    slot: int
    interval: float
    rows: int
    side: int
    learn: int
    accept: int


class Said(NamedTuple):
    """Per row: [n]."""

    severity: NDArray[Any]
    score: NDArray[Any]
    expected: NDArray[Any]
    lower: NDArray[Any]
    upper: NDArray[Any]
    way: NDArray[Any]


@inner
def _median(values: NDArray[Any], count: int) -> float:
    """Of the first ``count``; they are sorted in place."""
    for i in range(1, count):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
    return float(0.5 * (values[(count - 1) // 2] + values[count // 2]))


@inner
def enter(course: Course, past: Past, slot: int, place: int) -> None:
    """Go over to another slot of time: what was there before becomes past, days in between are empty."""
    per_day = past.visits.shape[1]
    before = course.now[slot] - 1
    ring = course.ring[slot] - 1
    if before >= 0:
        day = before // per_day
        if course.spoiled[slot] == 0 and course.counted[slot] > 0:
            past.visits[ring, before % per_day, day % DAYS] = course.total[slot] / course.counted[slot]
        for k in range(1, min(place // per_day - day, DAYS) + 1):
            for b in range(per_day):
                past.visits[ring, b, (day + k) % DAYS] = math.nan
    course.now[slot] = place + 1
    course.pace[slot] = max(course.counted[slot], 1)
    course.total[slot], course.counted[slot], course.spoiled[slot] = 0.0, 0, 0


@inner
def foretell(course: Course, past: Past, slot: int, scratch: NDArray[Any], told: NDArray[Any]) -> None:
    """What each way foretells (float64[3], NaN: nothing)."""
    told[RUNNING] = course.mean[slot] if course.tried[slot, RUNNING] > 0 else math.nan
    told[OF_DAY] = told[OF_WEEK] = math.nan
    ring = course.ring[slot] - 1
    if ring < 0:
        return
    per_day = past.visits.shape[1]
    place = course.now[slot] - 1
    b, day = place % per_day, place // per_day
    count = 0
    for k in range(1, DAYS):
        value = past.visits[ring, b, (day - k) % DAYS]
        if not math.isnan(value):
            scratch[count] = value
            count += 1
    if count >= ENOUGH_DAYS:
        told[OF_DAY] = _median(scratch, count)
    one, two = past.visits[ring, b, (day - 7) % DAYS], past.visits[ring, b, (day - 14) % DAYS]
    if not math.isnan(one) and not math.isnan(two) and count >= ENOUGH_DAYS:
        # One of the two may have been a bad day: then the other one and the day outvote it.
        told[OF_WEEK] = max(min(one, two), min(max(one, two), told[OF_DAY]))


@inner
def choose(course: Course, slot: int, told: NDArray[Any]) -> int:
    """The way with the least misses, of those that were tried; the plainer one where it is close."""
    best = RUNNING
    for way in range(1, 3):
        known = not math.isnan(told[way]) and course.tried[slot, way] >= TRIED
        if known and course.error[slot, way] < BETTER * course.error[slot, best]:
            best = way
    return best


@inner
def keep_miss(past: Past, ring: int, miss: float) -> None:
    """The newest miss takes the place of the oldest, in the sorted ones too."""
    held = past.missed[ring]
    place = held % MISSES
    count = min(held, MISSES)
    if held >= MISSES:
        oldest = past.misses[ring, place]
        at = 0
        while past.ordered[ring, at] != oldest:
            at += 1
        for k in range(at, count - 1):
            past.ordered[ring, k] = past.ordered[ring, k + 1]
        count -= 1
    past.misses[ring, place] = miss
    value = past.misses[ring, place]  # as it was rounded
    at = count
    while at > 0 and past.ordered[ring, at - 1] > value:
        past.ordered[ring, at] = past.ordered[ring, at - 1]
        at -= 1
    past.ordered[ring, at] = value
    past.missed[ring] = held + 1


@inner
def half_band(past: Past, ring: int, interval: float) -> float:
    """Within this distance the share ``interval`` of the newest misses lies, one more counted for safety."""
    count = min(past.missed[ring], MISSES)
    rank = min(math.ceil((count + 1) * interval), count)
    return float(past.ordered[ring, rank - 1])


@inner
def beyond(miss: float, expected: float, half: float, side: int) -> float:
    """How many half bands a value lies off; 0 on the side that does not count."""
    if (side > 0 and miss < 0.0) or (side < 0 and miss > 0.0):
        return 0.0
    size = abs(miss)
    if size <= FLAT * abs(expected):
        return 0.0
    return min(size / half, MOST) if half > 0.0 else MOST


@inner
def speak(course: Course, band: Band, slot: int, at: int, off: float) -> int:
    """What a result that lies ``off`` half bands off is."""
    outside = off > 1.0
    run = course.run[slot]
    course.run[slot] = (max(run, 0) + 1) if outside else (min(run, 0) - 1)
    if course.open[slot] == 0:
        if course.run[slot] < band.rows:
            return OK
        course.open[slot], course.since[slot] = 1, at
        return ALARM
    if course.run[slot] <= -band.rows:
        course.open[slot] = 0
        return OK
    return ALARM if outside else NEITHER


@inner
def learn_value(course: Course, slot: int, x: float, told: NDArray[Any], visits: int, ordinary: bool) -> None:
    """Take a value into the visit, and note how far each way was off in so many visits.

    What is not ``ordinary`` does not move the running mean; days and weeks outvote it.
    """
    course.total[slot] += x
    course.counted[slot] += 1
    for way in range(3):
        if way == RUNNING or not math.isnan(told[way]):
            course.tried[slot, way] += 1
            share = 1.0 / min(course.tried[slot, way], visits * course.pace[slot])
            if not math.isnan(told[way]):
                course.error[slot, way] += share * (abs(x - told[way]) - course.error[slot, way])
            if way == RUNNING and ordinary:
                course.mean[slot] += (x - course.mean[slot]) / min(course.tried[slot, way], MEMORY)


@kernel
def follow(
    first: int,
    slots: NDArray[Any],
    values: NDArray[Any],
    times: NDArray[Any],
    apart: NDArray[Any],
    course: Course,
    past: Past,
    band: Band,
    scratch: NDArray[Any],
    said: Said,
) -> int:
    """Judge results from ``first`` on, each before it teaches; return where a key lacked a ring (n = done).

    Args:
        first: index of the first result.
        slots, values, times: int32[n] (all ≥ 0), float64[n] (NaN = missing), int64[n].
        apart: bool[n], those that teach nothing.
        course, past: changed in place.
        band: see there.
        scratch: float64[2, DAYS].
        said: filled.
    """
    told = scratch[1]
    for i in range(first, slots.shape[0]):
        slot, x = slots[i], values[i]
        if math.isnan(x):
            said.severity[i] = NO_DATA
            continue
        if course.ring[slot] == 0 and course.tried[slot, RUNNING] > 0:
            return int(i)
        place = times[i] // band.slot
        if place >= course.now[slot]:  # what comes late counts for the slot that is open
            enter(course, past, slot, place)
        foretell(course, past, slot, scratch[0], told)
        way = choose(course, slot, told)
        ring = course.ring[slot] - 1
        said.severity[i] = LEARNING
        may, most = not apart[i], math.inf
        if ring >= 0 and past.missed[ring] >= band.learn:
            half, expected = half_band(past, ring, band.interval), told[way]
            off = beyond(x - expected, expected, half, band.side)
            was_open = course.open[slot] == 1
            said.severity[i] = speak(course, band, slot, times[i], off)
            said.score[i] = off / (1.0 + off)
            said.expected[i], said.lower[i], said.upper[i] = expected, expected - half, expected + half
            said.way[i] = way
            most = WIDEN * half
            if was_open or course.open[slot] == 1:
                may = may and times[i] - course.since[slot] >= band.accept
                most = math.inf
        if may and ring >= 0:
            keep_miss(past, ring, min(abs(x - told[way]), most))
        if apart[i]:
            course.spoiled[slot] = 1
        else:
            learn_value(course, slot, x, told, (DAYS - 1) * past.visits.shape[1], may)
    return int(slots.shape[0])
