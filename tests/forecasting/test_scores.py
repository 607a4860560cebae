"""How forecasts came out: what counts, and what is told of kept ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from streamgauge.forecasting.scores import held_out, score, scores_of
from streamgauge.forecasting.series import Series
from tests.cli.in_process import Verb
from tests.forecasting.test_stored import requests

HOUR = 3_600_000_000


@pytest.fixture
def forecast(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("forecast", capsys)


def test_what_is_not_known_does_not_count():
    said = np.array([1.0, 2.0, 3.0, np.nan])
    assert score(np.full(4, np.nan), said, said, said) is None
    found = score(np.array([1.0, 5.0, np.nan, 4.0]), said, said - 1, said + 1)
    assert found is not None
    assert (found.of, found.inside, found.coverage, found.mae) == (2, 1, 0.5, 1.5)
    assert found.rmse == pytest.approx((9 / 2) ** 0.5)


def test_the_newest_quarter_is_held_out():
    values = np.tile(np.arange(24.0), 10)
    values[-24:] += 5.0
    found = held_out(Series(0, HOUR, values), "seasonal_naive", 0.9)
    assert found is not None
    told, came_out = found
    assert came_out is not None
    assert (len(told.moments), came_out.of) == (60, 60)
    assert came_out.mae == pytest.approx(5 * 24 / 60)
    assert held_out(Series(0, HOUR, np.arange(3.0)), "auto", 0.9) is None


def test_scores_are_told_per_series_over_rows_whose_value_is_known():
    rows = pl.DataFrame({
        "key": ["a", "a", "a", "b", None], "ds": ["1", "2", "3", "1", "1"], "y": [1.0, 4.0, None, None, 2.0],
        "yhat": [1.0, 2.0, 2.0, 1.0, 2.0], "yhat_lower": [0.0, 1.0, 1.0, 0.0, None], "yhat_upper": [2.0, 3.0, 3.0, 2.0, None],
    })  # fmt: skip
    (row,) = scores_of(rows)
    assert row == {
        "key": "a", "since": "1", "until": "2", "compared": 2, "mae": 1.0, "rmse": pytest.approx(2**0.5), "coverage": 0.5,
    }  # fmt: skip


def test_the_verb_tells_how_kept_forecasts_came_out(forecast: Verb, tmp_path):
    kept = ("--key", "ip", "--model", "theta", "--workers", 0, "--horizon", "6h", "--keep", tmp_path / "kept")
    first = forecast(requests(tmp_path, 72), *kept, "--scores")
    assert (first.code, first.out) == (0, "of no forecast is it known yet what came\n")
    second = forecast(requests(tmp_path, 76), *kept, "--scores", "--json")
    assert [(row["key"], row["compared"]) for row in second.objects] == [("10.0.0.1", 4), ("10.0.0.2", 4)]
    rows = (
        pl.read_parquet(tmp_path / "kept" / "forecasts.parquet")
        .filter(pl.col("key") == "10.0.0.2")
        .drop_nulls("y")
    )
    off = np.abs(rows["y"].to_numpy() - rows["yhat"].to_numpy())
    assert second.objects[1]["mae"] == pytest.approx(off.mean())
    assert second.objects[1]["rmse"] == pytest.approx(np.sqrt((off**2).mean()))
    assert 0 <= second.objects[1]["coverage"] <= 1


def test_scores_need_forecasts_that_are_kept(forecast: Verb, tmp_path):
    told = forecast(requests(tmp_path, 30), "--key", "ip", "--scores")
    assert (told.code, "`--keep FOLDER`" in told.err) == (2, True)


def test_a_refit_that_is_kept_tells_what_it_left(forecast: Verb, tmp_path):
    kept = ("--key", "ip", "--model", "theta", "--workers", 0, "--horizon", "6h", "--keep", tmp_path / "kept")
    (told,) = forecast(requests(tmp_path, 30), *kept, "--json").objects
    made = pl.read_parquet(tmp_path / "kept" / "forecasts.parquet")
    assert (told["kept"], told["series"], told["rows"]) == (str(tmp_path / "kept"), 2, 12)
    assert made["made_at"].unique().to_list() == [told["made_at"]]
    assert forecast(requests(tmp_path, 30), *kept, "--out", tmp_path / "x.csv").code == 2
