"""How few records share a record's cell in random grids of standardised numbers.

Half-space trees (S. C. Tan, K. M. Ting and F. T. Liu, *Fast anomaly detection for streaming data*, IJCAI 2011) whose
nodes of one depth all halve the same number, so that a leaf is found by arithmetic. Unlike theirs, masses are of all
records, the last one included, and not of a window before.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner

AT_ONCE = 8
"""Masses whose product is taken before its logarithm is: a logarithm costs more than the rest."""


class Cuts(NamedTuple):
    """Which numbers each grid halves, int32[G, R], how often each, int64[G, R], and where the grid lies in it, float64[G, R].

    The last, 0 … 1, moves the first cut of a number to anywhere in its range; a grid of fewer than R numbers ends in some
    that it halves 0 times. ``rest`` is how often each is not halved, int64[G, R].
    """

    features: NDArray[np.int32]
    times: NDArray[np.int64]
    rest: NDArray[np.int64]
    shift: NDArray[np.float64]


def make_cuts(features: int, grids: int, halvings: int, seed: int) -> Cuts:
    """Random cuts of ``features`` numbers; the same seed makes the same."""
    draw = np.random.default_rng([seed, 1])
    most = min(features, halvings)
    which, times = np.zeros((grids, most), np.int32), np.zeros((grids, most), np.int64)
    for grid in range(grids):
        chosen, counts = np.unique(draw.integers(0, features, halvings), return_counts=True)
        which[grid, : len(chosen)] = chosen
        times[grid, : len(chosen)] = counts
    return Cuts(which, times, halvings - times, draw.random((grids, most)))


@inner
def find_cells(places: NDArray[Any], cuts: Cuts, cells: int, into: NDArray[Any]) -> None:
    """The cell of a record in each grid, int64[G], of so many ``cells``; ``places`` is float64[D], its numbers in 0 … 1."""
    for g in range(cuts.features.shape[0]):
        cell = 0
        for r in range(cuts.features.shape[1]):
            # A grid is twice as wide as what can occur; of a number's place in it as many leading bits count as it is halved.
            at = min(int(0.5 * cells * (places[cuts.features[g, r]] + cuts.shift[g, r])), cells - 1)
            cell = (cell << cuts.times[g, r]) | (at >> cuts.rest[g, r])
        into[g] = cell


@inner
def thinness(mass: NDArray[Any], total: float, cells: NDArray[Any]) -> float:
    """The mean of -log of the share of records in the same cell; ``mass`` is float64[G, 2^H]."""
    found, product = 0.0, 1.0
    for g in range(cells.shape[0]):
        product *= mass[g, cells[g]] + 0.5
        if g % AT_ONCE == AT_ONCE - 1 or g == cells.shape[0] - 1:
            found += math.log(product)
            product = 1.0
    return float(math.log(total + 0.5) - found / cells.shape[0])


@inner
def count_cells(mass: NDArray[Any], cells: NDArray[Any]) -> None:
    """Count a record."""
    for g in range(cells.shape[0]):
        mass[g, cells[g]] += 1.0
