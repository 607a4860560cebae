"""Random draws in integers, the same on every machine and with every version of NumPy.

NumPy keeps the raw bits of PCG64 stable for ever, but not what its ``Generator`` makes of them, and floating
logarithms differ in the last digit between processors. So everything here is integer arithmetic on raw bits
and on tables of integers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from statistics import NormalDist
from typing import Any

import numpy as np

from streamgauge.batch import BoolArray, IntArray

_STEPS = 1024


class Draws:
    """One random stream, named by words: a seed, a scenario, a purpose, a block.

    >>> Draws("demo", 7, 0).below(6, 5).tolist()
    [4, 0, 3, 4, 5]
    """

    def __init__(self, *words: str | int) -> None:
        entropy = [zlib.crc32(word.encode()) if isinstance(word, str) else word for word in words]
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))

    def below(self, bound: int, count: int) -> IntArray:
        """int64[count] in [0, bound); ``bound`` up to 2**31."""
        high = self._bits.random_raw(count) >> np.uint64(33)
        return ((high * np.uint64(bound)) >> np.uint64(31)).astype(np.int64)

    def one(self, bound: int) -> int:
        """One integer in [0, bound)."""
        return int(self.below(bound, 1)[0])

    def some(self, bound: int, count: int) -> list[int]:
        """``count`` different integers in [0, bound), in random order; ``count`` well below ``bound``."""
        found: dict[int, None] = {}
        while len(found) < count:
            found[self.one(bound)] = None
        return list(found)

    def chance(self, per_mille: int, count: int) -> BoolArray:
        """bool[count], each true with this probability."""
        return self.below(1000, count) < per_mille

    def weighted(self, cumulated: IntArray, count: int) -> IntArray:
        """int64[count] row numbers, drawn by weight; see :func:`cumulate`."""
        rows: IntArray = np.searchsorted(cumulated, self.below(int(cumulated[-1]), count), side="right")
        return rows

    def from_table(self, table: IntArray, count: int) -> IntArray:
        """int64[count] from a table of quantiles, straight lines between its points."""
        where = self.below(_STEPS << 16, count)
        step, part = where >> 16, where & 0xFFFF
        low: IntArray = table[step]
        rise: IntArray = (table[step + 1] - low) * part >> 16
        return low + rise


def cumulate(weights: Sequence[int]) -> IntArray:
    """What :meth:`Draws.weighted` draws from."""
    return np.cumsum(np.asarray(weights, np.int64))


@lru_cache(maxsize=8)
def calm_zipf(keys: int) -> IntArray:
    """Cumulated weights of ``keys`` keys of which the first come about twice as often as the average.

    Weight of rank r: 1 / (r + keys / 2), so the shape does not depend on how many there are.
    """
    ranks = np.arange(keys, dtype=np.int64)
    weights = (1000 * keys) // (2 * ranks + keys)
    return np.cumsum(weights)


def _quantiles() -> list[float]:
    """Standard normal quantiles at 0.0005, …, 0.9995."""
    inverse = NormalDist().inv_cdf
    edge = 1 / (2 * _STEPS)
    return [inverse(min(max(step / _STEPS, edge), 1 - edge)) for step in range(_STEPS + 1)]


@lru_cache(maxsize=8)
def normal(deviation: int) -> IntArray:
    """Quantiles of a normal law around 0, cut at about 3.3 deviations, in the unit of ``deviation``."""
    return np.array([round(deviation * q) for q in _quantiles()], np.int64)


@lru_cache(maxsize=8)
def lognormal(median: int, sigma: float) -> IntArray:
    """Quantiles of a lognormal law, cut at about 3.3 sigma, in the unit of ``median``."""
    return np.array([round(median * math.exp(sigma * q)) for q in _quantiles()], np.int64)


@lru_cache(maxsize=1)
def sine() -> IntArray:
    """One period of a sine in 4,096 steps, from -1,000,000 to 1,000,000."""
    return np.array([round(1e6 * math.sin(2 * math.pi * i / 4096)) for i in range(4096)], np.int64)


def render(row: str, *columns: Sequence[Any]) -> list[bytes]:
    """``row % values`` for each row of ``columns``, as bytes; no value may hold a line feed.

    One formatting for all rows is some three times faster than one each.

    >>> render('{"n":%d}', [1, 2])
    [b'{"n":1}', b'{"n":2}']
    """
    pattern = _pattern(row, len(columns[0]))
    return (pattern % tuple(chain.from_iterable(zip(*columns, strict=True)))).encode().split(b"\n")


@lru_cache(maxsize=16)
def _pattern(row: str, count: int) -> str:
    return "\n".join([row] * count)
