"""The loop of ``auto``: how far is a value from the nearest that was ever seen, beside what the hour of day says.

Three streams per key: the value itself, its activity (the mean of the last 20 steps) and its step. Each keeps sorted
examples of what was seen, as float32 differences from the key's first value (read back by ``np.float64``, which
both the compiled and the plain loop take for the same); a value far from all of them is new. A
fourth stream, where the day explains the values, compares the mean of the current half hour with those of earlier days.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.alarms import LEARNING, Alarms, Answers, Rule, judge, limit_of, undamped
from streamgauge.kernels.jit import inner, lean_kernel
from streamgauge.kernels.rarity import Pool

STREAMS, STEPS = 3, 20
LEVEL, ACTIVITY, STEP, SEASON = 0, 1, 2, 3
KNOWN, FEWER = 128, 32
MEMBERS = KNOWN + 2 * FEWER
HALF_HOURS, DAYS, ENOUGH_DAYS, ENOUGH_ROWS = 48, 7, 5, 50
SLOT = 1_800_000_000
"""Microseconds of a half hour."""

FAR, SAME = 0.3, 0.002
"""How much a member's distance from the mean widens the scale; distances below this share of sd are no news."""

LONG, RMS, SLOW, WARM = 20_000, 4_000, 4_000, 30
"""Results over which means, the noise of a stream and the season's fit forget, and those before noise is known."""

OWN, WEIGHT, NOISE = 0.5, 0.5, 10.0
"""How much a value's own noise damps it; what activity and step weigh beside it, and how much their noise damps them."""

OF_DAY = 0.4
"""What the time of day weighs, whose noise damps it as that of activity and step does."""

SOFT = 5.0
"""Beyond this, distances count by their logarithm: order stays, and nothing is infinite."""


class Seen(NamedTuple):
    """Per key: [S, …].

    ``tightest`` is the least distance between the neighbours of a member, once all places are taken: a value that would
    stand closer is kept out. ``scratch`` is float32[1], to round as ``members`` do; ``felt`` is float64[4, STREAMS]: the
    value, its distance from the nearest, its strength and its place, between judging a result and learning from it.
    """

    members: NDArray[Any]
    held: NDArray[Any]
    origin: NDArray[Any]
    mean: NDArray[Any]
    variance: NDArray[Any]
    noise: NDArray[Any]
    steps: NDArray[Any]
    last: NDArray[Any]
    tightest: NDArray[Any]
    scratch: NDArray[Any]
    felt: NDArray[Any]


class Season(NamedTuple):
    """Per key: [S], ``fit`` [S, 3]; then per row of the pool of rings: [P, …].

    ``ring`` is a key's row + 1, 0 while it has none; ``now`` the half hour + 1 that it is in. ``spoiled``: what came in
    this half hour is no example of an ordinary day. ``owner``: whose a ring is.
    """

    ring: NDArray[Any]
    now: NDArray[Any]
    total: NDArray[Any]
    counted: NDArray[Any]
    fit: NDArray[Any]
    fitted: NDArray[Any]
    spoiled: NDArray[Any]
    used: NDArray[Any]
    past: NDArray[Any]
    days: NDArray[Any]
    pending: NDArray[Any]
    waits: NDArray[Any]
    owner: NDArray[Any]


@lean_kernel
def novelty(
    start: int, slots: NDArray[Any], values: NDArray[Any], times: NDArray[Any], apart: NDArray[Any],
    seen: Seen, season: Season, alarms: Alarms, pool: Pool, rule: Rule, side: int, seasonal: bool, out: Answers,
) -> int:  # fmt: skip
    """Judge results from ``start`` on, each before it teaches.

    ``side``: 1 only what is above the mean counts, -1 only what is below, 0 both. Returns how far it came: less than all
    when the pool of rings is full.
    """
    for row in range(start, slots.shape[0]):
        i = _place(row)
        slot, x, at = _place(slots[i]), values[i], times[i]
        if math.isnan(x):
            continue
        if seasonal and _lacks_ring(season, slot, at):
            return row
        ordinary = alarms.open[slot] == 0 and not apart[i]
        strength = _of_streams(seen, alarms.rows[slot], slot, x, side, ordinary, out, i)
        of_season, quiet = 0.0, 0.0
        if seasonal:
            visit = _enter(season, slot, at, x - seen.origin[slot, LEVEL])
            of_season = _of_season(season, slot, at, visit, side)
            if of_season > 0.0:
                quiet = OF_DAY * _damped(of_season, seen.noise[slot, SEASON], NOISE)
            if quiet > strength:
                strength = quiet
                out.spoke[i] = SEASON
        if alarms.rows[slot] < WARM:
            strength = 0.0
        _band(seen, season, alarms, pool, rule, slot, at, out, i)
        may = (
            judge(alarms, pool, rule, slot, at, strength, max(seen.felt[2, LEVEL], quiet), out, i)
            and not apart[i]
        )
        if ordinary:
            _keep_noise(seen, alarms.rows[slot] - 1, slot, SEASON, of_season)
        _learn(seen, alarms.rows[slot] - 1, slot, x, may or ordinary)  # what opens an alarm is new only once
        if out.severity[i] == LEARNING:
            out.lower[i], out.upper[i], out.expected[i], out.nearest[i] = (
                math.nan,
                math.nan,
                math.nan,
                math.nan,
            )
        if seasonal:
            _fit_season(season, slot, at, x - seen.origin[slot, LEVEL], may)
    return int(slots.shape[0])


@inner
def _place(index: int) -> Any:
    """As an unsigned number: each access by it is spared the question whether it counts from the end."""
    return np.uintp(index)


@inner
def _lacks_ring(season: Season, slot: int, at: int) -> bool:
    """Whether the key leaves its first half hour, and no ring is left for it."""
    if season.ring[slot] > 0 or season.used[0] < season.past.shape[0]:
        return False
    return bool(season.now[slot] > 0 and season.now[slot] != (at // SLOT) % HALF_HOURS + 1)


@inner
def _first(stream: int) -> int:
    """Where a stream's members begin, and end at that of the next one."""
    if stream == LEVEL:
        return 0
    return KNOWN if stream == ACTIVITY else KNOWN + FEWER


@inner
def _rounded(seen: Seen, difference: float) -> float:
    """As it would be kept."""
    seen.scratch[0] = difference
    return np.float64(seen.scratch[0])


@inner
def _stream_value(seen: Seen, row: int, slot: int, x: float, stream: int) -> float:
    if stream == LEVEL:
        return x
    step = abs(x - seen.last[slot])
    if stream == STEP:
        return float(step)
    kept = min(row, STEPS)
    total, at = step, (row - 1) % STEPS
    if kept == STEPS:
        return float((_sum_of_steps(seen, slot) - np.float64(seen.steps[slot, at]) + step) / STEPS)
    for k in range(min(at, kept)):
        total += np.float64(seen.steps[slot, k])
    for k in range(at + 1, kept):
        total += np.float64(seen.steps[slot, k])
    return float(total / max(kept, 1))


@inner
def _sum_of_steps(seen: Seen, slot: int) -> float:
    """Of all that are kept: four sums side by side, as each addition waits for the one before it."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for k in range(0, STEPS, 4):
        a += np.float64(seen.steps[slot, k])
        b += np.float64(seen.steps[slot, k + 1])
        c += np.float64(seen.steps[slot, k + 2])
        d += np.float64(seen.steps[slot, k + 3])
    return (a + b) + (c + d)


@inner
def _below(seen: Seen, slot: int, stream: int) -> int:
    """How many members of a stream are less than what was rounded last.

    All are asked, many at a time, and counted in bytes so that more fit side by side: halving takes fewer steps, each of
    which the processor guesses wrong half of the time, and so four times as long.
    """
    y, first, less = seen.scratch[0], _first(stream), np.uint8(0)
    for k in range(seen.held[slot, stream]):
        less = np.uint8(less + (seen.members[slot, first + k] < y))
    return int(less)


@inner
def _nearest(seen: Seen, slot: int, stream: int, y: float) -> float:
    """The member next to ``y``, which was rounded last; there is at least one."""
    place, held, first = _below(seen, slot, stream), seen.held[slot, stream], _first(stream)
    seen.felt[3, stream] = place
    if place == held:
        return np.float64(seen.members[slot, first + held - 1])
    if place == 0:
        return np.float64(seen.members[slot, first])
    under = np.float64(seen.members[slot, first + place - 1])
    over = np.float64(seen.members[slot, first + place])
    return under if y - under < over - y else over


@inner
def _soft(distance: float) -> float:
    return distance if distance <= SOFT else SOFT + SOFT * math.log(distance / SOFT)


@inner
def _damped(distance: float, noise: float, by: float) -> float:
    """Less where such distances are usual."""
    return distance / (1.0 + by * math.sqrt(noise))


@inner
def _distance(seen: Seen, slot: int, stream: int, y: float, nearest: float) -> float:
    """How far from the nearest that was seen, in the stream's own scale."""
    gap, mean = abs(y - nearest), seen.mean[slot, stream]
    seen.felt[4, stream] = math.sqrt(seen.variance[slot, stream])
    scale = seen.felt[4, stream] + FAR * abs(nearest - mean)
    tiny = 1e-9 * abs(seen.origin[slot, stream] + mean)
    if scale <= tiny or scale == 0.0:
        return 20.0 if gap > tiny else 0.0
    return _soft(gap / scale)


@inner
def _of_streams(
    seen: Seen, row: int, slot: int, x: float, side: int, ordinary: bool, out: Answers, i: int
) -> float:
    """The strength of the strongest stream; noise is noted at once, values are taken in later.

    Which one is strongest changes all the time, so it is computed, not branched upon.
    """
    strongest, spoke = 0.0, -1
    for stream in range(STREAMS):
        if seen.held[slot, stream] == 0:
            continue
        y = _rounded(seen, _stream_value(seen, row, slot, x, stream) - seen.origin[slot, stream])
        nearest = _nearest(seen, slot, stream, y)
        seen.felt[0, stream], seen.felt[1, stream] = y, abs(y - nearest)
        distance = _distance(seen, slot, stream, y, nearest)
        if stream == LEVEL:
            out.nearest[i] = seen.origin[slot, stream] + nearest
            if (side > 0 and y < seen.mean[slot, stream]) or (side < 0 and y > seen.mean[slot, stream]):
                distance = 0.0
            quiet = _damped(distance, seen.noise[slot, LEVEL], OWN)
            seen.felt[2, LEVEL] = quiet
        elif side != 0:
            quiet = 0.0
        else:
            quiet = WEIGHT * _damped(distance, seen.noise[slot, stream], NOISE)
        if ordinary:
            _keep_noise(seen, row, slot, stream, distance)
        spoke = stream if quiet > strongest else spoke
        strongest = max(strongest, quiet)
    out.spoke[i] = spoke
    return strongest


@inner
def _keep_noise(seen: Seen, row: int, slot: int, stream: int, distance: float) -> None:
    """The mean square of a stream's distances."""
    share = 1.0 / (row + 1) if row < RMS else 1.0 / RMS
    felt = distance if row >= WARM else 0.0
    seen.noise[slot, stream] += share * (felt * felt - seen.noise[slot, stream])


@inner
def _learn(seen: Seen, row: int, slot: int, x: float, may: bool) -> None:
    """Take in a value: as a member of each stream, where it is news, and into their means."""
    share = 1.0 / (row + 1) if row < LONG else 1.0 / LONG
    for stream in range(STREAMS):
        if row == 0 and stream != LEVEL:
            continue
        if seen.held[slot, stream] == 0:
            seen.origin[slot, stream] = _stream_value(seen, row, slot, x, stream)
            seen.felt[0, stream], seen.felt[1, stream], seen.felt[3, stream] = 0.0, math.inf, 0.0
            seen.felt[4, stream] = 0.0
        elif not may:
            continue
        y = seen.felt[0, stream]
        if seen.felt[1, stream] > SAME * seen.felt[4, stream]:
            _insert(seen, slot, stream, y)
        off = y - seen.mean[slot, stream]
        seen.mean[slot, stream] += share * off
        seen.variance[slot, stream] = (1.0 - share) * (seen.variance[slot, stream] + share * off * off)
    if row > 0:
        seen.steps[slot, (row - 1) % STEPS] = abs(x - seen.last[slot])
    seen.last[slot] = x


@inner
def _insert(seen: Seen, slot: int, stream: int, y: float) -> None:
    """Keep a value in its place; when all places are taken the one goes whose neighbours are closest."""
    first, held = _first(stream), seen.held[slot, stream]
    room = KNOWN if stream == LEVEL else FEWER
    place = int(seen.felt[3, stream])
    if held == room:
        if (
            0 < place < held
            and seen.members[slot, first + place] - seen.members[slot, first + place - 1]
            <= seen.tightest[slot, stream]
        ):
            return
        gone = _tightest(seen, slot, first, room)
        for k in range(gone, room - 1):
            seen.members[slot, first + k] = seen.members[slot, first + k + 1]
        held -= 1
        if place > gone:
            place -= 1
    for k in range(held, place, -1):
        seen.members[slot, first + k] = seen.members[slot, first + k - 1]
    seen.members[slot, first + place] = y
    seen.held[slot, stream] = held + 1
    if held + 1 == room:
        gone = _tightest(seen, slot, first, room)
        seen.tightest[slot, stream] = (
            seen.members[slot, first + gone + 1] - seen.members[slot, first + gone - 1]
        )


@inner
def _tightest(seen: Seen, slot: int, first: int, room: int) -> int:
    """The member whose neighbours are closest to each other; the least and the greatest always stay."""
    closest, found = math.inf, 1
    for k in range(1, room - 1):
        apart = seen.members[slot, first + k + 1] - seen.members[slot, first + k - 1]
        if apart < closest:
            closest, found = apart, k
    return found


@inner
def _enter(season: Season, slot: int, at: int, x: float) -> float:
    """Note a value in its half hour: the mean of the visit so far. Only a past visit joins the past."""
    b = (at // SLOT) % HALF_HOURS
    if b + 1 != season.now[slot]:
        if season.now[slot] > 0:
            _leave(season, slot)
            _return(season, slot, b)
        season.now[slot], season.total[slot], season.counted[slot], season.spoiled[slot] = b + 1, 0.0, 0, 0
    season.total[slot] += x
    season.counted[slot] += 1
    return float(season.total[slot] / season.counted[slot])


@inner
def _leave(season: Season, slot: int) -> None:
    """A visit is over: its mean waits until that half hour comes again."""
    if season.ring[slot] == 0:
        season.owner[season.used[0]] = slot
        season.used[0] += 1
        season.ring[slot] = season.used[0]
    ring, b = season.ring[slot] - 1, season.now[slot] - 1
    if not season.spoiled[slot]:
        season.pending[ring, b] = season.total[slot] / season.counted[slot]
        season.waits[ring, b] = 1


@inner
def _return(season: Season, slot: int, b: int) -> None:
    """What waited since the last visit of a half hour joins its past."""
    ring = season.ring[slot] - 1
    if season.waits[ring, b]:
        for k in range(DAYS - 1, 0, -1):
            season.past[ring, b, k] = season.past[ring, b, k - 1]
        season.past[ring, b, 0] = season.pending[ring, b]
        season.days[ring, b] = min(season.days[ring, b] + 1, DAYS)
        season.waits[ring, b] = 0


@inner
def _usual(season: Season, slot: int, b: int) -> float:
    """The mean of a half hour over earlier days."""
    ring, total = season.ring[slot] - 1, 0.0
    for k in range(season.days[ring, b]):
        total += np.float64(season.past[ring, b, k])
    return float(total / season.days[ring, b])


@inner
def _gate(season: Season, slot: int) -> float:
    """From 0 to 1: how much the hour of day explains."""
    if season.fitted[slot] < ENOUGH_ROWS or season.fit[slot, 2] <= 0.0:
        return 0.0
    explained = 1.0 - season.fit[slot, 0] / season.fit[slot, 2]
    return float(min(max((explained - 0.3) / 0.3, 0.0), 1.0))


@inner
def _of_season(season: Season, slot: int, at: int, visit: float, side: int) -> float:
    """How far this half hour is from all that were seen at about this time of day."""
    ring, b = season.ring[slot] - 1, (at // SLOT) % HALF_HOURS
    if ring < 0 or season.days[ring, b] < ENOUGH_DAYS:
        return 0.0
    gate = _gate(season, slot)
    if gate <= 0.0:
        return 0.0
    usual = _usual(season, slot, b)
    if (side > 0 and visit < usual) or (side < 0 and visit > usual):
        return 0.0
    gap = math.inf
    for o in range(-1, 2):
        near = (b + o) % HALF_HOURS
        for k in range(season.days[ring, near]):
            gap = min(gap, abs(visit - np.float64(season.past[ring, near, k])))
    return _soft(gate * gap / math.sqrt(season.fit[slot, 2]))


@inner
def _fit_season(season: Season, slot: int, at: int, x: float, may: bool) -> None:
    """Note how well the hour of day foretold a value."""
    ring, b = season.ring[slot] - 1, (at // SLOT) % HALF_HOURS
    if not may:
        season.spoiled[slot] = 1
    if ring < 0 or season.days[ring, b] < ENOUGH_DAYS or not may:
        return
    season.fitted[slot] += 1
    share = 1.0 / season.fitted[slot] if season.fitted[slot] < SLOW else 1.0 / SLOW
    miss = x - _usual(season, slot, b)
    season.fit[slot, 0] += share * (miss * miss - season.fit[slot, 0])
    off = x - season.fit[slot, 1]
    season.fit[slot, 1] += share * off
    season.fit[slot, 2] = (1.0 - share) * (season.fit[slot, 2] + share * off * off)


@inner
def _band(
    seen: Seen,
    season: Season,
    alarms: Alarms,
    pool: Pool,
    rule: Rule,
    slot: int,
    at: int,
    out: Answers,
    i: int,
) -> None:
    """What is usual, and how far beyond all that was seen a value must lie to alarm."""
    held = seen.held[slot, LEVEL]
    if held == 0:
        return
    origin, mean = seen.origin[slot, LEVEL], seen.mean[slot, LEVEL]
    deviation = seen.felt[4, LEVEL]
    limit = undamped(alarms, rule, slot, limit_of(pool, rule)) * (
        1.0 + OWN * math.sqrt(seen.noise[slot, LEVEL])
    )
    least, most = np.float64(seen.members[slot, 0]), np.float64(seen.members[slot, held - 1])
    out.lower[i] = origin + least - limit * (deviation + FAR * abs(least - mean))
    out.upper[i] = origin + most + limit * (deviation + FAR * abs(most - mean))
    out.expected[i] = origin + mean
    if season.ring[slot] > 0:
        b = (at // SLOT) % HALF_HOURS
        if season.days[season.ring[slot] - 1, b] >= ENOUGH_DAYS and _gate(season, slot) > 0.5:
            out.expected[i] = origin + _usual(season, slot, b)
