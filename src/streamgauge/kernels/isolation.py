"""Isolation forests: how few random cuts it takes to part a record from a sample of the newest ones.

A forest is made anew whenever so many records have been learned: from a sample of the newest ones, which lie in a ring.
Trees are laid out as heaps: node n has the children 2n + 1 (below its cut) and 2n + 2. All chance comes from a small
generator of its own (Lehmer's), so that compiled and plain, here and elsewhere, the same records give the same forest.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel
from streamgauge.kernels.outliers import HUGE, Normal, distance, learn_record, standing

LEARNED, FITTED, DRAWN = range(3)
"""Where ``Forest.counts`` keeps: records learned; records learned when the forest was made (0 = there is none); the
generator's last number."""
LEAF = -1
MOST_JUDGED = 256
"""So many of the newest records say what is usual for a new forest."""
KEEN = 1.2
"""How strong one standard deviation of the score is: its tail is short, and one in some 10,000 is as strong as 6."""
_EULER = 0.5772156649015329


class Forest(NamedTuple):
    """What is learned.

    ``ring`` is float64[M, D], the newest records, NaN = missing; record r lies in row r mod M. ``features`` is int32[T, N]:
    what each node cuts, LEAF where it does not. ``cuts`` is float64[T, N]: where; of a leaf the length of the path that ends
    there. ``fill`` is float64[D]: what stands for missing numbers. ``usual`` holds one row: mean and variance of each
    feature. ``parts`` is float64[1, 2]: mean and variance of the score. ``counts`` is int64[3].
    """

    ring: NDArray[np.float64]
    features: NDArray[np.int32]
    cuts: NDArray[np.float64]
    fill: NDArray[np.float64]
    usual: Normal
    parts: NDArray[np.float64]
    counts: NDArray[np.int64]


@inner
def usual_path(n: int) -> float:
    """The mean number of cuts that part one of ``n`` records from the others."""
    if n < 2:
        return 0.0
    if n == 2:
        return 1.0
    return 2.0 * (math.log(n - 1.0) + _EULER) - 2.0 * (n - 1.0) / n


@inner
def drawn(forest: Forest, below: int) -> int:
    """A whole number from 0 to ``below`` - 1."""
    forest.counts[DRAWN] = forest.counts[DRAWN] * 48271 % 2147483647
    return int(forest.counts[DRAWN] * below // 2147483647)


@inner
def make_tree(forest: Forest, t: int, rows: NDArray[Any], sample: NDArray[Any]) -> None:
    """One tree over the rows of ``sample``; ``rows`` (int64, its length) is changed."""
    nodes, features = forest.cuts.shape[1], sample.shape[1]
    begin, end = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    end[0] = rows.shape[0]
    depth, next_level = 0, 1
    for n in range(nodes):
        if n == next_level:
            depth += 1
            next_level = 2 * n + 1
        forest.features[t, n] = LEAF
        size = end[n] - begin[n]
        forest.cuts[t, n] = depth + usual_path(size)
        if size < 2 or 2 * n + 2 >= nodes:
            continue
        first = drawn(forest, features)
        for k in range(features):
            j = (first + k) % features
            low = high = sample[rows[begin[n]], j]
            for r in range(begin[n] + 1, end[n]):
                low = min(low, sample[rows[r], j])
                high = max(high, sample[rows[r], j])
            if not high > low:
                continue
            cut = low + (high - low) * ((drawn(forest, 1 << 30) + 1.0) / (1 << 30))
            middle = begin[n]
            for r in range(begin[n], end[n]):
                if sample[rows[r], j] < cut:
                    held = rows[middle]
                    rows[middle] = rows[r]
                    rows[r] = held
                    middle += 1
            forest.features[t, n], forest.cuts[t, n] = j, cut
            begin[2 * n + 1], end[2 * n + 1] = begin[n], middle
            begin[2 * n + 2], end[2 * n + 2] = middle, end[n]
            break


@inner
def oddness(x: NDArray[Any], forest: Forest, size: int) -> float:
    """The score of the paper: 2 to the minus (mean path over the usual path); near 0.5 where nothing is odd."""
    total = 0.0
    for t in range(forest.cuts.shape[0]):
        n = 0
        while forest.features[t, n] != LEAF:
            n = 2 * n + 1 if x[forest.features[t, n]] < forest.cuts[t, n] else 2 * n + 2
        total += forest.cuts[t, n]
    return math.pow(2.0, -total / forest.cuts.shape[0] / max(usual_path(size), 1e-9))


@inner
def filled(forest: Forest, held: int) -> NDArray[np.float64]:
    """float64[held, D]: the ring with what is missing filled in by the mean of what is there, which is kept."""
    sample = forest.ring[:held].copy()
    for j in range(sample.shape[1]):
        total, known = 0.0, 0
        for r in range(held):
            if not math.isnan(sample[r, j]):
                total += sample[r, j]
                known += 1
        forest.fill[j] = total / known if known > 0 else 0.0
        for r in range(held):
            if math.isnan(sample[r, j]):
                sample[r, j] = forest.fill[j]
    return sample


@inner
def make_forest(forest: Forest, size: int) -> None:
    """All trees anew, each from ``size`` of the newest records, and what is usual for them."""
    learned = forest.counts[LEARNED]
    held = min(learned, forest.ring.shape[0])
    sample = filled(forest, held)
    size = min(size, held)
    order = np.arange(held)
    for t in range(forest.cuts.shape[0]):
        for k in range(size):
            other = k + drawn(forest, held - k)
            moved = order[k]
            order[k] = order[other]
            order[other] = moved
        make_tree(forest, t, order[:size].copy(), sample)
    forest.counts[FITTED] = learned
    mean, var, count = 0.0, 0.0, min(held, MOST_JUDGED)
    for k in range(count):
        odd = oddness(sample[(learned - 1 - k) % held], forest, size)
        apart = odd - mean
        mean += apart / (k + 1)
        var += apart * (odd - mean)
    forest.parts[0, 0], forest.parts[0, 1] = mean, var / count


@kernel
def judge_isolated(
    values: NDArray[Any],
    apart: NDArray[Any],
    forest: Forest,
    limits: NDArray[Any],
    strength: NDArray[Any],
    odd: NDArray[Any],
    worst: NDArray[Any],
) -> None:
    """Judge each record, then learn it.

    Args:
        values: float64[n, D] (NaN = missing).
        apart: bool[n], those that teach nothing.
        forest: changed in place.
        limits: int64[4]: records before the first forest, between two, of a tree, remembered by what is usual.
        strength: float64[n], set to how far above what is usual; -inf = still learning, NaN = nothing to judge.
        odd: float64[n], set to the score of the paper; NaN where there is none.
        worst: int32[n], set to the feature that lies furthest off; -1 = none.
    """
    learn, refit, size, memory = limits[0], limits[1], limits[2], limits[3]
    features, ring = values.shape[1], forest.ring.shape[0]
    z, x = np.empty(features, np.float64), np.empty(features, np.float64)
    for i in range(values.shape[0]):
        here, furthest = 0, -1.0
        worst[i], odd[i] = -1, math.nan
        for j in range(features):
            x[j], z[j] = forest.fill[j], math.nan
            if math.isnan(values[i, j]):
                continue
            here += 1
            x[j] = values[i, j]
            if forest.usual.seen[0, j] > 1:
                z[j] = distance(x[j], forest.usual.mean[0, j], forest.usual.var[0, j])
                if abs(z[j]) > furthest:
                    furthest = abs(z[j])
                    worst[i] = j
        strength[i] = -math.inf if here > 0 else math.nan
        if here == 0:
            continue
        if forest.counts[FITTED] > 0:
            odd[i] = oddness(x, forest, min(size, forest.counts[FITTED], ring))
            strength[i] = KEEN * standing(forest.parts, 0, odd[i])
        if not apart[i]:
            learn_record(forest.usual, 0, values, i, z, memory)
            row = forest.counts[LEARNED] % ring
            for j in range(features):
                forest.ring[row, j] = math.nan if abs(values[i, j]) > HUGE else values[i, j]
            forest.counts[LEARNED] += 1
            learned = forest.counts[LEARNED]
            if learned == learn or (learned > learn and (learned - learn) % refit == 0):
                make_forest(forest, size)
