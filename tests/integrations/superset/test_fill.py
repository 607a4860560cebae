"""What Superset draws is filled from a store of SQLite too, before and after there are series and forecasts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.services.postgresql import Database, PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak]

FILL = str(ROOT / "integrations/superset/fill.py")
CONFIG = """
streams:
  payments:
    source: {type: files, path: p.ndjson}
    format: json
    fields: {account: string, amount: {type: float, min: 0}, at: timestamp}
    time: at
    lateness: 2s
monitors:
  burst:
    stream: payments
    window: {type: tumbling, size: 5s, by: account, compute: {events: count(*)}}
    detect: {type: threshold, when: events > 100}
  overall:
    stream: payments
    window: {type: tumbling, size: 500ms, compute: {events: count(*)}}
    detect: {type: threshold, when: events > 100000}
store: sqlite:///s.db
server: {port: 0}
"""
Said = subprocess.CompletedProcess[str]


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    made = postgres.new_database()
    yield made
    made.drop()


@pytest.fixture
def call(tmp_path: Path, database: Database) -> Callable[..., Said]:
    environ = {**os.environ, "STREAMGAUGE_DATABASE": database.url(), "STREAMGAUGE_JIT": "off"}

    def called(*words: str) -> Said:
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environ, text=True, capture_output=True, check=False
        )

    return called


def test_it_begins_empty_and_takes_what_comes(call: Callable[..., Said], database: Database, tmp_path: Path):
    (tmp_path / "c.yaml").write_text(CONFIG)
    verb = ("-m", "streamgauge")
    assert (
        call(
            *verb, "generate", "payments", "--seed", "3", "--records", "30000", "--out", "p.ndjson"
        ).returncode
        == 0
    )
    assert call(*verb, "run", "c.yaml").returncode == 0

    first = call(FILL, "c.yaml")
    assert first.returncode == 0, first.stderr
    (opened,) = database.sql("SELECT monitor, key, state FROM charts.incidents")
    assert opened[0] == "burst"
    judged = database.sql("SELECT DISTINCT monitor, key, severity, value > 100 FROM charts.judged")
    assert judged == [("burst", opened[1], "critical", True)]  # of rules only what was not fine is kept
    for view in ("series", "real_and_forecast", "forecast_scores"):
        assert database.sql(f"SELECT count(*) FROM charts.{view}") == [(0,)]

    database.sql(
        "CREATE TABLE logs (ip text, ds timestamptz, a int, b numeric, said text, PRIMARY KEY (ip, ds))"
    )
    database.sql(
        "INSERT INTO logs VALUES ('x', now(), 1, 2.5, 'no number'), ('x', now() - interval '1 h', 3, NULL, '')"
    )
    ahead = ("--horizon", "10s", "--every", "500ms", "--table", "forecasts", "--key", "ip", "--keep", "kept")
    asked = call(*verb, "forecast", "overall", "--value", "events", "--config", "c.yaml", *ahead)
    assert asked.returncode == 0, asked.stderr
    again = call(FILL, "c.yaml", "--forecast-of", "overall", "--value", "events")
    assert again.returncode == 0, again.stderr
    assert database.sql("SELECT measure, value FROM charts.series ORDER BY 1, 2") == [
        ("a", 1),
        ("a", 3),
        ("b", 2.5),
    ]
    ((real, foretold),) = database.sql("SELECT count(real), count(yhat) FROM charts.real_and_forecast")
    assert (real > 20, foretold) == (True, 20)  # of what is forecast each window is there


def test_what_does_not_fit_is_said(call: Callable[..., Said], database: Database, tmp_path: Path):
    (tmp_path / "c.yaml").write_text(CONFIG)
    assert (
        call("-m", "streamgauge", "generate", "payments", "--records", "100", "--out", "p.ndjson").returncode
        == 0
    )
    assert call("-m", "streamgauge", "run", "c.yaml").returncode == 0
    database.sql("CREATE TABLE odd (a int PRIMARY KEY)")
    odd = call(FILL, "c.yaml", "--series", "odd")
    assert odd.returncode == 3
    assert "odd is no table of series: its primary key is not a name and a moment" in odd.stderr
    assert database.sql("SELECT to_regclass('charts.judged')") == [(None,)]  # all of it or nothing
    missing = call(FILL, "nothing.yaml")
    assert (missing.returncode, "nothing.yaml" in missing.stderr) == (2, True)
