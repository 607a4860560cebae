"""Which model carries on which series, and what the band holds."""

import numpy as np
import pytest

from streamgauge.forecasting.choosing import LEAST, forecast
from streamgauge.forecasting.models import MODELS
from streamgauge.forecasting.series import Series
from streamgauge.kernels import jit

HOUR = 3_600_000_000
SEASONAL = [name for name in MODELS if name not in ("level", "median")]
T = np.arange(24 * 30)


@pytest.fixture(autouse=True)
def _compiled():
    with jit.running(compiled=True):
        yield


def noise(seed: int, spread: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, len(T))


def wave(at: np.ndarray = T) -> np.ndarray:
    return 20 + 5 * np.sin(2 * np.pi * at / 24)


def made(values: np.ndarray) -> Series:
    return Series(0, HOUR, values.astype(float))


@pytest.mark.parametrize("model", [*SEASONAL, "theta+fourier", "auto"])
def test_a_daily_wave_is_carried_on(model):
    found = forecast(made(wave() + noise(1)), 24, model=model)
    assert found is not None
    assert np.abs(found.expected - wave(np.arange(len(T), len(T) + 24))).mean() < 0.6


@pytest.mark.parametrize(("days", "times"), [(30, 10), (8, 6), (3, 2)])
def test_the_past_is_cut_off_up_to_ten_times_and_less_often_where_it_is_short(days, times):
    found = forecast(made((wave() + noise(1))[: 24 * days]), 24)
    assert found is not None
    assert found.cuts == times
    assert set(found.errors) - {found.model} == set(MODELS) - {found.model}


@pytest.mark.parametrize("model", [*MODELS, "auto"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", np.full(200, 7.0)),
        ("zeros", np.zeros(200)),
        ("huge", np.linspace(1e15, 2e15, 200)),
        ("half missing", np.where(np.arange(200) % 2, np.nan, 5.0)),
        ("short", np.arange(float(LEAST))),
        ("the beginning missing", np.where(np.arange(200) < 150, np.nan, 3.0)),
        ("the end missing", np.where(np.arange(200) > 60, np.nan, 3.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_series_get_numbers_all_the_same(model, name, values):
    found = forecast(made(values), 30, model=model)
    assert found is not None
    assert np.isfinite(found.expected).all()
    assert not (found.lower > found.upper).any()
    if name in ("constant", "zeros"):
        assert found.expected == pytest.approx(np.full(30, values[0]), abs=1e-6)


@pytest.mark.parametrize(
    "values", [np.full(50, np.nan), np.arange(float(LEAST - 1))], ids=["all missing", "19 values"]
)
def test_too_little_is_no_forecast(values):
    assert forecast(made(values), 5) is None


def test_auto_takes_what_did_best_on_the_past():
    weekly = wave() + 6 * ((T // 24) % 7 >= 5)
    found = forecast(made(weekly + noise(2)), 48)
    assert found is not None
    assert found.model in ("seasonal_median", "fourier")
    walk = np.cumsum(noise(3, 1.0))
    found = forecast(made(walk), 6)
    assert found is not None
    best = min(error for name, error in found.errors.items() if name != "median")
    assert found.errors[found.model] == best or found.errors[found.model] < 0.97 * best


def test_a_level_that_moved_is_followed():
    moved = wave() + 30 * (T > 24 * 26)
    found = forecast(made(moved + noise(4)), 24)
    assert found is not None
    assert np.abs(found.expected - 30 - wave(np.arange(len(T), len(T) + 24))).mean() < 2.0


def test_the_band_holds_what_comes():
    held = []
    for seed in range(12):
        values = wave() + noise(seed, 1.0)
        found = forecast(made(values[:-24]), 24, interval=0.9)
        assert found is not None
        held.append(((values[-24:] >= found.lower) & (values[-24:] <= found.upper)).mean())
    assert 0.85 <= np.mean(held) <= 0.98


def test_a_wider_interval_is_wider_and_bands_grow():
    values = np.cumsum(noise(5, 1.0))
    narrow, wide = (forecast(made(values), 60, interval=share) for share in (0.5, 0.99))
    assert narrow is not None
    assert wide is not None
    assert ((wide.upper - wide.lower) > (narrow.upper - narrow.lower)).all()
    assert (np.diff(narrow.upper - narrow.lower) >= -1e-9).all()


def test_what_was_never_below_zero_is_not_expected_there():
    found = forecast(made(np.maximum(0, noise(6, 5.0))), 24)
    assert found is not None
    assert (found.expected >= 0).all()
    assert (found.lower >= 0).all()


HOLES = np.where(np.random.default_rng(8).random(24 * 15) < 0.1, np.nan, 1.0)
AGREE = [
    ("a daily season", Series(0, HOUR, (wave() + noise(7))[: 24 * 6])),
    ("a weekly season with holes", Series(0, 3 * HOUR, (wave() + noise(7))[: 24 * 15] * HOLES)),
    ("no season", Series(0, HOUR, noise(7)[:40])),
]


@pytest.mark.parametrize(("name", "series"), AGREE, ids=[row[0] for row in AGREE])
def test_compiled_and_plain_agree(name, series):
    ends = np.array([len(series) // 2, len(series) - 9, len(series)])
    for model in MODELS.values():
        answers = []
        for compiled in (True, False):
            with jit.running(compiled=compiled):
                answers.append(model(series, ends, 24))
        assert np.array_equal(answers[0], answers[1])


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_after_an_end_does_not_matter_to_it(name):
    series = made(wave() + noise(9))
    changed = made(np.where(T < 600, series.values, 1e3))
    ends = np.array([500, 600, len(T)])
    told, otherwise = (MODELS[name](one, ends, 24) for one in (series, changed))
    assert np.array_equal(told[:2], otherwise[:2])


@pytest.mark.parametrize("name", [name for name in MODELS if name != "fourier"])
def test_several_ends_at_once_are_said_as_each_by_itself(name):
    series = made(wave() + noise(10))
    ends = np.array([100, 400, len(T)])
    for end, told in zip(ends, MODELS[name](series, ends, 24), strict=True):
        alone = MODELS[name](made(series.values[:end]), np.array([end]), 24)
        assert np.array_equal(told, alone[0])
