"""The examples of fraud and forecasts end in the incidents that their pages promise, through the main path."""

import json
from typing import Any

from tests.cli.running import streamgauge
from tests.docs.pages import ROOT


def told(example: str, stream: str, file: str) -> list[dict[str, Any]]:
    """The notices of a replay."""
    folder = ROOT / "examples" / example
    done = streamgauge(
        "replay", folder / "streamgauge.yaml", "--stream", f"{stream}={folder / file}", "--json"
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["late"] == lines[-1]["dead_letters"] == 0
    return [line for line in lines if line["kind"] == "incident"]


def test_fraud():
    notices = told("fraud", "scored", "scored.csv.gz")
    began = [line for line in notices if line["n"] == 1]
    assert [line["monitor"] for line in began] == ["unlike-others", "model", "model"]
    assert began[0]["observed"]["amount"] == 9800
    assert began[1]["at"].startswith("2026-03-05T12:00")
    assert began[1]["observed"]["recall"] < 0.5


def test_forecast():
    notices = told("forecast", "orders", "orders.csv.gz")
    began = [(line["at"][:10], line["key"]) for line in notices if line["n"] == 1]
    sunday, fault = "2026-02-15", "2026-03-01"
    assert sorted(began) == [(sunday, "north"), (sunday, "south"), (sunday, "web"), (fault, "web")]
    assert len([line for line in notices if line["reason"] == "recovered"]) == 4
