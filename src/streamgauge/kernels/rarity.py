"""How rare a strength is among the quiet results of a monitor, pooled over its keys.

A pool counts strengths in bins of equal ratio. Below the 98th percentile the rank says how rare one is; above it a
generalised-Pareto tail does, so that what is stronger is always rarer. The event time in which results came makes that a
rate. A detector calms down as it learns, so what it said long ago tells too much: older results count half each time
their number has doubled, and what is left is corrected by the alarms themselves: each that comes makes the next one
dearer, and each time in which the budget allows one that does not come makes it cheaper again.

``counts`` is float64[BINS], ``facts`` float64[FACTS].
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel
from streamgauge.statistics import tails

LEAST, PER_DECADE, DECADES = 1e-4, 36, 7
BINS = PER_DECADE * DECADES + 1
"""Bin 0 holds what is below ``LEAST``, nothing at all included."""

TAIL = 0.02
READY = 500.0
"""From so many results on rarity is known."""

ROWS, SEEN, SPAN, LATEST, HALVE, REFIT, START, SHARE, SCALE, SHAPE, LIMIT, EASE = range(12)
FACTS = 12
"""Results counted (fading), all results ever, seconds they took (fading), the latest event time, when to
fade and to fit again, and the tail: its start, the share beyond, scale, shape, the strength at the budget, and the
correction (a logarithm) that alarms taught."""

LEARNS, LEAST_EASE, MOST_EASE = 1.0, -4.0, 6.0
"""How much one alarm more or less than the budget corrects, and how far that may go (natural logarithms of rates):
a strength that changes slowly stays beyond its limit for some hundred results at once, which are one alarm."""

_fit = inner(tails.fit)
_survival = inner(tails.survival)
_beyond = inner(tails.beyond)


class Pool(NamedTuple):
    """The pooled strengths of one monitor."""

    counts: NDArray[Any]
    facts: NDArray[Any]


def new_pool() -> Pool:
    """Nothing counted yet."""
    return Pool(np.zeros(BINS), np.zeros(FACTS))


@inner
def bin_of(strength: float) -> int:
    """Where a strength is counted."""
    if not strength >= LEAST:
        return 0
    return min(1 + int(math.log10(strength / LEAST) * PER_DECADE), BINS - 1)


@inner
def value_of(k: int) -> float:
    """The middle of a bin."""
    return LEAST * math.pow(10.0, (k - 0.5) / PER_DECADE)


_VALUES = np.array([value_of(k) for k in range(BINS)])


@inner
def note(pool: Pool, strength: float, at: int, budget: float) -> None:
    """Count one quiet result at event time ``at`` (microseconds); fit again when there is enough news."""
    counts, facts = pool.counts, pool.facts
    if facts[SEEN] == 0.0:
        facts[LATEST] = at
        facts[HALVE] = 2.0 * READY
        facts[REFIT] = READY
    if at > facts[LATEST]:
        passed = (at - facts[LATEST]) / 1e6
        facts[SPAN] += passed
        facts[LATEST] = at
        if facts[SEEN] >= READY:
            facts[EASE] = min(facts[EASE] + LEARNS * budget * passed, MOST_EASE)
    counts[bin_of(strength)] += 1.0
    facts[ROWS] += 1.0
    facts[SEEN] += 1.0
    if facts[SEEN] >= facts[HALVE]:
        for k in range(BINS):
            counts[k] *= 0.5
        facts[ROWS] *= 0.5
        facts[SPAN] *= 0.5
        facts[HALVE] *= 2.0
    if facts[SEEN] >= facts[REFIT]:
        refit(pool, budget)
        facts[REFIT] = math.floor(facts[SEEN] * 1.02) + 1.0


@inner
def alarmed(pool: Pool, budget: float) -> None:
    """One alarm of the budget is spent: the next ones become dearer, and cheaper with time."""
    facts = pool.facts
    if facts[SEEN] >= READY:
        facts[EASE] = max(facts[EASE] - LEARNS, LEAST_EASE)
        facts[LIMIT] = strength_at(pool, budget)


@inner
def refit(pool: Pool, budget: float) -> None:
    """Fit the tail, and say how strong one must be to come as seldom as ``budget`` per second."""
    counts, facts = pool.counts, pool.facts
    above, k = 0.0, BINS - 1
    while k > 1 and above + counts[k] <= TAIL * facts[ROWS]:
        above += counts[k]
        k -= 1
    start = value_of(k)
    scale, shape = _fit(_VALUES[k + 1 :], counts[k + 1 :], start)
    facts[START], facts[SHARE], facts[SCALE], facts[SHAPE] = start, above / facts[ROWS], scale, shape
    if scale <= 0.0:  # nothing stands out: a strength as large as the largest is as much again beyond it
        facts[SCALE], facts[SHARE] = max(start, LEAST), 1.0 / (facts[ROWS] + 1.0)
    facts[LIMIT] = strength_at(pool, budget)


@inner
def strength_at(pool: Pool, budget: float) -> float:
    """The strength that quiet results reach ``budget`` times per second."""
    counts, facts = pool.counts, pool.facts
    rate = facts[ROWS] / max(facts[SPAN], 1e-6)
    share = min(math.exp(facts[EASE]) * budget / rate, 1.0)
    if share <= facts[SHARE]:
        return float(facts[START] + _beyond(share / facts[SHARE], facts[SCALE], facts[SHAPE]))
    above, k = 0.0, BINS - 1
    while k > 0 and above < share * facts[ROWS]:
        above += counts[k]
        k -= 1
    return value_of(k + 1)


@inner
def rarity_of(pool: Pool, strength: float) -> float:
    """How often per second quiet results are at least so strong; NaN before that can be known."""
    counts, facts = pool.counts, pool.facts
    if facts[START] <= 0.0:
        return math.nan
    rate = math.exp(-facts[EASE]) * facts[ROWS] / max(facts[SPAN], 1e-6)
    if strength > facts[START]:
        return float(rate * facts[SHARE] * _survival(strength - facts[START], facts[SCALE], facts[SHAPE]))
    above = 0.0
    for k in range(bin_of(strength), BINS):
        above += counts[k]
    return float(rate * max(above / facts[ROWS], facts[SHARE]))


@kernel
def note_all(strengths: NDArray[Any], times: NDArray[Any], pool: Pool, budget: float) -> None:
    """Count strengths (float64[n]) at event times (int64[n], microseconds)."""
    for i in range(strengths.shape[0]):
        note(pool, strengths[i], times[i], budget)


@kernel
def rarities(strengths: NDArray[Any], pool: Pool, out: NDArray[Any]) -> None:
    """How rare each strength (float64[n]) is, per second, into ``out`` (float64[n])."""
    for i in range(strengths.shape[0]):
        out[i] = rarity_of(pool, strengths[i])
