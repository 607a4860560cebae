"""The page's own commands, on a real PostgreSQL and a real Superset: every chart answers with what the product wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks
from tests.integrations.superset.browsing import opened
from tests.integrations.superset.server import PASSWORD, Superset
from tests.services.chromium import Chromium
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.postgresql import Database, PostgresServer
from tests.services.postgresql.server import PASSWORD as OF_POSTGRES

pytestmark = [pytest.mark.services, pytest.mark.soak]

PAGE = ROOT / "docs/integrations/superset.md"
EXAMPLE = [block.text for block in blocks(PAGE) if "example" in block.words]
GRANTS = next(block.text for block in blocks(PAGE) if "CREATE ROLE" in block.text)
PICTURE = ROOT / ".cache" / "superset" / "dashboard.png"
"""What a browser saw, for people to look at."""
ADDRESSES = {f"10.0.0.{n}" for n in range(1, 7)}


class Story:
    """The example in a folder of its own, with its database and its Superset."""

    def __init__(self, folder: Path, database: Database, superset: Superset) -> None:
        self.database, self.superset = database, superset
        self.here = folder / "integrations" / "superset"
        shutil.copytree(ROOT / "integrations" / "superset", self.here)
        for name in ("network", "fraud"):
            shutil.copytree(ROOT / "examples" / name, folder / "examples" / name)
        self.said = ""
        """What all commands printed."""

    def shell(self, commands: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Commands as somebody who reads the page would type them."""
        url = self.database.url()
        told = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": url,
            "STREAMGAUGE_DATABASE": url,
            "STREAMGAUGE_JIT": "off",
            "SUPERSET_URL": self.superset.url,
            "SUPERSET_PASSWORD": PASSWORD,
            **environ,
        }
        words = ["bash", "-euo", "pipefail", "-c", commands]
        done = subprocess.run(
            words, cwd=self.here, env=told, text=True, capture_output=True, check=False, timeout=900
        )
        self.said += done.stdout + done.stderr
        return done

    def type(self, commands: str) -> str:
        """Commands that succeed; what they printed."""
        done = self.shell(commands)
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}\n{self.superset.words()}"
        return done.stdout

    def data(self, title: str) -> list[dict[str, Any]]:
        """The rows of a chart, as its own query answers."""
        token = self.superset.token()
        charts = self.superset.ask("/api/v1/dashboard/streamgauge/charts", token)["result"]
        (number,) = [one["id"] for one in charts if one["slice_name"] == title]
        (answer,) = self.superset.ask(f"/api/v1/chart/{number}/data/?force=true", token)["result"]
        assert answer["error"] is None
        rows: list[dict[str, Any]] = answer["data"]
        assert answer["rowcount"] == len(rows) > 0
        return rows

    def kept(self) -> dict[str, list[Any]]:
        """All that stands in the tables."""
        names = ("incidents", "judged", "drift", "quality")
        return {
            name: self.database.sql(f"SELECT * FROM charts.{name} ORDER BY 1, 2, 3, 4, 5") for name in names
        }


@pytest.fixture(scope="module")
def story(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    own = postgres.new_database()
    address = own.url().replace("postgresql://", "postgresql+psycopg2://")
    superset = Superset(tmp_path_factory.mktemp("superset"), address)
    try:
        superset.start()
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    database = postgres.new_database()
    try:
        told = Story(tmp_path_factory.mktemp("story"), database, superset)
        for commands in EXAMPLE:
            told.type(commands)
        yield told
    finally:
        superset.close()
        database.drop()
        own.drop()


def test_what_came_stands_beside_what_was_expected_with_its_band(story: Story):
    rows = story.data("Real against forecast, with band")
    assert set(rows[0]) == {"at", "real", "forecast", "band__yhat_lower", "band__yhat_upper"}
    real = [row for row in rows if row["real"] is not None]
    foretold = [row for row in rows if row["forecast"] is not None]
    assert len(real) > 300
    assert len(foretold) >= 47
    assert all(row["band__yhat_lower"] <= row["forecast"] <= row["band__yhat_upper"] for row in foretold)
    both = [row for row in real if row["forecast"] is not None]
    assert 20 <= len(both) < len(foretold)  # a day that came as foretold, and the one after it
    within = [row for row in both if row["band__yhat_lower"] <= row["real"] <= row["band__yhat_upper"]]
    assert len(within) >= 0.8 * len(both)


def test_series_forecast_errors_and_anomalies_are_those_of_the_addresses(story: Story):
    assert {row["address"] for row in story.data("Series per address")} == ADDRESSES
    scores = {row["address"]: row for row in story.data("How forecasts came out")}
    assert set(scores) == ADDRESSES
    assert all(0 <= row["coverage"] <= 1 and row["mae"] <= row["rmse"] for row in scores.values())
    found = story.data("Anomalies")
    assert {row["severity"] for row in found} <= {"warning", "critical"}
    assert {row["key"] for row in found if row["monitor"] == "unusual"} == {
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.5",
    }
    assert max(row["value"] for row in found if row["key"] == "10.0.0.1") > 140


def test_incidents_are_the_planted_ones(story: Story):
    days = story.data("Incidents by monitor and day")
    by_monitor: dict[str, int] = {}
    for row in days:
        by_monitor[row["monitor"]] = by_monitor.get(row["monitor"], 0) + row["incidents"]
    assert by_monitor["unusual"] == 3
    assert by_monitor["model"] >= 1
    listed = story.data("Newest incidents")
    assert len(listed) == sum(by_monitor.values())
    assert any(
        row["title"].startswith("unusual of 10.0.0.1: unq_dst_ip") and row["minutes"] > 100 for row in listed
    )
    assert [row["opened_at"] for row in listed] == sorted((row["opened_at"] for row in listed), reverse=True)


def test_the_model_becomes_worse_and_its_scores_drift(story: Story):
    measured = story.data("Model quality")
    assert {row["measure"] for row in measured} == {"precision", "recall", "accuracy", "f1"}
    recall = [
        row["value"]
        for row in sorted(measured, key=lambda row: row["window_end"])
        if row["measure"] == "recall"
    ]
    assert min(recall[:10]) > 0.9
    assert max(recall[-5:]) < 0.7
    drifted = story.data("Drift history")
    assert {row["feature"] for row in drifted} == {"amount", "minutes", "score"}
    score = [row["distance"] for row in drifted if row["feature"] == "score"]
    assert max(score) > 0.25 > max(row["distance"] for row in drifted if row["feature"] != "score")


def test_once_more_changes_nothing(story: Story):
    token, before = story.superset.token(), story.kept()
    kinds = ("database", "dataset", "chart", "dashboard")
    counted = {name: story.superset.ask(f"/api/v1/{name}/", token)["count"] for name in kinds}
    assert counted == {"database": 1, "dataset": 7, "chart": 8, "dashboard": 1}
    told = story.type("python fill.py example.yaml --all && python import_bundle.py")
    assert {name: story.superset.ask(f"/api/v1/{name}/", token)["count"] for name in kinds} == counted
    assert story.kept() == before
    assert f"{len(before['judged']):,} judged" in told
    assert "Real against forecast, with band: " in told


def test_refusals_say_what_is_wrong_and_no_password_shows(story: Story):
    wrong = story.shell("python import_bundle.py", SUPERSET_PASSWORD="wrong-one")
    assert wrong.returncode == 3
    assert "refuses the user admin: HTTP 401" in wrong.stderr
    away = story.shell(
        "python fill.py example.yaml", STREAMGAUGE_DATABASE=f"postgresql://gauge:{OF_POSTGRES}@127.0.0.1:9/d"
    )
    assert away.returncode == 3
    assert "postgresql://gauge@127.0.0.1:9/d" in away.stderr
    nobody = story.shell("python fill.py example.yaml --forecast-of nobody")
    assert nobody.returncode == 2
    assert "there is no monitor `nobody`; there are unusual, model, amounts" in nobody.stderr
    for secret in (PASSWORD, OF_POSTGRES, "wrong-one"):
        assert secret not in story.said
    assert OF_POSTGRES.encode() not in (story.here / "streamgauge.zip").read_bytes()


def test_a_reader_of_the_charts_reads_nothing_else(story: Story):
    story.database.sql(GRANTS.replace("'…'", f"'{OF_POSTGRES}'"))
    try:
        server, name = story.database.server, story.database.name
        seen = server.sql(
            "SELECT count(*) FROM charts.real_and_forecast", database=name, user="superset_reader"
        )
        assert seen[0][0] > 300
        with pytest.raises(Exception, match="permission denied for table tokens"):
            server.sql("SELECT * FROM tokens", database=name, user="superset_reader")
        story.type("python fill.py example.yaml")  # replaces the views; who may read them still may
        again = server.sql("SELECT count(*) FROM charts.series", database=name, user="superset_reader")
        assert again[0][0] > 3_000
    finally:
        story.database.sql("DROP OWNED BY superset_reader; DROP ROLE superset_reader")


def test_a_browser_shows_all_of_it(story: Story, chromium: Chromium):
    page = opened(chromium, story.superset.url, PASSWORD)
    text = page.locator("body").inner_text()
    for lost in ("error", "No data", "No results"):
        assert lost.lower() not in text.lower()
    assert "10.0.0.1" in text  # the filter has chosen whose forecast is shown
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE)
