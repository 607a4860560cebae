"""Tails of each feature, beside counting."""

import numpy as np
import pytest

from streamgauge.kernels import own_tails

BINS = 16


def learned(values: np.ndarray, keep: float = 1.0) -> own_tails.OwnTails:
    shape = (values.shape[1], BINS)
    tails = own_tails.OwnTails(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0]))
    for i, row in enumerate(values):
        own_tails.count_tails(tails, np.nan_to_num(row), row, 1.0 / (i + 1))
    own_tails.make_tails(tails, keep)
    return tails


def test_tails_are_shares_of_what_was_counted():
    values = np.random.default_rng(1).normal(size=(200, 1))
    tails = learned(values)
    bins = np.array([own_tails.bin_at(value, BINS) for value in values[:, 0]])
    for b in range(BINS):
        assert tails.left[0, b] == pytest.approx(-np.log(((bins <= b).sum() + 0.5) / 201))
        assert tails.right[0, b] == pytest.approx(-np.log(((bins >= b).sum() + 0.5) / 201))


def test_bins_grow_outwards_and_hold_everything():
    found = [own_tails.bin_at(z, BINS) for z in (-1e6, -2.0, 0.0, 2.0, 1e6)]
    assert found == [0, BINS // 4, BINS // 2, 3 * BINS // 4, BINS - 1]


@pytest.mark.parametrize(
    ("sentence", "near", "far"),
    [
        ("a high number is rarer than a middle one", [0.0, 0.0], [4.0, 0.0]),
        ("so is a low one", [0.0, 0.0], [-4.0, 0.0]),
        ("what is missing is left out", [np.nan, 0.5], [np.nan, 4.0]),
        ("nothing but missing numbers lie nowhere", [np.nan, np.nan], [0.0, 0.0]),
    ],
)
def test_which_of_two_lies_further_out(sentence: str, near: list[float], far: list[float]):
    tails = learned(np.random.default_rng(2).normal(size=(300, 2)))
    assert own_tails.how_far_out(tails, np.array(near)) < own_tails.how_far_out(tails, np.array(far))


def test_of_each_feature_its_longer_tail_counts_where_the_sides_differ():
    draw = np.random.default_rng(3).exponential(size=(500, 2)) - 1.0
    values = draw * [1.0, -1.0]
    tails = learned(values)
    assert tails.skew[0] > 0 > tails.skew[1]
    outwards = own_tails.how_far_out(tails, np.array([5.0, -5.0]))
    assert outwards > own_tails.how_far_out(tails, np.array([5.0, 0.0]))


def test_only_a_part_of_the_old_counts_on():
    tails = learned(np.zeros((10, 1)), keep=0.5)
    assert tails.hist.sum() == 5.0
