"""Half-space trees: how many records lay lately where a record lies, by trees that cut a known range into halves.

All trees are complete and laid out as heaps: node n has the children 2n + 1 (below its cut) and 2n + 2. The cuts are
fixed once the first ``records`` records have shown the range of each feature; after that only counts change.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.outliers import HUGE, Normal, distance, learn_part, learn_record, standing

LEARNED, JUDGED = range(2)
"""Where ``Forest.counts`` keeps: records learned from; records that the measure's mean and deviation are made of."""
FLOOR = 1e-3
"""Added to the mass before its logarithm is taken."""
SPARSE = 0.1
"""A node with fewer than this share of the reference records is not looked into."""
CALM = 0.8
"""How strong one standard deviation of the measure is: its tail is long, and one in a few thousand is as strong as 6."""
NARROW = 1e-9
"""A feature that never changed is taken to range over this share of itself."""


class Trees(NamedTuple):
    """What chance decided.

    The feature that each inner node cuts, int32[T, I]; where in the range of each feature the work space of a tree has
    its middle, float64[T, D] in [0, 1].
    """

    features: NDArray[np.int32]
    middles: NDArray[np.float64]


class Forest(NamedTuple):
    """What is learned.

    ``range`` is float64[2, D]: the least and greatest values of the first records. ``cuts`` is float64[T, I].
    ``mass`` and ``newest`` are int64[T, N]: records by node of the reference window, and of the one that fills.
    ``usual`` holds one row: mean and variance of each feature. ``parts`` is float64[1, 2]: mean and variance of the
    measure. ``counts`` is float64[2].
    """

    range: NDArray[np.float64]
    cuts: NDArray[np.float64]
    mass: NDArray[np.int64]
    newest: NDArray[np.int64]
    usual: Normal
    parts: NDArray[np.float64]
    counts: NDArray[np.float64]


@inner
def cut_ranges(trees: Trees, span: NDArray[Any], cuts: NDArray[Any]) -> None:
    """Where every node cuts: the middle of what its ancestors have left of the work space of its feature."""
    for t in range(cuts.shape[0]):
        for n in range(cuts.shape[1]):
            j = trees.features[t, n]
            least, width = span[0, j], span[1, j] - span[0, j]
            if not width > NARROW * abs(least):
                width = NARROW * max(abs(least), 1.0)
                least -= 0.5 * width
            middle = trees.middles[t, j]
            reach = 2.0 * max(middle, 1.0 - middle)
            low, high = least + (middle - reach) * width, least + (middle + reach) * width
            level, steps = n, 0
            while level > 0:
                level = (level - 1) // 2
                steps += 1
            for up in range(steps, 0, -1):  # from the root down
                child = n + 1
                for _ in range(up - 1):
                    child //= 2
                above = child // 2 - 1
                if trees.features[t, above] == j:
                    if child % 2 == 0:
                        high = 0.5 * (low + high)
                    else:
                        low = 0.5 * (low + high)
            cuts[t, n] = 0.5 * (low + high)


@inner
def mass_of(x: NDArray[Any], trees: Trees, forest: Forest, sparse: float, learn: bool) -> float:
    """The reference records around ``x``, each scaled to what an even spread would have; counts it, if it shall be learned."""
    inside, total = forest.cuts.shape[1], 0.0
    for t in range(forest.cuts.shape[0]):
        n, scale, found = 0, 1.0, -1.0
        while True:
            if found < 0.0 and (n >= inside or forest.mass[t, n] <= sparse):
                found = forest.mass[t, n] * scale
                if not learn:
                    break
            if learn:
                forest.newest[t, n] += 1
            if n >= inside:
                break
            n = 2 * n + 1 if x[trees.features[t, n]] < forest.cuts[t, n] else 2 * n + 2
            scale *= 2.0
        total += found
    return float(total / forest.cuts.shape[0])


@inner
def turn(forest: Forest) -> None:
    """The window that has filled becomes the reference."""
    for t in range(forest.mass.shape[0]):
        for n in range(forest.mass.shape[1]):
            forest.mass[t, n] = forest.newest[t, n]
            forest.newest[t, n] = 0


@kernel
def prepare(trees: Trees, forest: Forest) -> None:
    """Make the cuts of a restored forest."""
    cut_ranges(trees, forest.range, forest.cuts)


@kernel
def judge_half_spaces(
    values: NDArray[Any],
    apart: NDArray[Any],
    trees: Trees,
    forest: Forest,
    limits: NDArray[Any],
    strength: NDArray[Any],
    worst: NDArray[Any],
) -> None:
    """Judge each record, then learn it.

    Args:
        values: float64[n, D] (NaN = missing).
        apart: bool[n], those that teach nothing.
        trees: fixed.
        forest: changed in place.
        limits: int64[2]: records of a window, records remembered.
        strength: float64[n], set to standard deviations above what is usual; -inf = still learning, NaN = nothing to judge.
        worst: int32[n], set to the feature that lies furthest off; -1 = none.
    """
    records, memory = limits[0], limits[1]
    features = values.shape[1]
    z, x = np.empty(features, np.float64), np.empty(features, np.float64)
    for i in range(values.shape[0]):
        here, furthest = 0, -1.0
        worst[i] = -1
        for j in range(features):
            mean, z[j] = forest.usual.mean[0, j], math.nan
            x[j] = mean
            if math.isnan(values[i, j]):
                continue
            here += 1
            x[j] = values[i, j]
            if forest.usual.seen[0, j] > 1:
                z[j] = distance(x[j], mean, forest.usual.var[0, j])
                if abs(z[j]) > furthest:
                    furthest = abs(z[j])
                    worst[i] = j
        strength[i] = -math.inf if here > 0 else math.nan
        if here == 0:
            continue
        learn = not apart[i]
        learned = int(forest.counts[LEARNED])
        if learned >= records:
            found = mass_of(x, trees, forest, SPARSE * records, learn)
            if learned >= 2 * records:
                odd = -math.log(FLOOR + found / records)
                if forest.counts[JUDGED] >= 0.5 * records:
                    strength[i] = CALM * standing(forest.parts, 0, odd)
                if learn:
                    forest.counts[JUDGED] += 1.0
                    learn_part(forest.parts, 0, odd, 1.0 / min(forest.counts[JUDGED], memory))
        elif learn:
            for j in range(features):
                if not math.isnan(values[i, j]) and abs(values[i, j]) <= HUGE:
                    if forest.usual.seen[0, j] == 0:
                        forest.range[0, j] = forest.range[1, j] = x[j]
                    forest.range[0, j] = min(forest.range[0, j], x[j])
                    forest.range[1, j] = max(forest.range[1, j], x[j])
        if learn:
            learn_record(forest.usual, 0, values, i, z, memory)
            forest.counts[LEARNED] += 1.0
            learned += 1
            if learned == records:
                cut_ranges(trees, forest.range, forest.cuts)
            elif learned > records and learned % records == 0:
                turn(forest)
