"""Gaps of each key, measured in the records that it should have sent meanwhile.

Per key there is a rate for each hour of the day (or week), and a histogram of its gaps. A gap is not measured in time but in
expected records, the sum of the rates over the hours that it covers: where a key is always quiet at night, the night
measures next to nothing, and eight hours of it are no longer a gap than a minute at noon.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

HOUR = 3_600_000_000
UNSEEN = np.iinfo(np.int64).min
LATER = np.iinfo(np.int64).max // 2
BINS, FIRST, GROWTH = 32, 0.25, 1.3
"""The histogram: gaps of less than FIRST expected records, then bins that grow by GROWTH, up to 850."""
MOST = 4096
"""Beyond so many gaps the histogram is halved, so that it follows the key."""

SILENT, HEARD, FORGOTTEN = range(3)
"""Kinds of answers."""

COLUMNS = 6
"""Of an answer: kind, slot, moment, last record before the gap, moment at which it was too long, record (-1 = time)."""


class Keys(NamedTuple):
    """What is known of each key."""

    covered: NDArray[np.int64]  # [S], its newest record; UNSEEN = none
    began: NDArray[np.int64]  # [S], its first record
    due: NDArray[np.int64]  # [S], when its gap is too long; LATER = not known yet
    silent: NDArray[np.int8]  # [S]
    hour: NDArray[np.int64]  # [S], the hour of its newest record
    seen: NDArray[np.float64]  # [S], records in that hour
    rate: NDArray[np.float64]  # [S * season], records per hour
    gaps: NDArray[np.int32]  # [S * BINS]


class Rule(NamedTuple):
    """How a key is judged."""

    season: int  # hours
    forget: int  # microseconds
    least: int  # microseconds: a shorter gap is never told
    enough: int  # gaps to be seen before any is told
    quantile: float
    factor: float


@inner
def expected(keys: Keys, slot: int, start: int, end: int, season: int) -> float:
    """How many records the key should send from ``start`` to ``end``; beyond ten seasons no more are counted."""
    total = 0.0
    at = start
    end = min(end, start + 10 * season * HOUR)
    while at < end:
        hour = at // HOUR
        stop = min((hour + 1) * HOUR, end)
        total += keys.rate[slot * season + hour % season] * ((stop - at) / HOUR)
        at = stop
    return total


@inner
def when_due(keys: Keys, slot: int, rule: Rule) -> int:
    """The moment from which the gap that begins now is too long; LATER where that cannot be known, or never comes."""
    covered = keys.covered[slot]
    count = 0
    for b in range(BINS):
        count += keys.gaps[slot * BINS + b]
    if count < rule.enough:
        return LATER
    held = 0
    edge = FIRST
    for b in range(BINS):
        held += keys.gaps[slot * BINS + b]
        if held >= rule.quantile * count:
            break
        edge *= GROWTH
    left = edge * rule.factor
    at = covered
    while at < covered + rule.forget:
        hour = at // HOUR
        stop = (hour + 1) * HOUR
        rate = keys.rate[slot * rule.season + hour % rule.season]
        part = rate * ((stop - at) / HOUR)
        if part >= left and rate > 0.0:
            return int(max(at + int(left / rate * HOUR), covered + rule.least))
        left -= part
        at = stop
    return LATER


@inner
def learn_rate(keys: Keys, slot: int, hour: int, seen: float, season: int) -> None:
    """Take one hour into the rates; hours that stayed empty weigh more, so that a new quiet is soon known."""
    place = slot * season + hour % season
    if hour - keys.began[slot] // HOUR < season:
        keys.rate[place] = seen
    else:
        keys.rate[place] += (seen - keys.rate[place]) * (0.5 if seen == 0.0 else 0.25)


@inner
def learn(keys: Keys, slot: int, t: int, told: bool, rule: Rule) -> None:
    """Take in the key's next record: its gap, unless that was told as a silence, and the hours that went by."""
    season = rule.season
    if not told and t - keys.began[slot] >= season * HOUR:
        gap = expected(keys, slot, keys.covered[slot], t, season)
        b = 0
        edge = FIRST
        while b < BINS - 1 and gap >= edge:
            edge *= GROWTH
            b += 1
        total = 0
        for c in range(BINS):
            total += keys.gaps[slot * BINS + c]
        if total >= MOST:
            for c in range(BINS):
                keys.gaps[slot * BINS + c] //= 2
        keys.gaps[slot * BINS + b] += 1
    hour = t // HOUR
    if hour > keys.hour[slot]:
        learn_rate(keys, slot, keys.hour[slot], keys.seen[slot], season)
        for empty in range(max(keys.hour[slot] + 1, hour - season), hour):
            learn_rate(keys, slot, empty, 0.0, season)
        keys.hour[slot], keys.seen[slot] = hour, 0.0
    keys.seen[slot] += 1.0
    keys.covered[slot] = t
    keys.due[slot] = when_due(keys, slot, rule)


@inner
def tell(
    out: NDArray[Any], told: NDArray[Any], kind: int, slot: int, at: int, since: int, due: int, row: int
) -> None:
    """Note one answer."""
    x = told[0]
    out[x, 0], out[x, 1], out[x, 2], out[x, 3], out[x, 4], out[x, 5] = kind, slot, at, since, due, row
    told[0] = x + 1


@inner
def judge(keys: Keys, slot: int, watermark: int, out: NDArray[Any], told: NDArray[Any], forget: int) -> None:
    """Decide what ``watermark`` allows of one key: at most two answers."""
    covered = keys.covered[slot]
    if covered == UNSEEN:
        return
    if keys.silent[slot] == 0 and watermark > keys.due[slot]:
        keys.silent[slot] = 1
        tell(out, told, SILENT, slot, keys.due[slot], covered, keys.due[slot], -1)
    if watermark >= covered + forget:
        if keys.silent[slot] == 1:
            tell(out, told, FORGOTTEN, slot, covered + forget, covered, keys.due[slot], -1)
        clear(keys, slot)


@inner
def clear(keys: Keys, slot: int) -> None:
    """Forget a key."""
    season = keys.rate.shape[0] // keys.covered.shape[0]
    keys.covered[slot], keys.due[slot], keys.silent[slot] = UNSEEN, LATER, 0
    for h in range(season):
        keys.rate[slot * season + h] = 0.0
    for b in range(BINS):
        keys.gaps[slot * BINS + b] = 0


@kernel
def listen(
    slots: NDArray[Any],
    times: NDArray[Any],
    closing: NDArray[Any],
    beyond: NDArray[Any],
    keys: Keys,
    out: NDArray[Any],
    told: NDArray[Any],
    rule: Rule,
) -> None:
    """Take in records in their order.

    Args:
        slots, times: int32[n] (≥ 0), int64[n].
        closing, beyond: int64[n] each, the judging watermark before and after each record.
        keys: changed in place.
        out, told: int64[≥ 4n, 6] and int64[1]: answers.
        rule: how keys are judged.
    """
    for i in range(slots.shape[0]):
        slot, t = slots[i], times[i]
        judge(keys, slot, closing[i], out, told, rule.forget)
        covered = keys.covered[slot]
        if covered == UNSEEN:
            keys.covered[slot], keys.began[slot], keys.due[slot] = t, t, LATER
            keys.silent[slot], keys.hour[slot], keys.seen[slot] = 0, t // HOUR, 1.0
            continue
        if t <= covered:
            if t // HOUR == keys.hour[slot]:
                keys.seen[slot] += 1.0
            continue
        due = keys.due[slot]
        if keys.silent[slot] == 0 and beyond[i] > due:  # time leapt over it with this record
            keys.silent[slot] = 1
            tell(out, told, SILENT, slot, due, covered, due, i)
        was_silent = keys.silent[slot] == 1
        if was_silent:
            keys.silent[slot] = 0
            tell(out, told, HEARD, slot, max(t, due), covered, due, i)
        learn(keys, slot, t, was_silent, rule)


@kernel
def judge_all(watermark: int, keys: Keys, out: NDArray[Any], told: NDArray[Any], forget: int) -> int:
    """Judge every key (``out`` has room for two answers each); returns the earliest moment at which one may change."""
    until = LATER
    for slot in range(keys.covered.shape[0]):
        judge(keys, slot, watermark, out, told, forget)
        covered = keys.covered[slot]
        if covered != UNSEEN:
            until = min(until, covered + forget)
            if keys.silent[slot] == 0:
                until = min(until, keys.due[slot])
    return int(until)
