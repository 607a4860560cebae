"""Limits that people would write, above what a sample holds: pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

ALLOWED = 2
"""How often a rule may speak over the sample: what it holds may be the very fault that is looked for."""
_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, and what it was made of: the usual (99.9 % of values are at most that) and the largest value."""

    at: float
    usual: float
    most: float


def above(values: Sequence[float], *, allowed: int = ALLOWED) -> Limit:
    """The first round number from twice the usual on that at most ``allowed`` values exceed.

    >>> above([1, 2, 2, 3, 2, 1] * 1000 + [300]).at
    6.0
    """
    column = np.sort(np.asarray(values, np.float64))
    usual = float(np.quantile(column, 0.999, method="lower"))
    for at in round_numbers(max(2 * usual, 1.0)):
        if int((column > at).sum()) <= allowed:
            return Limit(at, usual, float(column[-1]))
    raise AssertionError("round numbers have no end")


def share_above(parts: Sequence[float], wholes: Sequence[float], *, allowed: int = ALLOWED) -> Limit | None:
    """The same for shares; None where half would not be enough."""
    shares = np.asarray(parts, np.float64) / np.asarray(wholes, np.float64)
    usual = float(np.median(shares))
    fitting = (at for at in _SHARES if at >= max(3 * usual, 0.05) and int((shares > at).sum()) <= allowed)
    at = next(fitting, None)
    return None if at is None else Limit(at, usual, float(shares.max()))


def round_numbers(least: float) -> Iterator[float]:
    """Numbers that people write, from ``least`` on.

    >>> from itertools import islice
    >>> list(islice(round_numbers(7.2), 4))
    [8.0, 10.0, 15.0, 20.0]
    """
    power = math.floor(math.log10(least))
    while True:
        for step in _STEPS:
            number = step * 10.0**power
            if number >= least * (1 - 1e-9):
                yield round(number, 12)
        power += 1
