"""``forecast --engine spark``: a grouped map over keys gives the rows that this process gives."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.arrow import pyarrow
from streamgauge.forecasting.refit import How, refit
from streamgauge.forecasting.spark import SCHEMA, Wanted, carrying
from streamgauge.forecasting.tables import plain, rows_of, series_of
from tests.cli.in_process import Verb
from tests.services.spark import python

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Five addresses by the hour, each out of order in a way of its own, one of them too short; a line that is none."""
    lines = []
    for hour in range(24 * 4):
        for n in range(5):
            at = hour if n else (hour * 7) % 96
            if n == 4 and hour > 7:
                continue
            value = 100 * n + 10 * math.sin(at * math.pi / 12) + (hour * (n + 3)) % 5
            when = f"2026-03-{1 + at // 24:02}T{at % 24:02}:10:00Z"
            lines.append(json.dumps({"ip": f"10.0.0.{n}", "net": n % 2, "at": when, "unq": value}))
            if hour % 9 == n:  # two values of one step
                lines.append(json.dumps({"ip": f"10.0.0.{n}", "net": n % 2, "at": when, "unq": value / 3}))
    lines.append("{half a li")
    path = tmp_path / "logs.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


def on_spark(*words: object) -> subprocess.CompletedProcess[str]:
    conf = [word for name, value in SETTINGS.items() for word in ("--conf", f"{name}={value}")]
    return subprocess.run(
        ["env", "STREAMGAUGE_JIT=off", python(), "-m", "streamgauge", "forecast", *map(str, words),
         "--engine", "spark", "--master", "local[2]", *conf],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip


@pytest.mark.parametrize("key", [("ip",), ("net", "ip"), ()])
def test_what_a_worker_does_with_each_group_is_what_this_process_does(key: tuple[str, ...]):
    frame = pl.DataFrame(
        {
            "ip": [f"10.0.0.{n % 3}" for n in range(150)],
            "net": [n % 3 % 2 for n in range(150)],
            "at": [3600 * (n // 3) for n in range(150)],
            "unq": [float(n * n % 17) for n in range(150)],
        }
    )
    how = How(model="theta", workers=0)
    named = list(series_of(plain(frame, value="unq", time="at", key=key), None))
    wanted = {one.key: list(rows_of(one.key, _known(one))) for one in refit(named, how, lambda _: None)}
    marked = frame.with_columns(_path=pl.lit("f"), _block=0, _line=pl.int_range(150)).sample(
        fraction=1.0, shuffle=True, seed=3
    )
    groups = marked.partition_by(*key) if key else [marked]
    carry = carrying(Wanted("unq", "at", key, None, how))
    found = {name: fitted for group in groups for name, fitted in _carried(carry(group.to_arrow()))}
    assert found == wanted


def test_too_many_steps_are_said_by_the_worker():
    frame = pl.DataFrame({"at": [60 * n for n in range(30)], "y": [1.0] * 30, "_path": ["f"] * 30})
    frame = frame.with_columns(_block=0, _line=pl.int_range(30))
    wanted = Wanted("y", "at", (), None, How(horizon=10**13))
    (row,) = carrying(wanted)(frame.to_arrow()).to_pylist()
    assert "are more than 10,000" in row["refused"]


def test_workers_are_refused_beside_spark_and_options_of_spark_without_it(logs: Path, capsys: Any):
    forecast = Verb("forecast", capsys)
    beside = forecast(logs, "--key", "ip", "--engine", "spark", "--workers", "2")
    assert (beside.code, "`--workers` are processes of this machine" in beside.err) == (2, True)
    without = forecast(logs, "--key", "ip", "--master", "local[2]")
    assert (without.code, "`--master` fits `--engine spark` only" in without.err) == (2, True)


@pytest.mark.services
@pytest.mark.soak  # Spark takes ten seconds to start
def test_spark_gives_the_rows_that_worker_processes_give(logs: Path, capsys: Any):
    asked = (logs, "--value", "unq", "--key", "ip", "--horizon", "6h", "--json")
    here = Verb("forecast", capsys)(*asked, "--workers", "1")
    there = on_spark(*asked)
    assert there.returncode == 0, there.stderr
    rows = [json.loads(line) for line in there.stdout.splitlines()]
    assert len(rows) == 4 * 6
    assert rows == here.objects
    short = "10.0.0.4: not enough data: 8 values, and a forecast needs 20"
    assert (short in there.stderr, short in here.err) == (True, True)


@pytest.mark.services
@pytest.mark.soak
def test_a_folder_of_parquet_and_a_refit_that_is_kept(logs: Path, tmp_path: Path, capsys: Any):
    frame = pl.from_dicts([json.loads(line) for line in logs.read_text().splitlines()[:-1]])
    frame = frame.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"))
    folder = tmp_path / "history"
    folder.mkdir()
    half = len(frame) // 2
    frame[:half].write_parquet(folder / "0.parquet")
    frame[half:].write_parquet(folder / "1.parquet")
    whole = tmp_path / "whole.parquet"
    frame.write_parquet(whole)
    asked = ("--value", "unq", "--key", "net", "--key", "ip", "--horizon", "3h")
    here = Verb("forecast", capsys)(whole, *asked, "--keep", tmp_path / "here")
    there = on_spark(folder, *asked, "--keep", tmp_path / "there")
    assert (here.code, there.returncode) == (0, 0), there.stderr
    kept = [
        pl.read_parquet(tmp_path / where / "forecasts.parquet").drop("made_at").sort("key", "ds")
        for where in ("here", "there")
    ]
    assert kept[0].height == 4 * 3
    assert kept[0].equals(kept[1])
    wrong = on_spark(folder, "--value", "unk", "--key", "ip")
    assert (wrong.returncode, "--value: there is no column `unk`" in wrong.stderr) == (2, True)


def _known(found: Any) -> Any:
    assert found.forecast is not None
    return found.forecast


def _carried(table: Any) -> list[tuple[str | None, list[dict[str, Any]]]]:
    from streamgauge.forecasting.spark import _found

    assert [field.name for field in table.schema] == [part.split()[0] for part in SCHEMA.split(", ")]
    assert table.schema.field("known").type == pyarrow().int64()
    found = [_found(row) for row in table.to_pylist()]
    return [(one.key, list(rows_of(one.key, _known(one)))) for one in found]
