"""Models that need a library of their own: gradient boosting for real, and what is said where one is missing."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from streamgauge.errors import OutsideError
from streamgauge.forecasting import optional
from streamgauge.forecasting.choosing import forecast
from streamgauge.forecasting.gradient_boosting import carried_on
from streamgauge.forecasting.series import Series
from tests.cli.in_process import Verb
from tests.forecasting.test_choosing import made, noise, wave

HOUR = 3_600_000_000
T = np.arange(24 * 30)


def test_gradient_boosting_carries_on_a_daily_wave():
    found = forecast(made(wave() + noise(1)), 24, model="gradient_boosting")
    assert found is not None
    assert found.model == "gradient_boosting"
    assert np.abs(found.expected - wave(np.arange(len(T), len(T) + 24))).mean() < 0.6


def test_it_finds_what_depends_on_the_day_of_the_week():
    quiet = np.where(T // 24 % 7 < 5, 1.0, 0.2)
    later = np.arange(len(T), len(T) + 48)
    wanted = wave(later) * np.where(later // 24 % 7 < 5, 1.0, 0.2)
    assert np.abs(carried_on(made(wave() * quiet), 48) - wanted).mean() < 1.5


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", np.full(200, 7.0)),
        ("half missing", np.where(np.arange(200) % 2, np.nan, 5.0)),
        ("short", np.arange(20.0)),
        ("the end missing", np.where(np.arange(200) > 60, np.nan, 3.0)),
        ("of no day", np.arange(100.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_series_get_numbers_all_the_same(name, values):
    step = 7 * HOUR if name == "of no day" else HOUR
    expected = carried_on(Series(0, step, values.astype(float)), 30)
    assert np.isfinite(expected).all()


def test_the_same_past_gives_the_same_forecast():
    series = made(wave() + noise(2))
    assert carried_on(series, 24).tolist() == carried_on(series, 24).tolist()


def test_a_library_that_is_missing_is_said_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name == "prophet" else find_spec(name))
    with pytest.raises(OutsideError, match=r"pip install 'streamgauge\[prophet\]'"):
        optional.needed("prophet")
    (tmp_path / "v.csv").write_text("at,v\n1,2\n")
    told = Verb("forecast", capsys)(tmp_path / "v.csv", "--model", "prophet")
    assert (told.code, "streamgauge[prophet]" in told.err) == (3, True)
