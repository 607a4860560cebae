"""How consumer groups keep up: the verdict on one partition as a pure function, and the loop that feeds it.

The rules are those of Burrow, in its order. A partition's window is its last W entries (oldest first): an entry is made
when the committed offset changes, and at each answer at which a member of the group owns the partition, since who is there
and does not move is another trouble than who is gone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, lean_kernel

UNSEEN = np.iinfo(np.int64).min
FREE = -1

OK, WARN, STOP, STALL, REWIND, GONE = range(6)
"""Verdicts, by how bad they are."""

ANSWERED, FORGOTTEN = range(2)
"""Kinds of events."""

FINE, WARNING, CRITICAL, TOO_EARLY = range(4)
"""How bad it is for the group."""

KIND, SLOT, AT, ROW, STATUS, WORST, LAG, LOST, BEHIND, PARTS, JUDGED, MEMBERS, LEVEL = range(13)
"""Columns of an event's numbers; ROW: the record that decided, -1 = time. WORST: a partition's place, -1 = none."""
NUMBERS = 13

SECONDS, EXPIRES, USED, CONSUMED, PRODUCED, LARGEST = range(6)
"""Columns of its measures: lag in seconds, seconds until data goes, share of the retention that is used up, records per
second, the same written, the largest lag of a partition. NaN = not known."""
MEASURES = 6


class Parts(NamedTuple):
    """Partitions of groups by place; int64[P] unless said otherwise. ``slot`` FREE: the place is not used.

    ``next`` chains the partitions of a group. ``seen``: the answer they were in last. ``polls``: answers that told their
    offset. ``entries``, ``ends``: how many of each are held. ``lag``, ``lost``; ``seconds`` and ``expires`` float64[P].
    """

    slot: NDArray[Any]
    next: NDArray[Any]
    seen: NDArray[Any]
    polls: NDArray[Any]
    entries: NDArray[Any]
    ends: NDArray[Any]
    lag: NDArray[Any]
    lost: NDArray[Any]
    seconds: NDArray[Any]
    expires: NDArray[Any]


class Rings(NamedTuple):
    """Windows, int64[P * W]: entries (``times``, ``offsets``, ``lags``) and ends of the partition (``at``, ``ends``)."""

    times: NDArray[Any]
    offsets: NDArray[Any]
    lags: NDArray[Any]
    at: NDArray[Any]
    ends: NDArray[Any]


class Groups(NamedTuple):
    """By slot.

    ``first``: int64, its first partition. ``polled``: int64, its newest answer. int8: ``waits`` (that answer is not judged
    yet), ``gone`` (it says that there is no such group), ``fires``. ``members``: int64, -1 = not known.
    """

    first: NDArray[Any]
    polled: NDArray[Any]
    waits: NDArray[Any]
    gone: NDArray[Any]
    fires: NDArray[Any]
    members: NDArray[Any]


class Told(NamedTuple):
    """What came in, columns of one length n.

    Places (-1: no partition) and slots, moments, and watermarks before each (``closing``): int64; offset, end, start,
    seconds, expires, members: float64 (NaN = missing); owned and gone: bool.
    """

    places: NDArray[Any]
    slots: NDArray[Any]
    times: NDArray[Any]
    closing: NDArray[Any]
    offsets: NDArray[Any]
    ends: NDArray[Any]
    starts: NDArray[Any]
    seconds: NDArray[Any]
    expires: NDArray[Any]
    members: NDArray[Any]
    owned: NDArray[Any]
    gone: NDArray[Any]


class Events(NamedTuple):
    """Room for events: int64[m, NUMBERS], float64[m, MEASURES], int64[1] how many there are."""

    numbers: NDArray[Any]
    measures: NDArray[Any]
    noted: NDArray[Any]


@inner
def judge(
    times: NDArray[Any], offsets: NDArray[Any], lags: NDArray[Any], ends: NDArray[Any], lag: int, now: int,
    allowed: int,
) -> int:  # fmt: skip
    """The verdict on one partition; the first rule that holds decides.

    Args:
        times, offsets, lags: int64[n], the entries, oldest first; a lag below zero is not known.
        ends: int64[k], where the partition ended at the last answers.
        lag: what is not committed now.
        now: the moment of the newest answer, in the unit of ``times``.
        allowed: so much lag is none.
    """
    n = len(offsets)
    if n == 0 or lag <= allowed:
        return OK
    last = offsets[n - 1]
    if now - times[n - 1] > times[n - 1] - times[0]:
        reached = False
        for end in ends:
            if end <= last:
                reached = True
        if not reached:
            return STOP
    for i in range(1, n):
        if offsets[i] < offsets[i - 1]:
            again = False
            for j in range(i + 1, n):
                if offsets[j] >= offsets[i - 1]:
                    again = True
            if not again:
                return REWIND
    same, shrinks, before = True, False, -1
    for i in range(n):
        if 0 <= lags[i] <= allowed:
            return OK
        same = same and offsets[i] == last
        if lags[i] >= 0:
            shrinks = shrinks or lags[i] < before
            before = lags[i]
    if same:
        return STALL
    return OK if shrinks else WARN


@inner
def push(ring: NDArray[Any], start: int, held: int, width: int, value: int) -> None:
    """Put a value behind the ``held`` ones of a window; a full one loses its oldest."""
    if held == width:
        for i in range(start, start + width - 1):
            ring[i] = ring[i + 1]
        held -= 1
    ring[start + held] = value


@inner
def level(numbers: NDArray[Any], measures: NDArray[Any], risk: int) -> int:
    """How bad an answer is: data that is lost is worse than any way of being slow; ``risk`` in thousandths."""
    if numbers[STATUS] > WARN or numbers[LOST] > 0:
        return CRITICAL
    if numbers[STATUS] == WARN or measures[USED] * 1000 >= risk:
        return WARNING
    return TOO_EARLY if numbers[PARTS] > 0 and numbers[JUDGED] == 0 else FINE


@inner
def sum_up(
    slot: int, groups: Groups, parts: Parts, rings: Rings, rule: NDArray[Any], events: Events, row: int
) -> None:
    """Note how a group stands after an answer; partitions that were not in it are let go."""
    x = events.noted[0]
    numbers, measures = events.numbers[x], events.measures[x]
    events.noted[0] = x + 1
    width, allowed, enough, now = rule[0], rule[1], rule[2], groups.polled[slot]
    numbers[:] = 0
    measures[:] = np.nan
    numbers[KIND], numbers[SLOT], numbers[AT], numbers[ROW] = ANSWERED, slot, now, row
    numbers[WORST], numbers[MEMBERS] = -1, groups.members[slot]
    measures[CONSUMED] = measures[PRODUCED] = measures[LARGEST] = 0.0
    worst_lag, before, p = np.int64(-1), np.int64(-1), groups.first[slot]
    while p >= 0:
        following = parts.next[p]
        if parts.seen[p] < now:
            parts.slot[p] = FREE
            if before < 0:
                groups.first[slot] = following
            else:
                parts.next[before] = following
            p = following
            continue
        before = p
        n, k, at = parts.entries[p], parts.ends[p], p * width
        numbers[PARTS] += 1
        numbers[LAG] += parts.lag[p]
        numbers[LOST] += parts.lost[p]
        measures[LARGEST] = max(measures[LARGEST], float(parts.lag[p]))
        measures[SECONDS] = np.fmax(measures[SECONDS], parts.seconds[p])
        measures[EXPIRES] = np.fmin(measures[EXPIRES], parts.expires[p])
        kept = parts.seconds[p] + parts.expires[p]
        if kept > 0:
            measures[USED] = np.fmax(measures[USED], parts.seconds[p] / kept)
        if n > 0 and now > rings.times[at]:
            moved = rings.offsets[at + n - 1] - rings.offsets[at]
            measures[CONSUMED] += max(0.0, moved / ((now - rings.times[at]) / 1e6))
        if k > 0 and now > rings.at[at]:
            grew = rings.ends[at + k - 1] - rings.ends[at]
            measures[PRODUCED] += max(0.0, grew / ((now - rings.at[at]) / 1e6))
        status = OK
        if parts.polls[p] >= enough:
            numbers[JUDGED] += 1
            status = judge(
                rings.times[at : at + n], rings.offsets[at : at + n], rings.lags[at : at + n],
                rings.ends[at : at + k], parts.lag[p], now, allowed,
            )  # fmt: skip
        numbers[BEHIND] += status != OK
        worse = status > numbers[STATUS] or (status == numbers[STATUS] and parts.lag[p] >= worst_lag)
        if worse:
            numbers[STATUS], numbers[WORST], worst_lag = status, p, parts.lag[p]
        p = following
    if groups.gone[slot] == 1:
        numbers[STATUS] = GONE
    numbers[LEVEL] = level(numbers, measures, rule[4])
    groups.waits[slot] = 0
    groups.fires[slot] = numbers[LEVEL] == WARNING or numbers[LEVEL] == CRITICAL


@inner
def let_time_pass(
    slot: int, watermark: int, groups: Groups, parts: Parts, rings: Rings, rule: NDArray[Any], events: Events
) -> None:
    """Judge an answer that is complete, and forget a group that was not heard of for long: at most two events."""
    if groups.polled[slot] == UNSEEN:
        return
    if groups.waits[slot] == 1 and watermark > groups.polled[slot]:
        sum_up(slot, groups, parts, rings, rule, events, -1)
    if watermark >= groups.polled[slot] + rule[3]:
        if groups.fires[slot] == 1:
            x = events.noted[0]
            events.noted[0] = x + 1
            events.numbers[x, :] = 0
            events.measures[x, :] = np.nan
            events.numbers[x, KIND], events.numbers[x, SLOT] = FORGOTTEN, slot
            events.numbers[x, AT] = groups.polled[slot] + rule[3]
            events.numbers[x, ROW], events.numbers[x, WORST] = -1, -1
        release(slot, groups, parts)


@inner
def release(slot: int, groups: Groups, parts: Parts) -> None:
    """Nothing is known of a group any more."""
    p = groups.first[slot]
    while p >= 0:
        parts.slot[p] = FREE
        p = parts.next[p]
    groups.first[slot], groups.polled[slot], groups.members[slot] = -1, UNSEEN, -1
    groups.waits[slot] = groups.gone[slot] = groups.fires[slot] = 0


@inner
def note(i: int, told: Told, groups: Groups, parts: Parts, rings: Rings, width: int) -> None:
    """Take in what record ``i`` says of its partition."""
    p, slot, t = told.places[i], told.slots[i], told.times[i]
    if parts.slot[p] == FREE:
        parts.slot[p], parts.next[p], groups.first[slot] = slot, groups.first[slot], p
        parts.polls[p] = parts.entries[p] = parts.ends[p] = parts.lag[p] = parts.lost[p] = 0
        parts.seen[p] = UNSEEN
    parts.seen[p] = max(parts.seen[p], t)
    parts.seconds[p], parts.expires[p] = told.seconds[i], told.expires[i]
    if np.isnan(told.offsets[i]) or np.isnan(told.ends[i]):
        return
    at, offset, end = p * width, int(told.offsets[i]), int(told.ends[i])
    n, k = parts.entries[p], parts.ends[p]
    before = rings.ends[at + k - 1] if k > 0 else end
    parts.polls[p] += 1
    parts.lag[p] = max(0, end - offset)
    parts.lost[p] = 0 if np.isnan(told.starts[i]) else max(0, min(int(told.starts[i]), end) - offset)
    push(rings.at, at, k, width, t)
    push(rings.ends, at, k, width, end)
    parts.ends[p] = min(k + 1, width)
    if told.owned[i] or n == 0 or rings.offsets[at + n - 1] != offset:
        push(rings.times, at, n, width, t)
        push(rings.offsets, at, n, width, offset)
        push(rings.lags, at, n, width, max(0, before - offset))
        parts.entries[p] = min(n + 1, width)


@lean_kernel
def take_in(
    told: Told, groups: Groups, parts: Parts, rings: Rings, rule: NDArray[Any], events: Events
) -> None:
    """Take in records in their order; an answer is judged once it is complete: at a later one, or when time has passed it.

    ``rule``: int64[5]: the width of windows, the lag that is none, how many answers are enough, how long (microseconds)
    until a group is forgotten, and the thousandths of a retention that may be used up. ``events`` has room for three per
    record.
    """
    for i in range(told.slots.shape[0]):
        slot, t = told.slots[i], told.times[i]
        let_time_pass(slot, told.closing[i], groups, parts, rings, rule, events)
        if groups.waits[slot] == 1 and t > groups.polled[slot]:
            sum_up(slot, groups, parts, rings, rule, events, i)
        if groups.polled[slot] == UNSEEN or t > groups.polled[slot]:
            groups.polled[slot], groups.gone[slot] = t, 0
        groups.waits[slot] = 1
        if told.gone[i]:
            groups.gone[slot] = 1
        if not np.isnan(told.members[i]):
            groups.members[slot] = int(told.members[i])
        if told.places[i] >= 0:
            note(i, told, groups, parts, rings, rule[0])


@lean_kernel
def judge_all(
    watermark: int, groups: Groups, parts: Parts, rings: Rings, rule: NDArray[Any], events: Events
) -> None:
    """Judge what time allows, of every group; ``events`` has room for two each."""
    for slot in range(groups.polled.shape[0]):
        let_time_pass(slot, watermark, groups, parts, rings, rule, events)
