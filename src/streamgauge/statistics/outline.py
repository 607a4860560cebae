"""A distribution of numbers in a few kB: frequent values exactly, all others by 201 quantiles; mergeable.

Use it where a sample is gone and must still be compared with. Of two outlines made into one, the frequent values
of both add up exactly as long as they fit (:data:`VALUES`); the rest is what the mixture of both rests gives, and
each share of it lies within half a step (0.25 points of the rest) of what one outline of both samples would say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray, IntArray

STEPS = 200
"""The rest is cut into so many parts of equal share."""

VALUES = 64
"""So many values are counted exactly; where there are no more different ones, all are."""

FREQUENT = 1 / 256
"""Else those that hold more than this share."""


@dataclass(frozen=True, eq=False)
class Outline:
    """See the module's text.

    Attributes:
        values, counts: float64[V], int64[V]: frequent values, ascending.
        points: float64[201], the quantiles of the rest in steps of 1/200; empty where all are frequent.
        rest: how many values the points stand for.
    """

    values: FloatArray
    counts: IntArray
    points: FloatArray
    rest: int

    @property
    def size(self) -> int:
        """How many values it stands for."""
        return int(self.counts.sum()) + self.rest

    def below(self, limits: FloatArray) -> FloatArray:
        """float64[n]: how many values are at most each limit."""
        upto = np.concatenate([[0], np.cumsum(self.counts)])
        return upto[np.searchsorted(self.values, limits, "right")] + self.rest * _shares(self.points, limits)

    def quantiles(self, shares: FloatArray) -> FloatArray:
        """float64[q]: the values below which lie ``shares`` of all."""
        return _quantiles([self], shares)

    def without(self, values: FloatArray) -> Outline:
        """The same distribution where ``values`` (frequent ones) do not occur."""
        staying = ~np.isin(self.values, values)
        return Outline(self.values[staying], self.counts[staying], self.points, self.rest)


def outline_of(ordered: FloatArray) -> Outline:
    """The outline of finite numbers in ascending order."""
    values, counts = runs(ordered)
    if len(values) > VALUES:
        frequent = np.nonzero(counts > len(ordered) * FREQUENT)[0]
        frequent = np.sort(frequent[np.argsort(-counts[frequent], kind="stable")[:VALUES]])
        is_rest = np.ones(len(values), np.bool_)
        is_rest[frequent] = False
        rest = ordered[np.repeat(is_rest, counts)]
        values, counts = values[frequent], counts[frequent]
    else:
        rest = np.empty(0)
    points = np.quantile(rest, np.arange(STEPS + 1) / STEPS) if len(rest) else rest
    return Outline(values, counts, points, len(rest))


def runs(ordered: FloatArray) -> tuple[FloatArray, IntArray]:
    """The different values of an ascending array, and how often each occurs."""
    if not len(ordered):
        return ordered, np.empty(0, np.int64)
    heads = np.nonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[0]
    return ordered[heads], np.diff(np.append(heads, len(ordered)))


def merged(outlines: Sequence[Outline]) -> Outline:
    """One outline of all (at least one), whatever their order."""
    every = np.concatenate([each.values for each in outlines])
    values, place = np.unique(every, return_inverse=True)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, place, np.concatenate([each.counts for each in outlines]))
    rest = sum(each.rest for each in outlines)
    total = int(counts.sum()) + rest
    if len(values) <= VALUES:
        staying = np.ones(len(values), np.bool_) if not rest else counts > total * FREQUENT
    else:
        limit = np.sort(counts)[-VALUES]
        staying = (counts > total * FREQUENT) & (counts >= limit)
    gone = Outline(values[~staying], counts[~staying], np.empty(0), 0)
    rest += gone.size
    bare = [Outline(np.empty(0), np.empty(0, np.int64), each.points, each.rest) for each in outlines]
    points = _quantiles([*bare, gone], np.arange(STEPS + 1) / STEPS) if rest else np.empty(0)
    return Outline(values[staying], counts[staying], points, rest)


def _quantiles(parts: Sequence[Outline], shares: FloatArray) -> FloatArray:
    """Where the distribution of all ``parts`` together comes to ``shares``."""
    total = sum(part.size for part in parts)
    if not total:
        return np.full(len(shares), np.nan)
    at = np.unique(np.concatenate([np.concatenate([part.values, part.points]) for part in parts]))
    reached = sum((part.below(at) for part in parts), np.zeros(len(at)))
    before = sum((part.below(np.nextafter(at, -np.inf)) for part in parts), np.zeros(len(at)))
    steps = np.column_stack([before, reached]).ravel() / total
    return np.asarray(np.interp(shares, np.maximum.accumulate(steps), np.repeat(at, 2)))


def _shares(points: FloatArray, limits: FloatArray) -> FloatArray:
    """The share of what ``points`` stand for that is at most each limit."""
    if not len(points):
        return np.zeros(len(limits))
    last = np.searchsorted(points, limits, "right") - 1
    low = np.clip(last, 0, STEPS - 1)
    width = points[low + 1] - points[low]
    with np.errstate(all="ignore"):
        within = np.where(width > 0, (limits - points[low]) / width, 0.0)
    share = (low + np.clip(within, 0, 1)) / STEPS
    return np.asarray(np.where(last < 0, 0.0, np.where(last >= STEPS, 1.0, share)))
