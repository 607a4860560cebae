"""``streamgauge forecast``: files and stored windows in, rows out; what is wrong is said."""

from __future__ import annotations

import gzip
import json
import math

import polars as pl
import pytest

from tests.cli.in_process import Verb
from tests.cli.past import Past


@pytest.fixture
def forecast(capsys):
    return Verb("forecast", capsys)


@pytest.fixture
def requests(tmp_path):
    """A week of two services by the hour, and one that has just begun."""
    rows = ["time,service,requests"]
    for hour in range(24 * 7):
        at = f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
        wave = math.sin(2 * math.pi * hour / 24)
        rows += [f"{at},api,{100 + 50 * wave}", f"{at},web,{10 + wave}"]
    rows += [f"2026-03-07T{hour:02}:00:00Z,new,1" for hour in range(5)]
    path = tmp_path / "requests.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_rows_of_each_key(forecast, requests):
    told = forecast(requests, "--key", "service", "--horizon", "3h", "--json")
    assert told.code == 0
    assert [(row["key"], row["ds"]) for row in told.objects] == [
        (key, f"2026-03-08T0{hour}:00:00.000Z") for key in ("api", "web") for hour in range(3)
    ]
    first = told.objects[0]
    assert list(first) == ["key", "ds", "y", "yhat", "yhat_lower", "yhat_upper", "model"]
    assert first["yhat_lower"] <= first["yhat"] <= first["yhat_upper"]
    assert first["yhat"] == pytest.approx(100, abs=5)
    assert told.err.strip() == "new: not enough data: 5 values, and a forecast needs 20"


def test_series_that_are_taken_for_one_are_said(forecast, requests):
    told = forecast(requests, "--horizon", "1h")
    assert told.code == 0
    assert (
        "values of 168 moments are averaged to one series; `--key NAME` tells series apart (columns of texts: service)"
        in (told.err)
    )


def test_a_column_called_ts_is_the_moment_and_one_value_is_too_few(forecast, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("ts,y\n2026-03-01T00:00:00Z,1\n")
    told = forecast(path)
    assert (
        told.err.splitlines()[0] == "the series: not enough data: one value or none, and a forecast needs 20"
    )


def test_a_table_for_people(forecast, requests):
    told = forecast(requests, "--key", "service", "--model", "theta", "--horizon", "1h")
    assert told.lines[0].split() == ["key", "ds", "y", "yhat", "yhat_lower", "yhat_upper", "model"]
    assert told.lines[1].startswith("api")
    assert told.lines[1].endswith("theta")


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_written_to_a_file_and_read_from_one(forecast, requests, tmp_path, ending):
    given, out = tmp_path / f"given.{ending}", tmp_path / f"out.{ending}"
    frame = pl.read_csv(requests).filter(pl.col("service") == "api")
    getattr(frame, f"write_{ending}")(given)
    assert forecast(given, "--value", "requests", "--out", out).code == 0
    assert getattr(pl, f"read_{ending}")(out).height == 24


def test_moments_as_numbers_and_dates(forecast, tmp_path):
    for scale in (1, 1_000, 1_000_000):
        path = tmp_path / f"{scale}.ndjson"
        lines = [json.dumps({"ts": (1_772_323_200 + 3600 * i) * scale, "v": i % 5}) for i in range(50)]
        path.write_text("\n".join(lines))
        told = forecast(path, "--time", "ts", "--json", "--horizon", "1h")
        assert told.objects[0]["ds"] == "2026-03-03T02:00:00.000Z"
    dated = tmp_path / "days.parquet"
    days = pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 2, 19), eager=True)
    pl.DataFrame({"date": days, "v": [float(day.weekday()) for day in days.to_list()]}).write_parquet(dated)
    row = forecast(dated, "--json").objects[0]
    assert (row["ds"], round(row["yhat"])) == ("2026-02-20T00:00:00.000Z", 4)


def test_lines_that_cannot_be_read_are_passed_over(forecast, tmp_path):
    path = tmp_path / "some.ndjson"
    lines = [json.dumps({"at": 60 * i, "v": 1.0}) for i in range(30)]
    path.write_text("\n".join([*lines[:10], "{broken", "[1]", *lines[10:]]))
    assert forecast(path, "--json").objects[0]["yhat"] == pytest.approx(1.0)


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_compressed(forecast, tmp_path, ending):
    rows = [{"at": 60 * i, "v": 1.0} for i in range(30)]
    text = (
        "\n".join(map(json.dumps, rows))
        if ending == "ndjson"
        else "at,v\n" + "\n".join(f"{60 * i},1.0" for i in range(30))
    )
    path = tmp_path / f"some.{ending}.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert forecast(path, "--json").objects[0]["yhat"] == pytest.approx(1.0)


def test_stored_windows(forecast, past: Past):
    told = forecast("overall", "--value", "events", "--config", past.file, "--json")
    assert told.code == 0
    assert told.objects or "not enough data" in told.err


WRONG = [
    ("a file that is not there", ["no.csv"], "there is no file no.csv"),
    ("a name of neither", ["nobody", "--store", "sqlite:///{folder}/none.db"], "none.db"),
    ("another ending", ["{folder}/x.txt"], "files end in .csv, .parquet"),
    (
        "a column that is not there",
        ["{requests}", "--value", "request"],
        "--value: there is no column `request`",
    ),
    ("a column of texts", ["{requests}", "--value", "service"], "only numbers can be carried on"),
    ("a horizon without a unit", ["{requests}", "--horizon", "5"], "--horizon: "),
    ("a horizon of nothing", ["{requests}", "--horizon", "0s"], "must be longer than zero"),
    ("a horizon without end", ["{requests}", "--horizon", "1000d", "--every", "1m"], "more than 10,000"),
]


@pytest.mark.parametrize(("sentence", "arguments", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said(forecast, requests, tmp_path, sentence, arguments, message):
    (tmp_path / "x.txt").write_text("?")
    told = forecast(*(one.format(folder=tmp_path, requests=requests) for one in arguments))
    assert told.code in (2, 3)
    assert message in told.err
