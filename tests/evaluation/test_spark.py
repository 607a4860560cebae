"""``evaluate --engine spark`` on the real Spark says what this process says, and posts it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.testing import WebhookReceiver
from tests.cli.in_process import Verb
from tests.evaluation.test_parts import history, named, near
from tests.services.spark import python

pytestmark = [pytest.mark.services, pytest.mark.soak]  # half a minute

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "3",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def on_spark(*words: object) -> subprocess.CompletedProcess[str]:
    conf = [word for name, value in SETTINGS.items() for word in ("--conf", f"{name}={value}")]
    return subprocess.run(
        [python(), "-m", "streamgauge", "evaluate", *map(str, words), "--engine", "spark", "--master", "local[2]", *conf],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions as a folder of two Parquet files, labels as JSON with a line that is none."""
    given, known = history(5000)
    folder = tmp_path / "scored.parquet"
    folder.mkdir()
    given = given.with_columns(pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC"))
    given[:3000].write_parquet(folder / "0.parquet")
    given[3000:].write_parquet(folder / "1.parquet")
    truth = tmp_path / "truth.ndjson"
    known.write_ndjson(truth)
    with truth.open("a") as file:
        file.write("{half a li\n")
    return folder, truth


def test_spark_says_what_this_process_says_and_posts_it(tables: tuple[Path, Path], capsys: Any):
    folder, truth = tables
    asked = (
        "--labels",
        truth,
        "--prediction",
        "p",
        "--label",
        "y",
        "--by",
        "place",
        "--window",
        "12h",
        "--json",
    )
    here = Verb("evaluate", capsys)(*sorted(folder.iterdir()), *asked)
    with WebhookReceiver() as server:
        told = on_spark(folder, *asked, "--post", server.url)
        assert told.returncode == 0, told.stderr
        (request,) = server.received
    whole, there = named(here.objects), named([json.loads(line) for line in told.stdout.splitlines()])
    assert there.keys() == whole.keys()
    assert len(whole) == 1 + 3 + 12
    for name, row in whole.items():
        assert there[name] == near(row), name
    assert request.json["precision"] == whole["overall", None, None]["precision"]
    assert "labels belong to no prediction" in told.stderr


def test_a_column_that_is_not_there_and_a_path_are_said(tables: tuple[Path, Path]):
    folder, _ = tables
    wrong = on_spark(folder, "--prediction", "q")
    assert (wrong.returncode, "the predictions have no column `q`" in wrong.stderr) == (2, True)
