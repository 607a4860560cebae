"""What becomes a regular series."""

import numpy as np
import pytest

from streamgauge.forecasting.series import DAY, LONGEST, Series, regular

MINUTE = 60_000_000


def test_the_step_is_the_usual_distance():
    times = np.array([0, 5, 10, 20, 25]) * MINUTE
    made = regular(times, np.arange(5.0))
    assert made.step == 5 * MINUTE
    assert np.array_equal(made.values, [0, 1, 2, np.nan, 3, 4], equal_nan=True)


def test_order_does_not_matter():
    times, values = np.array([2, 0, 1]) * MINUTE, np.array([3.0, 1.0, 2.0])
    assert regular(times, values).values.tolist() == [1.0, 2.0, 3.0]


def test_what_is_not_finite_is_missing():
    made = regular(np.arange(4) * MINUTE, np.array([1.0, np.inf, np.nan, 4.0]), MINUTE)
    assert made.known == 2


@pytest.mark.parametrize(
    ("values", "message"), [([np.nan, np.nan], "there is no value"), ([1.0], "all values are of one moment")]
)
def test_nothing_to_begin_with(values, message):
    with pytest.raises(ValueError, match=message):
        regular(np.arange(len(values)) * MINUTE, np.array(values))


def test_of_a_series_without_end_the_newest_part_is_kept():
    made = regular(np.array([0, 10 * LONGEST * MINUTE]), np.array([1.0, 2.0]), MINUTE)
    assert len(made) == LONGEST
    assert made.values[-1] == 2.0


def test_the_next_moments_follow_the_last():
    made = regular(np.arange(3) * MINUTE, np.ones(3))
    assert made.next_moments(2).tolist() == [3 * MINUTE, 4 * MINUTE]


SEASONS = [
    ("a day and a week of five minutes", 5 * MINUTE, 5000, (288, 2016)),
    ("only a day while there are not two weeks", 5 * MINUTE, 3000, (288,)),
    ("no season in less than two days", 5 * MINUTE, 500, ()),
    ("a week of days", DAY, 20, (7,)),
    ("a step that divides no day has none", 7 * MINUTE * 11, 5000, ()),
]


@pytest.mark.parametrize(("sentence", "step", "count", "expected"), SEASONS, ids=[row[0] for row in SEASONS])
def test_seasons(sentence, step, count, expected):
    assert Series(0, step, np.zeros(count)).seasons() == expected
