"""Tails of each feature, beside counting."""

import numpy as np
import pytest

from streamgauge.kernels import own_tails

BINS = 16


def placed(row: np.ndarray) -> np.ndarray:
    return np.array([own_tails.placed(float(value)) for value in row])


def how_far_out(tails: own_tails.OwnTails, z: list[float]) -> float:
    return float(own_tails.how_far_out(tails, np.array(z), placed(np.array(z))))


def farthest_out(tails: own_tails.OwnTails, z: list[float]) -> float:
    return float(own_tails.farthest_out(tails, np.array(z), placed(np.array(z))))


def learned(values: np.ndarray, keep: float = 1.0, bins: int = BINS) -> own_tails.OwnTails:
    tails = own_tails.new_tails(values.shape[1], bins)
    for i, row in enumerate(values):
        own_tails.count_tails(tails, np.nan_to_num(row), row, placed(row), 1.0 / (i + 1))
    own_tails.make_tails(tails, keep)
    return tails


def test_tails_are_shares_of_what_was_counted():
    values = np.random.default_rng(1).normal(size=(200, 1))
    tails = learned(values)
    bins = np.array([own_tails.bin_of(own_tails.placed(value), BINS) for value in values[:, 0]])
    for b in range(BINS):
        assert tails.left[0, b] == pytest.approx(-np.log(((bins <= b).sum() + 0.5) / 201))
        assert tails.right[0, b] == pytest.approx(-np.log(((bins >= b).sum() + 0.5) / 201))


def test_bins_grow_outwards_and_hold_everything():
    found = [own_tails.bin_of(own_tails.placed(z), BINS) for z in (-1e6, -2.0, 0.0, 2.0, 1e6)]
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
    assert how_far_out(tails, near) < how_far_out(tails, far)


def test_of_each_feature_its_longer_tail_counts_where_the_sides_differ():
    draw = np.random.default_rng(3).exponential(size=(500, 2)) - 1.0
    values = draw * [1.0, -1.0]
    tails = learned(values)
    assert tails.skew[0] > 0 > tails.skew[1]
    outwards = how_far_out(tails, [5.0, -5.0])
    assert outwards > how_far_out(tails, [5.0, 0.0])


def test_only_a_part_of_the_old_counts_on():
    tails = learned(np.zeros((10, 1)), keep=0.5)
    assert tails.hist.sum() == 5.0


def test_beyond_what_was_seen_a_tail_goes_on_as_steeply_as_it_fell():
    draw = np.random.default_rng(4)
    steep, slow = (
        learned(v - 1.0, bins=64) for v in (draw.normal(1, 1, (5000, 1)), draw.exponential(1, (5000, 1)))
    )
    for tails in (steep, slow):
        near, far, farther = (np.exp(farthest_out(tails, [z])) for z in (8.0, 12.0, 16.0))
        assert 7 < near < far < farther
        assert farther - far == pytest.approx(far - near, rel=0.2), "about as an exponential one"
    assert farthest_out(steep, [12.0]) > farthest_out(slow, [12.0])


def test_the_outer_tail_holds_no_more_than_its_share_and_is_as_thick_as_what_lies_there():
    values = np.random.default_rng(5).exponential(size=(20_000, 1)) - 1.0
    edge, level, scale, shape = learned(values, bins=64).outer[0, 1]
    beyond = values[values > edge] - edge
    assert len(beyond) <= own_tails.OUTER * len(values)
    assert level == pytest.approx(-np.log(len(beyond) / len(values)), rel=0.02)
    assert scale / (1 - shape) == pytest.approx(beyond.mean(), rel=0.1)
    assert shape < 0.1


def test_the_farthest_of_several_counts_and_what_is_missing_does_not():
    tails = learned(np.random.default_rng(6).normal(size=(2000, 2)))
    assert farthest_out(tails, [0.1, -7.0]) == farthest_out(tails, [np.nan, -7.0])
    assert farthest_out(tails, [0.1, -7.0]) > farthest_out(tails, [0.1, 0.2])
