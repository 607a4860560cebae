"""How long things took: durations counted into classes, as Prometheus' histograms show them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How often durations fell into each class: up to each bound (seconds), and beyond the last."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float

    @property
    def cumulative(self) -> list[tuple[str, int]]:
        """As Prometheus shows them: (upper bound, how many up to there), ``+Inf`` last.

        >>> Spread((0.1, 1.0), (2, 0, 1), 9.0).cumulative
        [('0.1', 2), ('1.0', 2), ('+Inf', 3)]
        """
        pairs, so_far = [], 0
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            so_far += count
            pairs.append((bound, so_far))
        return pairs


class Durations:
    """Counts durations into classes; one thread adds, any may look."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def now(self) -> Spread:
        """As it stands."""
        return Spread(self._bounds, tuple(self._counts), self._total)
