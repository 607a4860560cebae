"""Records beside all records: how far each number lies from its key's own, and how rare such a mix of them is.

Per key and feature a mean and a variance; for the whole monitor one histogram per random projection of the
standardised records, one per feature, random grids, and which features go together. A record is judged before it is
learned.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.correlated import Together, apart_together, learn_products, make_root
from streamgauge.kernels.grids import Cuts, count_cells, find_cells, thinness
from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.own_tails import (
    SQUASH,
    OwnTails,
    bin_of,
    count_tails,
    farthest_out,
    how_far_out,
    make_tails,
    placed,
)
from streamgauge.kernels.rarity import LIMIT, READY, SEEN, Pool, alarmed, note, rarity_of

LEARNED, WEIGHT, READ = range(3)
"""Where ``Rarity.counts`` keeps: records that were judged by both parts, the weight of the histograms, the same
when the table was last made."""

BLOCK = 500
"""Records between two makings of the table."""
FAR = 1e6
"""No number lies further from its mean than so many standard deviations."""
UNSEEN_Z = 100.0
"""How far what differs from a number that never changed lies."""
HUGE = 1e150
"""Beyond this a number counts as infinite: it is judged, not learned."""
CLIP = 10.0
"""What lies further off is learned as if it lay so many standard deviations from the mean."""
FLAT = 1e-9
"""Below this share of its mean a spread is none."""
FLOOR = 1e-3
"""Added to the mean distance before its logarithm is taken."""
SURE, USUAL, CUT = 6.0, 3.0, 1.25
"""The strength that alarms before rarity is known; the least that ever does; and how many times the limit an alarm counts
among the quiet at most."""
OK, WARNING, CRITICAL, LEARNING, NO_DATA, NEITHER = 0, 1, 2, 3, 5, 6
"""As :class:`streamgauge.verdict.Severity`."""
FEW = 15.0
"""From so many records on the deviation of a part of the score says what is wild."""
STRETCH = 1.3
"""The mean of parts has less spread than each of them; times this, one in some 10,000 ordinary records reaches 6."""
CALM = 2.0
"""From here on a density counts by its logarithm: it rises with the square of a distance, which a tail does not."""
ALONE, WILD = 5.0, 4.0
"""By itself speaks: a mix from so many deviations on, though from ``USUAL`` on where it is much more unusual than its numbers
alone are; and a single number from so many on."""
RARE_PART, TAILS_PART, THIN_PART, MIX_PART, SPREAD_PART, WILD_PART = range(6)
"""The parts of the score, as rows of ``Rarity.parts``."""
PARTS = 6


class Normal(NamedTuple):
    """What is normal for each key and feature: values learned, int64[S, D]; mean and variance, float64[S, D]."""

    seen: NDArray[np.int64]
    mean: NDArray[np.float64]
    var: NDArray[np.float64]


class Rarity(NamedTuple):
    """What is normal for the mix, over all keys.

    ``hist`` and ``table`` are float64[K, B]: weights, and -log density as of the last making. ``mass`` is
    float64[G, 2^H]: weights in the cells of the grids. ``parts`` is float64[PARTS, 2]: mean and variance of each part of
    the score. ``counts`` is float64[3].
    """

    hist: NDArray[np.float64]
    table: NDArray[np.float64]
    mass: NDArray[np.float64]
    parts: NDArray[np.float64]
    counts: NDArray[np.float64]
    tails: OwnTails
    together: Together


class Projections(NamedTuple):
    """Which features each projection mixes, int32[K, M], and by which weights, float64[K, M]."""

    features: NDArray[np.int32]
    weights: NDArray[np.float64]


class Drawn(NamedTuple):
    """What chance decided, once."""

    projections: Projections
    cuts: Cuts


@inner
def distance(x: float, mean: float, var: float) -> float:
    """How many standard deviations ``x`` lies from the mean; NaN where it is missing."""
    if math.isnan(x):
        return math.nan
    if abs(x) > HUGE:
        return FAR if x > 0.0 else -FAR
    apart = x - mean
    spread = math.sqrt(var)
    if spread <= FLAT * abs(mean) or spread == 0.0:
        if abs(apart) <= FLAT * abs(mean):
            return 0.0
        return UNSEEN_Z if apart > 0.0 else -UNSEEN_Z
    return min(max(apart / spread, -FAR), FAR)


@inner
def learn_record(
    normal: Normal, slot: int, values: NDArray[Any], i: int, z: NDArray[Any], memory: int
) -> None:
    """Move the key's means and variances; what lies far off moves them only so far."""
    for j in range(values.shape[1]):
        x = values[i, j]
        if math.isnan(x) or abs(x) > HUGE:
            continue
        normal.seen[slot, j] += 1
        share = 1.0 / min(normal.seen[slot, j], memory)
        mean, var = normal.mean[slot, j], normal.var[slot, j]
        spread = math.sqrt(var)
        if abs(z[j]) > CLIP and spread > FLAT * abs(mean):  # NaN, while still learning, is not
            x = mean + (CLIP if z[j] > 0.0 else -CLIP) * spread
        apart = x - mean
        normal.mean[slot, j] = mean + share * apart
        normal.var[slot, j] = (1.0 - share) * (var + share * apart * apart)


@inner
def make_table(rarity: Rarity, memory: int) -> None:
    """Turn what was counted into -log densities, tails and a root; older records fade once ``memory`` is full."""
    make_tails(rarity.tails, 0.5 if rarity.counts[WEIGHT] > memory else 1.0)
    make_root(rarity.together)
    bins = rarity.hist.shape[1]
    half = bins / 2.0
    total = rarity.counts[WEIGHT] + 0.5 * bins
    for b in range(bins):
        low = abs(b / half - 1.0)
        high = abs((b + 1) / half - 1.0)
        width = 2.0 * SQUASH * half  # the outermost bins have no end; they count as wide as they lie far out
        if low < 1.0 and high < 1.0:
            width = abs(SQUASH * high / (1.0 - high) - SQUASH * low / (1.0 - low))
        for k in range(rarity.hist.shape[0]):
            rarity.table[k, b] = -math.log((rarity.hist[k, b] + 0.5) / total / width)
    if rarity.counts[WEIGHT] > memory:
        for k in range(rarity.hist.shape[0]):
            for b in range(bins):
                rarity.hist[k, b] *= 0.5
        for g in range(rarity.mass.shape[0]):
            for cell in range(rarity.mass.shape[1]):
                rarity.mass[g, cell] *= 0.5
        rarity.counts[WEIGHT] *= 0.5
    rarity.counts[READ] = rarity.counts[WEIGHT]


@inner
def find_bins(z: NDArray[Any], projections: Projections, bins: int, found: NDArray[Any]) -> None:
    """The bin of each projection of a record; what is missing in it counts as average."""
    for k in range(projections.features.shape[0]):
        p = 0.0
        for m in range(projections.features.shape[1]):
            value = z[projections.features[k, m]]
            if not math.isnan(value):
                p += projections.weights[k, m] * value
        found[k] = bin_of(placed(p), bins)


@inner
def standing(parts: NDArray[Any], part: int, value: float) -> float:
    """How many standard deviations a part of the score lies above its mean."""
    return float((value - parts[part, 0]) / math.sqrt(parts[part, 1] + 1e-12))


@inner
def learn_part(parts: NDArray[Any], part: int, value: float, share: float) -> None:
    """Move the mean and variance of a part of the score."""
    apart = value - parts[part, 0]
    parts[part, 0] += share * apart
    parts[part, 1] = (1.0 - share) * (parts[part, 1] + share * apart * apart)


@inner
def score_parts(
    rarity: Rarity,
    z: NDArray[Any],
    places: NDArray[Any],
    found: NDArray[Any],
    cells: NDArray[Any],
    solved: NDArray[Any],
    into: NDArray[Any],
) -> None:
    """What the parts of the score are for a record of which something is known, float64[PARTS]."""
    known, total, rare = 0, 0.0, 0.0
    for j in range(z.shape[0]):
        if not math.isnan(z[j]):
            known += 1
            total += z[j] * z[j]
    for k in range(found.shape[0]):
        rare += rarity.table[k, found[k]]
    into[RARE_PART] = rare / found.shape[0]
    into[TAILS_PART] = how_far_out(rarity.tails, z, places)
    into[THIN_PART] = thinness(rarity.mass, rarity.counts[WEIGHT], cells)
    into[MIX_PART] = apart_together(rarity.together, z, solved)
    into[SPREAD_PART] = math.log(FLOOR + math.sqrt(total / known))
    into[WILD_PART] = farthest_out(rarity.tails, z, places)


@inner
def tamed(rarity: Rarity, part: int, value: float) -> float:
    """What is learned of a part: what is wilder than ``SURE`` deviations counts as that, once a few are known."""
    if rarity.counts[LEARNED] <= FEW:
        return value
    return min(value, float(rarity.parts[part, 0] + SURE * math.sqrt(rarity.parts[part, 1] + 1e-12)))


@inner
def calmed(above: float) -> float:
    """A standing that grows with the square of a distance, such that it grows as a tail does."""
    return CALM * math.log1p(above / CALM) if above > 0.0 else above


@inner
def alone(above: float, enough: float) -> float:
    """What a part counts by itself: all of it from ``enough`` deviations on, nothing 1 below that, and no jump between."""
    return min(above, enough * (above - enough + 1.0))


@inner
def strength_from(rarity: Rarity, scored: NDArray[Any]) -> float:
    """The mean of the first three parts; a mix or a number that is unusual by itself counts where it is stronger."""
    rare = calmed(standing(rarity.parts, RARE_PART, scored[RARE_PART]))
    thin = calmed(standing(rarity.parts, THIN_PART, scored[THIN_PART]))
    strength = (rare + standing(rarity.parts, TAILS_PART, scored[TAILS_PART]) + thin) / 3.0
    mix = standing(rarity.parts, MIX_PART, scored[MIX_PART])
    odd = mix - standing(rarity.parts, SPREAD_PART, scored[SPREAD_PART])
    strength = max(strength, alone(mix, ALONE - min(max(odd - 1.0, 0.0), ALONE - USUAL)))
    wild = standing(rarity.parts, WILD_PART, scored[WILD_PART])
    return STRETCH * max(strength, alone(wild, WILD))


@inner
def learn_mix(
    rarity: Rarity,
    z: NDArray[Any],
    places: NDArray[Any],
    found: NDArray[Any],
    cells: NDArray[Any],
    learned: NDArray[Any],
    memory: int,
) -> None:
    """Count a record in all histograms, grids and products; ``learned`` is float64[D] to work in."""
    for k in range(found.shape[0]):
        rarity.hist[k, found[k]] += 1.0
    count_cells(rarity.mass, cells)
    rarity.counts[WEIGHT] += 1.0
    for j in range(z.shape[0]):
        learned[j] = 0.0 if math.isnan(z[j]) else min(max(z[j], -CLIP), CLIP)
    share = 1.0 / min(rarity.counts[WEIGHT], memory)
    count_tails(rarity.tails, learned, z, places, share)
    learn_products(rarity.together, learned, share)


@kernel
def judge_records(
    slots: NDArray[Any],
    values: NDArray[Any],
    apart: NDArray[Any],
    normal: Normal,
    rarity: Rarity,
    drawn: Drawn,
    limits: NDArray[Any],
    strength: NDArray[Any],
    worst: NDArray[Any],
) -> None:
    """Judge each record, then learn it.

    Args:
        slots, values: int32[n] (all ≥ 0), float64[n, D] (NaN = missing).
        apart: bool[n], those that teach nothing.
        normal, rarity: changed in place.
        drawn: fixed.
        limits: int64[3]: values of a key's feature, and records of the monitor, before anything is said; records remembered.
        strength: float64[n], set to standard deviations above what is usual; -inf = still learning,
            NaN = nothing to judge.
        worst: int32[n], set to the feature that lies furthest off; -1 = none.
    """
    of_key, of_all, memory = limits[0], limits[1], limits[2]
    enough = 0.5 * of_all
    features, bins = values.shape[1], rarity.hist.shape[1]
    z, places, work = np.empty(features), np.empty(features), np.empty(features)
    scored = np.empty(PARTS)
    found, cells = np.empty(rarity.hist.shape[0], np.int32), np.empty(rarity.mass.shape[0], np.int64)
    for i in range(slots.shape[0]):
        slot = slots[i]
        known, here, furthest = 0, 0, -1.0
        worst[i] = -1
        for j in range(features):
            z[j] = math.nan
            if math.isnan(values[i, j]):
                continue
            here += 1
            if normal.seen[slot, j] >= of_key:
                z[j] = distance(values[i, j], normal.mean[slot, j], normal.var[slot, j])
                known += 1
                if abs(z[j]) > furthest:
                    furthest = abs(z[j])
                    worst[i] = j
        strength[i] = -math.inf if here > 0 else math.nan
        if known > 0:
            for j in range(features):
                places[j] = placed(z[j])
            find_bins(z, drawn.projections, bins, found)
            find_cells(places, drawn.cuts, rarity.mass.shape[1], cells)
            if rarity.counts[READ] >= enough:
                score_parts(rarity, z, places, found, cells, work, scored)
                if rarity.counts[LEARNED] >= enough:
                    strength[i] = strength_from(rarity, scored)
                if not apart[i]:
                    rarity.counts[LEARNED] += 1.0
                    share = 1.0 / min(rarity.counts[LEARNED], memory)
                    for part in range(PARTS):
                        learn_part(rarity.parts, part, tamed(rarity, part, scored[part]), share)
            if not apart[i]:
                learn_mix(rarity, z, places, found, cells, work, memory)
                since = rarity.counts[WEIGHT] - rarity.counts[READ]
                if since >= min(BLOCK, max(min(64, of_all), rarity.counts[READ])):
                    make_table(rarity, memory)
        if not apart[i]:
            learn_record(normal, slot, values, i, z, memory)


@kernel
def forget_records(slots: NDArray[Any], normal: Normal) -> None:
    """What was normal for the keys that held ``slots`` (int64[m]) is known no more."""
    for i in range(slots.shape[0]):
        for j in range(normal.mean.shape[1]):
            normal.seen[slots[i], j] = 0
            normal.mean[slots[i], j] = 0.0
            normal.var[slots[i], j] = 0.0


class Limits(NamedTuple):
    """When to alarm.

    Strengths for warning and critical, NaN where ``budget`` (per second) decides; ``hold``: microseconds without an
    unusual record that end an incident.
    """

    warning: float
    critical: float
    budget: float
    hold: int


@kernel
def decide(
    slots: NDArray[Any],
    times: NDArray[Any],
    strength: NDArray[Any],
    apart: NDArray[Any],
    alarmed_at: NDArray[Any],
    pool: Pool,
    limits: Limits,
    severity: NDArray[Any],
    rare: NDArray[Any],
) -> None:
    """From strengths to answers, in their order.

    Args:
        slots: int32[n].
        times: int64[n].
        strength: float64[n], as :func:`judge_records` says it.
        apart: bool[n], those that teach nothing.
        alarmed_at: int64[S], when each key was last told; changed in place.
        pool: of the strengths of all keys; changed in place.
        limits: see there.
        severity: int8[n], set.
        rare: float64[n], set to how often per second quiet records are so strong; NaN where that is not known.
    """
    for i in range(slots.shape[0]):
        rare[i] = math.nan
        if math.isnan(strength[i]):
            severity[i] = NO_DATA
            continue
        if strength[i] == -math.inf:
            severity[i] = LEARNING
            continue
        slot, felt = slots[i], max(strength[i], 0.0)
        rare[i] = rarity_of(pool, felt) if pool.facts[SEEN] >= READY else math.nan
        warning, critical = limits.warning, limits.critical
        if math.isnan(warning):
            warning = critical = max(pool.facts[LIMIT], USUAL) if pool.facts[SEEN] >= READY else SURE
        fires = felt >= warning
        goes_on = times[i] < alarmed_at[slot] + limits.hold
        if not apart[i]:
            note(pool, min(felt, CUT * warning), times[i], limits.budget)
            if fires and not goes_on:
                alarmed(pool, limits.budget)
        if fires:
            severity[i] = CRITICAL if felt >= critical else WARNING
            alarmed_at[slot] = max(alarmed_at[slot], times[i])
        else:
            severity[i] = NEITHER if goes_on else OK
