"""From the strength of a result to an alarm: repeats are muted, alarms do not teach, a lasting shift is accepted.

Shared by the loops of all series detectors. Per key: only a new high of the last ``hold`` results counts, and a key that
alarmed lately is damped, so that an episode is told once, by its peak. While a key's alarm is open its results teach
nothing; it ends when the strength has fallen to half the limit, or after ``accept``: then the new level is normal.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner
from streamgauge.kernels.rarity import LIMIT, READY, SEEN, Pool, alarmed, note, rarity_of

QUEUE = 8
OK, CRITICAL, LEARNING, NO_DATA = 0, 2, 3, 5
"""As :class:`streamgauge.verdict.Severity`; critical stands for whatever the monitor calls its alarms."""

DAMPING, CALMING, FULL = 0.5, math.exp(-1 / 1000), 0.4
"""How much an earlier alarm damps, how that fades with each result, and the strength that counts as a whole alarm."""

CUT = 1.25
"""An alarm enters the pool as no more than so many times the limit: real faults must not teach what is quiet."""


class Alarms(NamedTuple):
    """What is remembered per key: [S] or [S, QUEUE]."""

    rows: NDArray[Any]
    open: NDArray[Any]
    since: NDArray[Any]
    peak: NDArray[Any]
    recent: NDArray[Any]
    high: NDArray[Any]
    high_at: NDArray[Any]
    queue: NDArray[Any]
    queue_at: NDArray[Any]
    queued: NDArray[Any]


class Rule(NamedTuple):
    """What does not change.

    ``learn``: results of a key before it is judged. ``hold``: results, or microseconds where ``by_time``, of which only a
    new high counts. ``fixed``: the strength at which to alarm, NaN where ``budget`` (per second) decides; ``sure``: that
    strength until rarity is known. ``accept``: microseconds after which a shift is the new level. ``damping``: how much
    an earlier alarm of a key damps.
    """

    learn: int
    hold: int
    by_time: bool
    fixed: float
    budget: float
    sure: float
    accept: int
    damping: float = DAMPING


class Answers(NamedTuple):
    """What a step says per row: [n]. ``spoke`` says which of a detector's streams was strongest, -1 for none."""

    severity: NDArray[Any]
    score: NDArray[Any]
    rarity: NDArray[Any]
    expected: NDArray[Any]
    lower: NDArray[Any]
    upper: NDArray[Any]
    spoke: NDArray[Any]
    nearest: NDArray[Any]


def new_answers(count: int) -> Answers:
    """Room for the answers of a step: nothing is known."""
    score, rarity, expected, lower, upper, nearest = (np.full(count, np.nan) for _ in range(6))
    severity, spoke = np.full(count, NO_DATA, np.int8), np.full(count, -1, np.int8)
    return Answers(severity, score, rarity, expected, lower, upper, spoke, nearest)


@inner
def limit_of(pool: Pool, rule: Rule) -> float:
    """The strength at which to alarm now."""
    if not math.isnan(rule.fixed):
        return rule.fixed
    return pool.facts[LIMIT] if pool.facts[SEEN] >= READY else rule.sure


@inner
def damped(alarms: Alarms, rule: Rule, slot: int, strength: float) -> float:
    """A strength, less where the key alarmed lately."""
    return float(strength / (1.0 + rule.damping * alarms.recent[slot]))


@inner
def undamped(alarms: Alarms, rule: Rule, slot: int, strength: float) -> float:
    """The strength that comes to this one after damping."""
    return float(strength * (1.0 + rule.damping * alarms.recent[slot]))


@inner
def judge(
    alarms: Alarms, pool: Pool, rule: Rule, slot: int, at: int, strength: float, lasting: float,
    out: Answers, i: int,
) -> bool:  # fmt: skip
    """Say what a result of this strength is; whether it may teach. An open alarm goes on while ``lasting`` does."""
    row = alarms.rows[slot]
    alarms.rows[slot] = row + 1
    place = at if rule.by_time else row
    alarms.recent[slot] *= CALMING
    steady = damped(alarms, rule, slot, strength)
    if row < rule.learn:
        out.severity[i] = LEARNING
        return True
    _climb(alarms, rule, slot, place, strength)
    fresh = steady if steady > _highest(alarms, rule, slot, place, steady) else 0.0
    limit = limit_of(pool, rule)
    if alarms.open[slot]:
        return _goes_on(
            alarms, pool, rule, slot, at, damped(alarms, rule, slot, lasting), fresh, limit, out, i
        )
    out.score[i] = fresh / (1.0 + fresh)
    if fresh > 0.0:
        out.rarity[i] = rarity_of(pool, fresh)
    fires = fresh > 0.0 and fresh >= limit
    note(pool, min(fresh, CUT * limit) if fires else fresh, at, rule.budget)
    if not fires:
        out.severity[i] = OK
        return True
    alarmed(pool, rule.budget)
    alarms.open[slot], alarms.since[slot], alarms.peak[slot] = 1, at, fresh
    out.severity[i] = CRITICAL
    return False


@inner
def accepted(alarms: Alarms, rule: Rule, slot: int, at: int, was_open: bool) -> bool:
    """Whether the alarm that ``was_open`` before this result ended for having lasted so long."""
    return was_open and alarms.open[slot] == 0 and at - alarms.since[slot] >= rule.accept


@inner
def _goes_on(
    alarms: Alarms, pool: Pool, rule: Rule, slot: int, at: int, steady: float, fresh: float, limit: float,
    out: Answers, i: int,
) -> bool:  # fmt: skip
    """An alarm is open: only a new peak of it is told; whether the result may teach."""
    told = fresh if fresh > alarms.peak[slot] else 0.0
    alarms.peak[slot] = max(alarms.peak[slot], fresh)
    out.score[i] = told / (1.0 + told)
    if told > 0.0:
        out.rarity[i] = rarity_of(pool, told)
    lasted = at - alarms.since[slot] >= rule.accept
    if steady >= 0.5 * limit and not lasted:
        out.severity[i] = CRITICAL
        return False
    alarms.open[slot] = 0
    if lasted:  # its neighbours are not known yet: what they reach is no news for a while
        alarms.high[slot] = max(alarms.high[slot], steady)
        alarms.high_at[slot] = at if rule.by_time else alarms.rows[slot] - 1
        alarms.queue[slot, 0] = max(alarms.peak[slot], steady)
        alarms.queue_at[slot, 0] = alarms.high_at[slot]
        alarms.queued[slot] = 1
    out.severity[i] = OK
    return True


@inner
def _climb(alarms: Alarms, rule: Rule, slot: int, place: int, strength: float) -> None:
    """An episode damps what follows once, by its peak."""
    if place - alarms.high_at[slot] > rule.hold:
        alarms.high[slot] = 0.0
    if strength > alarms.high[slot]:
        alarms.recent[slot] += min(strength / FULL, 1.0) - min(alarms.high[slot] / FULL, 1.0)
        alarms.high[slot], alarms.high_at[slot] = strength, place


@inner
def _highest(alarms: Alarms, rule: Rule, slot: int, place: int, steady: float) -> float:
    """The highest of the last ``hold``; then ``steady`` is one of them. Falling strengths with their places are kept."""
    kept, first = alarms.queued[slot], 0
    while first < kept and place - alarms.queue_at[slot, first] > rule.hold:
        first += 1
    if first > 0:
        for k in range(first, kept):
            alarms.queue[slot, k - first], alarms.queue_at[slot, k - first] = (
                alarms.queue[slot, k],
                alarms.queue_at[slot, k],
            )
        kept -= first
    highest = alarms.queue[slot, 0] if kept > 0 else 0.0
    higher = 0  # places are counted, as nobody can guess where a search from the end would stop
    for k in range(QUEUE):
        higher += 1 if k < kept and alarms.queue[slot, k] > steady else 0
    kept = higher
    if kept < QUEUE and steady > 0.0:
        alarms.queue[slot, kept], alarms.queue_at[slot, kept] = steady, place
        kept += 1
    alarms.queued[slot] = kept
    return highest
