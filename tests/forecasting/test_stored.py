"""Forecasts in a table of a real PostgreSQL."""

import math
from pathlib import Path

import pytest

from tests.cli.in_process import Verb
from tests.services.postgresql import PostgresServer


@pytest.fixture
def forecast(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("forecast", capsys)


def requests(folder: Path, hours: int) -> Path:
    rows = ["time,ip,n"]
    rows += [
        f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:00:00Z,10.0.0.{key},{key * (10 + math.sin(hour / 3.82))}"
        for hour in range(hours)
        for key in (1, 2)
    ]
    path = folder / "requests.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.services
def test_of_each_moment_the_last_forecast_that_was_made(
    forecast: Verb, postgres: PostgresServer, tmp_path: Path
):
    database = postgres.new_database()
    where = ("--table", "forecasts", "--database", database.url())
    words = ("--key", "ip", "--model", "theta", "--workers", 0)
    told = forecast(requests(tmp_path, 72), *words, "--horizon", "4h", *where)
    assert (told.code, f"8 rows in table forecasts in {database}" in told.err) == (0, True)
    first = database.sql("SELECT ip, ds, made_at FROM forecasts ORDER BY ip, ds")
    assert [row[0] for row in first] == ["10.0.0.1"] * 4 + ["10.0.0.2"] * 4
    kept = forecast(requests(tmp_path, 74), *words, "--horizon", "4h", "--keep", tmp_path / "kept", *where)
    assert kept.code == 0, kept.err
    rows = database.sql("SELECT ds, model, made_at FROM forecasts WHERE ip = '10.0.0.1' ORDER BY ds")
    assert [row[0].hour for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row[2] > first[0][2] for row in rows] == [False, False, True, True, True, True]
    assert {row[1] for row in rows} == {"theta"}
    ((inside,),) = database.sql("SELECT bool_and(yhat BETWEEN yhat_lower AND yhat_upper) FROM forecasts")
    assert inside
    again = forecast(requests(tmp_path, 76), *words, "--horizon", "4h", "--keep", tmp_path / "kept", *where)
    assert again.code == 0, again.err
    scores = database.sql(
        "SELECT ip, since, until, compared, mae, rmse, coverage FROM forecasts_scores ORDER BY ip"
    )
    assert [(row[0], row[1].hour, row[2].hour, row[3]) for row in scores] == [
        ("10.0.0.1", 2, 3, 2), ("10.0.0.2", 2, 3, 2),
    ]  # fmt: skip
    assert all(0 <= row[4] <= row[5] and 0 <= row[6] <= 1 for row in scores)
    database.drop()


def test_what_is_missing_or_away_is_said(forecast: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = requests(tmp_path, 30)
    monkeypatch.delenv("STREAMGAUGE_DATABASE", raising=False)
    told = forecast(path, "--key", "ip", "--table", "forecasts")
    assert (told.code, "`--database URL`, or STREAMGAUGE_DATABASE" in told.err) == (2, True)
    monkeypatch.setenv("STREAMGAUGE_DATABASE", "postgresql://u:s3cret@127.0.0.1:1/d")
    told = forecast(path, "--key", "ip", "--table", "no; table")
    assert (told.code, "cannot be a name" in told.err) == (2, True)
    told = forecast(path, "--key", "ip", "--table", "forecasts", "--model", "theta", "--workers", 0)
    assert (told.code, "table forecasts in postgresql://u@127.0.0.1:1/d: " in told.err) == (3, True)
    assert "s3cret" not in told.err
