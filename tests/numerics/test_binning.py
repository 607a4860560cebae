"""Bins as a truth table: where edges come from, and what has a bin of its own."""

import numpy as np
import pytest

from streamgauge.statistics.binning import categories, cells, counts_of

NORMAL = np.random.default_rng(1).normal(size=5_000)


def share_of(values, **how):
    bins = cells(values, **how)
    return dict(
        zip([*bins.labels, "missing", "unseen"], counts_of(bins.codes(values), bins.labels), strict=True)
    )


def test_continuous_numbers_get_deciles():
    counts = share_of(NORMAL)
    assert list(counts.values()) == [500] * 10 + [0, 0]


def test_bins_are_closed_on_the_right_and_open_at_both_ends():
    bins = cells(np.arange(100.0), binning="fixed", edges=[10, 20])
    assert bins.codes(np.array([-np.inf, 10.0, 10.1, 20.0, 20.1, np.inf, np.nan])).tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
    ]
    assert bins.labels == ("<= 10", "(10, 20]", "> 20")


def test_few_different_values_have_a_bin_each_and_others_are_unseen():
    bins = cells(np.array([1.0, 2.0, 2.0, 5.0]))
    assert bins.labels == ("1", "2", "5")
    assert bins.codes(np.array([1.0, 1.5, 2.0, 5.0, 6.0, -np.inf, np.nan])).tolist() == [0, 4, 1, 2, 4, 4, 3]


def test_a_constant_has_one_bin():
    counts = share_of(np.full(50, 7.0))
    assert counts == {"7": 50, "missing": 0, "unseen": 0}


def test_zeros_that_flood_have_a_bin_of_their_own():
    zeros = np.concatenate([np.zeros(6_000), np.abs(NORMAL[:4_000])])
    counts = share_of(zeros)
    assert counts["0"] == 6_000
    assert {
        round(count / 4_000, 2) for label, count in counts.items() if label not in ("0", "missing", "unseen")
    } == {0.11}


def test_a_value_of_its_own_amid_the_others_is_cut_out_of_its_interval():
    values = np.concatenate([NORMAL, np.full(1_000, NORMAL[17])])
    counts = share_of(values)
    assert max(counts.values()) == 1_001
    assert sum(counts.values()) == 6_000


def test_infinities_lie_in_the_outer_bins_and_move_no_edge():
    with_infinities = np.concatenate([NORMAL, [np.inf] * 30, [-np.inf] * 20])
    plain, wild = cells(NORMAL), cells(with_infinities)
    assert np.array_equal(plain.edges, wild.edges)
    assert share_of(with_infinities)[wild.labels[-1]] == 530


def test_nothing_but_missing_values_leaves_every_number_unseen():
    bins = cells(np.full(9, np.nan))
    assert bins.labels == ()
    assert bins.codes(np.array([1.0, np.nan])).tolist() == [1, 0]


def test_equal_width_goes_from_the_least_to_the_greatest():
    assert cells(np.array([0.0, 3.0, 10.0]), binning="width", bins=5).edges.tolist() == [2, 4, 6, 8]


def test_booleans_are_called_by_name():
    assert cells(np.array([0.0, 1.0, 1.0]), names=("false", "true")).labels == ("false", "true")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"bins": 1}, "2 to 1000"),
        ({"binning": "fixed", "edges": [2, 1]}, "rise"),
        ({"binning": "fixed"}, "rise"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(how, said):
    with pytest.raises(ValueError, match=said):
        cells(NORMAL, **how)


def test_frequent_categories_have_a_bin_each_and_rare_ones_share_one():
    bins = categories({f"c{n}": 100 - n for n in range(30)})
    assert len(bins.labels) == 20
    assert bins.labels[-1] == "other"
    assert bins.codes(["c0", "c18", "c19", "c29", None, "new"]).tolist() == [0, 18, 19, 19, 20, 21]


def test_a_reference_that_left_categories_out_counts_unknown_ones_as_other():
    bins = categories({"a": 5, "b": 4}, whole=False)
    assert bins.codes(["a", "b", "c"]).tolist() == [0, 1, 2]
