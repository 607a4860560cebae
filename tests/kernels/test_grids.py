"""Random grids, beside counting."""

import numpy as np
import pytest

from streamgauge.kernels import grids

FEATURES, GRIDS, HALVINGS = 3, 10, 6
CELLS = 2**HALVINGS


def cells_of(places: np.ndarray, cuts: grids.Cuts) -> np.ndarray:
    found = np.empty((len(places), len(cuts.features)), np.int64)
    for row, into in zip(places, found, strict=True):
        grids.find_cells(row, cuts, CELLS, into)
    return found


def test_a_cell_is_what_halving_by_hand_comes_to():
    cuts = grids.make_cuts(FEATURES, GRIDS, HALVINGS, seed=1)
    places = np.random.default_rng(2).random((200, FEATURES))
    for g, found in enumerate(cells_of(places, cuts).T):
        wanted = np.zeros(len(places), np.int64)
        for feature, times, shift in zip(cuts.features[g], cuts.times[g], cuts.shift[g], strict=True):
            low, width = np.full(len(places), -shift), 2.0
            for _ in range(times):
                width /= 2
                upper = places[:, feature] >= low + width
                low = np.where(upper, low + width, low)
                wanted = 2 * wanted + upper
        assert np.array_equal(found, wanted)


def test_every_grid_halves_as_often_as_asked_and_all_cells_are_in_range():
    cuts = grids.make_cuts(FEATURES, GRIDS, HALVINGS, seed=3)
    assert (cuts.times.sum(axis=1) == HALVINGS).all()
    found = cells_of(np.array([[0.0] * FEATURES, [1.0] * FEATURES]), cuts)
    assert found.min() >= 0
    assert found.max() < CELLS


def test_one_feature_is_enough():
    cuts = grids.make_cuts(1, GRIDS, HALVINGS, seed=4)
    assert cuts.features.shape == (GRIDS, 1)
    assert len(np.unique(cells_of(np.linspace(0, 1, 500)[:, None], cuts)[:, 0])) > CELLS // 4


@pytest.mark.parametrize("count", [1, 7, 8, 9, 24])
def test_thinness_is_the_mean_of_logarithms_of_shares(count: int):
    draw = np.random.default_rng(5)
    mass = draw.integers(0, 50, (count, CELLS)).astype(np.float64)
    cells = draw.integers(0, CELLS, count)
    held = mass[np.arange(count), cells]
    wanted = -np.log((held + 0.5) / 1000.5).mean()
    assert grids.thinness(mass, 1000.0, cells) == pytest.approx(wanted, abs=1e-12)
    grids.count_cells(mass, cells)
    assert np.array_equal(mass[np.arange(count), cells], held + 1)
