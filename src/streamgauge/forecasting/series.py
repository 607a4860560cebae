"""A regular series: one value per step, NaN where there was none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray, IntArray

DAY = 86_400_000_000
WEEK = 7 * DAY
LONGEST = 200_000
"""Steps of a series that are kept: the newest."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values at ``start``, ``start + step`` … (microseconds); float64[n], NaN = missing."""

    start: int
    step: int
    values: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> int:
        """How many values there are."""
        return int((~np.isnan(self.values)).sum())

    def next_moments(self, count: int) -> IntArray:
        """int64[count]: the moments after the last one."""
        return self.start + self.step * np.arange(len(self), len(self) + count, dtype=np.int64)

    def seasons(self, end: int | None = None) -> tuple[int, ...]:
        """The steps in a day and in a week that fit twice into the series, or its first ``end`` values; ascending.

        >>> Series(0, 3_600_000_000, np.zeros(24 * 20)).seasons()
        (24, 168)
        >>> Series(0, DAY, np.zeros(10)).seasons()
        ()
        """
        count = len(self) if end is None else end
        periods = {span // self.step for span in (DAY, WEEK) if span % self.step == 0}
        return tuple(sorted(period for period in periods if period > 1 and 2 * period <= count))


def regular(times: IntArray, values: FloatArray, step: int | None = None) -> Series:
    """Put values on a grid: the mean of those that fall into one step; what is not finite is missing.

    Args:
        times: int64[n] microseconds, in any order.
        values: float64[n].
        step: microseconds; default: the median distance of neighbours, rounded to full seconds where it has some.

    Raises:
        ValueError: there is no value, or no distance to take the step from.

    >>> regular(np.array([0, 10, 20, 40]), np.array([1.0, 2.0, 4.0, 5.0]), 20).values.tolist()
    [1.5, 4.0, 5.0]
    """
    known = np.isfinite(values)
    if not known.any():
        raise ValueError("there is no value")
    times, values = times[known], values[known]
    if step is None:
        gaps = np.diff(np.unique(times))
        if not len(gaps):
            raise ValueError("all values are of one moment, which says nothing of how often they come")
        middle = int(np.median(gaps))
        step = max(1_000_000, round(middle / 1e6) * 1_000_000) if middle > 500_000 else max(1, middle)
    places = times // step
    last = int(places.max())
    first = max(int(places.min()), last - LONGEST + 1)
    kept = places >= first
    count = last - first + 1
    index = places[kept] - first
    totals = np.bincount(index, weights=values[kept], minlength=count)
    counts = np.bincount(index, minlength=count)
    with np.errstate(invalid="ignore"):
        return Series(first * step, step, totals / counts)
