"""What the median and the mean of two models must do to be taken, and where the level is said to stand."""

import numpy as np
import pytest

from streamgauge.forecasting.choosing import chosen, forecast
from streamgauge.forecasting.models import MODELS
from streamgauge.forecasting.series import Series
from streamgauge.kernels import jit
from streamgauge.kernels.trying import misses

HOUR = 3_600_000_000
DAYS = 12
T = np.arange(24 * DAYS)
DRAW = np.random.default_rng(5).normal(size=len(T))
THETA, LEVEL, MEDIAN = range(3)


def table(theta: float, level: float, median: float, pair: float = 9.0) -> np.ndarray:
    """Errors of three models; ``pair`` is that of theta and level in the mean."""
    tried = np.full((3, 3), np.inf)
    tried[np.triu_indices(3, 1)] = 9.0
    tried[[THETA, LEVEL, MEDIAN], [THETA, LEVEL, MEDIAN]] = theta, level, median
    tried[THETA, LEVEL] = pair
    return tried


@pytest.mark.parametrize(
    ("sentence", "tried", "taken"),
    [
        ("the least error carries on", table(2.0, 1.0, 3.0), (LEVEL, LEVEL)),
        ("however little less it is", table(1.0, 0.999, 3.0), (LEVEL, LEVEL)),
        ("the median that missed a little less does not", table(1.0, 2.0, 0.98), (THETA, THETA)),
        ("nor where that is said of the other one", table(2.0, 1.0, 0.98), (LEVEL, LEVEL)),
        ("the median that missed clearly less does", table(1.0, 2.0, 0.96), (MEDIAN, MEDIAN)),
        ("a mean of two that missed a little less does not", table(1.0, 1.1, 3.0, 0.98), (THETA, THETA)),
        ("a mean of two that missed clearly less does", table(1.0, 1.1, 3.0, 0.96), (THETA, LEVEL)),
        ("of two that earned it the better one does", table(1.0, 1.1, 0.9, 0.95), (MEDIAN, MEDIAN)),
        ("where nothing missed nothing is earned", table(0.0, 0.0, 0.0, 0.0), (THETA, THETA)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_carries_on(sentence, tried, taken):
    assert chosen(["theta", "level", "median"], tried) == taken, sentence


def test_one_model_that_was_named_needs_to_earn_nothing():
    assert chosen(["median"], np.array([[3.0]])) == (0, 0)


def standing(values: np.ndarray, *ends: int, name: str = "level") -> list[float]:
    told = MODELS[name](Series(0, HOUR, values), np.array(ends), 2)
    assert (told[:, 0] == told[:, 1]).all()
    return list(told[:, 0])


@pytest.mark.parametrize(
    ("sentence", "values", "since"),
    [
        ("a level that stands is the mean of all days", DRAW, 0),
        ("one that moved is the mean of the days since", DRAW + 5 * (T >= 24 * 8), 24 * 8),
        ("also where that was yesterday", DRAW + 5 * (T >= 24 * 11), 24 * 11),
        ("a day on which little is known does not end it", np.where(T // 24 == 9, np.nan, DRAW), 0),
        ("a course of the day is no move", DRAW + 5 * np.sin(2 * np.pi * T / 24), 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_the_level_stands(sentence, values, since):
    newest = max(since, len(T) - 24 * 8)
    assert standing(values, len(T)) == pytest.approx([np.nanmean(values[newest:])]), sentence


def test_without_days_tenths_of_the_past_are_compared():
    steps = Series(0, 5 * HOUR, np.where(np.arange(200) < 120, 0.0, 9.0) + DRAW[:200])
    told = MODELS["level"](steps, np.array([200]), 1)
    assert told[0, 0] == pytest.approx(steps.values[120:].mean())


def test_the_median_is_that_of_the_newest_days_at_every_end():
    values = np.where(np.random.default_rng(6).random(len(T)) < 0.2, np.nan, DRAW.round(1))
    ends = [60, 61, 100, 239, 240, len(T)]
    expected = [np.nanmedian(values[max(0, end - 24 * 8) : end]) for end in ends]
    assert standing(values, *ends, name="median") == pytest.approx(expected, abs=1e-12)


def test_errors_are_those_of_each_and_of_each_two_in_the_mean():
    draw = np.random.default_rng(7)
    told, came = draw.normal(size=(3, 5, 8)), draw.normal(size=(4, 6))
    came[1, 2:5] = np.nan
    out = np.full((3, 3), np.inf)
    assert misses(told, came, out) == 21
    compiled = np.full((3, 3), np.inf)
    with jit.running(compiled=True):
        assert misses(told, came, compiled) == 21
    assert np.array_equal(out, compiled)
    for a in range(3):
        for b in range(a, 3):
            mean = (told[a] + told[b])[:4, :6] / 2
            assert out[a, b] == pytest.approx(np.nanmean(np.abs(mean - came)))
    assert np.isinf(out[np.tril_indices(3, -1)]).all()


def test_nothing_is_set_where_nothing_came():
    out = np.full((1, 1), np.inf)
    assert misses(np.zeros((1, 2, 3)), np.full((1, 3), np.nan), out) == 0
    assert np.isinf(out).all()


def test_noise_without_a_course_is_carried_on_by_its_level():
    found = forecast(Series(0, HOUR, 20 + DRAW), 24)
    assert found is not None
    assert found.model == "level"
    assert np.ptp(found.expected) == 0


def test_noise_with_rare_peaks_is_carried_on_by_its_median():
    peaks = np.where(np.random.default_rng(8).random(len(T)) < 0.08, 90.0, 5 + 0.1 * DRAW)
    found = forecast(Series(0, HOUR, peaks), 24)
    assert found is not None
    assert found.model == "median"
    assert found.expected == pytest.approx(np.full(24, 5.0), abs=0.1)


def test_two_that_err_to_both_sides_carry_on_in_the_mean():
    # Afternoons whose height half returns to its mean: the day before says too much of it, the median of days too little.
    draw, height = np.random.default_rng(3), [0.0]
    for _ in range(DAYS):
        height.append(0.6 * height[-1] + draw.normal(0, 4))
    at = np.arange(24 * (DAYS + 1))
    values = 50 + (10 + np.repeat(height, 24)) * (at % 24 > 12)
    found = forecast(Series(0, HOUR, values), 24)
    assert found is not None
    assert found.model == "seasonal_median+seasonal_naive"
    one, other = found.model.split("+")
    assert found.errors[found.model] < 0.97 * min(found.errors[one], found.errors[other])
    again = forecast(Series(0, HOUR, values), 24, model=found.model)
    assert again is not None
    assert again.expected == pytest.approx(found.expected)
    assert again.model == found.model
