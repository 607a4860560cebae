"""Refits of many series: workers that are killed, refits that are cut off, and a past that outlives the store's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from streamgauge.errors import OutsideError
from streamgauge.forecasting import workers
from streamgauge.forecasting.fitting import Asked
from streamgauge.forecasting.keeping import Kept, Line, kept_in
from streamgauge.forecasting.refit import How, Progress, refit
from streamgauge.forecasting.series import Series
from streamgauge.forecasting.tables import plain, rows_of, series_of
from streamgauge.forecasting.workers import fitted
from tests import starting

HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def _plain_loops(monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


def asked(count: int) -> list[Asked]:
    values = [np.sin(np.arange(40) + number) for number in range(count)]
    return [Asked.of(i, Series(0, HOUR, one), 3, ("theta", 0.9)) for i, one in enumerate(values)]


def records(hours: int, keys: tuple[str, ...] = ("a", "b"), first: int = 0) -> pl.DataFrame:
    rows = [(hour * HOUR, float(hour % 24), key) for hour in range(first, hours) for key in keys]
    return pl.DataFrame(rows, schema={"at": pl.Int64, "y": pl.Float64, "key": pl.String}, orient="row")


def refitted(kept: Kept, fresh: pl.DataFrame, made: str = "2026-01-01T00:00:00.000Z") -> list[str | None]:
    """One whole refit; the keys that were fitted in it."""
    past = kept.begin(fresh, "asked", made)
    named = [(key, series) for key, series in series_of(past, None) if key not in kept.done]
    found = list(refit(named, How(model="seasonal_naive", workers=0), lambda _: None))
    kept.add(
        [Line(one.key, [] if one.forecast is None else list(rows_of(one.key, one.forecast))) for one in found]
    )
    kept.finish(past, 10**15)
    return [one.key for one in found]


def forecasts(folder: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / "forecasts.parquet").to_dicts()


def test_workers_answer_as_this_process_does():
    ours = {one.number: one.fitted for one in fitted(asked(3), 0)}
    theirs = {one.number: one.fitted for one in fitted(asked(3), 1)}
    assert theirs == ours


def test_a_worker_killed_in_the_middle_of_a_fit_is_replaced_and_nothing_is_lost(monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_FAILPOINT", "fit.before-answer:2")  # each dies at its second series
    found = list(fitted(asked(3), 1))
    assert sorted(one.number for one in found) == [0, 1, 2]
    assert all(one.fitted is not None for one in found)


def test_a_series_that_kills_its_workers_is_given_up_and_the_others_go_on(monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_FAILPOINT", "fit.before-answer:2")
    monkeypatch.setattr(workers, "TRIES", 1)
    found = {one.number: one.given_up for one in fitted(asked(3), 1)}
    assert found == {0: False, 1: True, 2: False}


def test_workers_that_never_answer_end_it(monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_FAILPOINT", "fit.before-answer")
    monkeypatch.setattr(workers, "BARREN", 2)
    with pytest.raises(OutsideError, match="workers in a row ended without one fit"):
        list(fitted(asked(1), 1))


def test_progress_tells_keys_done_rate_and_time_left():
    said: list[Progress] = []
    named = [("a", Series(0, HOUR, np.arange(40.0))), ("b", Series(0, HOUR, np.arange(40.0))), ("c", None)]
    found = list(refit(named, How(model="theta", workers=0), said.append))
    assert [(one.done, one.total) for one in said] == [(1, 3), (2, 3), (3, 3)]
    assert said[-1].left == 0
    assert said[0].left == pytest.approx(2 / said[0].rate)
    assert {one.key: one.forecast is not None for one in found} == {"a": True, "b": True, "c": False}


def test_many_keys_with_one_record_each():
    count = 50_000
    frame = pl.DataFrame(
        {"at": [1_700_000_000] * count, "v": [1.0] * count, "k": [f"k{i}" for i in range(count)]}
    )
    named = list(series_of(plain(frame, value="v", time="at", key=("k",)), None))
    found = list(refit(named, How(), lambda _: None))
    assert len(found) == count
    assert all(one.forecast is None for one in found)


def test_a_refit_keeps_what_was_expected_and_fills_in_what_came(tmp_path):
    with kept_in(tmp_path) as kept:
        refitted(kept, records(72))
    with kept_in(tmp_path) as kept:
        refitted(kept, records(80, first=72), "2026-01-02T00:00:00.000Z")
    rows = [row for row in forecasts(tmp_path) if row["key"] == "a"]
    assert len(rows) == 8 + 24
    assert [row["y"] for row in rows[:9]] == [*map(float, range(8)), None]
    assert [row["made_at"][:10] for row in rows] == ["2026-01-01"] * 8 + ["2026-01-02"] * 24


def test_the_past_outlives_what_is_given(tmp_path):
    for day in range(4):
        with kept_in(tmp_path) as kept:
            refitted(kept, records(24 * (day + 1), first=24 * day))
    assert pl.read_parquet(tmp_path / "past.parquet").height == 2 * 96
    with kept_in(tmp_path) as kept:
        past = kept.begin(records(96, first=95), "asked", "")
        assert past.height == 2 * 96  # the same values again are no new ones


def test_a_key_that_is_gone_keeps_its_rows(tmp_path):
    with kept_in(tmp_path) as kept:
        refitted(kept, records(72))
    with kept_in(tmp_path) as kept:
        refitted(kept, records(80, keys=("a",), first=72))
    assert {row["key"] for row in forecasts(tmp_path)} == {"a", "b"}


def test_one_series_without_a_key(tmp_path):
    with kept_in(tmp_path) as kept:
        refitted(kept, records(72, keys=("a",)).with_columns(pl.lit(None, pl.String).alias("key")))
    with kept_in(tmp_path) as kept:
        refitted(kept, records(73, keys=("a",), first=72).with_columns(pl.lit(None, pl.String).alias("key")))
    rows = forecasts(tmp_path)
    assert [(row["key"], row["y"]) for row in rows[:2]] == [(None, 0.0), (None, None)]


def test_a_refit_that_was_cut_off_goes_on_from_the_same_past(tmp_path):
    with kept_in(tmp_path) as kept:
        past = kept.begin(records(72), "asked", "made first")
        kept.add([Line("a", [])])
    with (tmp_path / "fit.rows").open("ab") as file:
        file.write(b'{"key":"b","ro')  # a kill in the middle of a line
    with kept_in(tmp_path) as kept:
        again = kept.begin(records(73, first=72), "asked", "made later")
        assert list(kept.done) == ["a"]
        assert again.equals(past)
        assert kept.fit is not None
        assert kept.fit.made_at == "made first"


AFRESH = [
    ("one that was asked something else", records(73, first=72), "other"),
    ("one that is a day old", records(24 * 5, first=72), "asked"),
]


@pytest.mark.parametrize(("sentence", "fresh", "what"), AFRESH, ids=[row[0] for row in AFRESH])
def test_begins_anew_after(tmp_path, sentence, fresh, what):
    with kept_in(tmp_path) as kept:
        kept.begin(records(72), "asked", "")
        kept.add([Line("a", [])])
    with kept_in(tmp_path) as kept:
        kept.begin(fresh, what, "")
        assert kept.done == {}


def test_one_refit_at_a_time(tmp_path):
    with kept_in(tmp_path), pytest.raises(OutsideError, match="another refit is at work"), kept_in(tmp_path):
        pass


def test_a_refit_killed_before_its_end_is_finished_by_the_next(tmp_path):
    lines = [{"at": 3600 * hour, "k": key, "v": hour % 24} for hour in range(72) for key in "ab"]
    (tmp_path / "v.ndjson").write_text("\n".join(map(json.dumps, lines)))
    call = [
        "forecast",
        "v.ndjson",
        "--key",
        "k",
        "--value",
        "v",
        "--keep",
        "kept",
        "--model",
        "seasonal_naive",
    ]

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "STREAMGAUGE_JIT": "off", **more}
        return starting.run(call, folder=tmp_path, environ=environ)

    assert run(STREAMGAUGE_FAILPOINT="forecasts.before-finish").returncode == -signal.SIGKILL
    assert not (tmp_path / "kept/forecasts.parquet").exists()
    done = run()
    assert done.returncode == 0, done.stderr
    assert "2 series are fitted already" in done.stderr
    assert len(forecasts(tmp_path / "kept")) == 48
    assert not (tmp_path / "kept/fit.json").exists()
