"""Killed between any two steps of writing a file: each row once, whatever is written with it the next time."""

import json
import signal
from pathlib import Path

import polars as pl
import pytest

from streamgauge.failpoints import FILE
from tests.exactness.running import Run, write
from tests.sinks.writing import START

pytestmark = pytest.mark.services  # it starts and kills real processes, which takes its time
PLAIN = {"STREAMGAUGE_JIT": "off"}
"""A few records are not worth compiling for."""

RECORDS = 3_000


def watching(folder: Path, rows: int) -> Path:
    """Copies a stream and writes windows; files of so many rows."""
    stream = {
        "source": {"type": "files", "path": "records.ndjson"},
        "format": "json",
        "fields": {"n": "int", "k": "string", "at": {"type": "timestamp", "unit": "ms"}},
        "time": "at",
        "write": {"type": "files", "path": "lake/s", "rows": rows, "partition_by": "k"},
    }
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"sum": "sum(n)"}}
    monitor = {"stream": "s", "window": window, "write": {"type": "files", "path": "lake/m", "rows": rows}}
    return write(folder, {"streams": {"s": stream}, "monitors": {"m": monitor}}, f"rows{rows}.yaml")


@pytest.mark.parametrize("point", [f"{FILE}:3", "rows.after-before-mark:3"])
def test_each_row_once(tmp_path: Path, point: str):
    lines = [{"n": n, "k": f"k{n % 2}", "at": (START + n) * 1000} for n in range(RECORDS)]
    (tmp_path / "records.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Run(watching(tmp_path, 400), failpoint=point, env=PLAIN) as run:
        assert run.ended() == -signal.SIGKILL, run.log
    with Run(watching(tmp_path, 1_000), env=PLAIN) as run:
        assert run.ended() == 0, run.log
    copied = pl.read_parquet(tmp_path / "lake" / "s" / "**" / "*.parquet")
    assert sorted(copied["n"]) == list(range(RECORDS))
    windows = pl.read_parquet(tmp_path / "lake" / "m" / "*.parquet")
    assert windows["_id"].n_unique() == len(windows)
    assert windows["sum"].sum() == sum(range(RECORDS))
