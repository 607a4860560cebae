"""``streamgauge query`` over one file of NDJSON, and Polars' scan and group-by of the same file."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import SIZE, Spec, Windows, chunks, expected, gathered, lines

SQL = (
    "SELECT account, COUNT(*) AS events, SUM(amount) AS spent FROM payments "
    f"WINDOW TUMBLING (SIZE {SIZE // 1000} SECONDS) GROUP BY account"
)

POLARS = f"""
import sys
import polars as pl
rows = (
    pl.scan_ndjson(sys.argv[1])
    .group_by("account", (pl.col("at") // {SIZE} * {SIZE}).alias("start"))
    .agg(pl.len().alias("events"), pl.col("amount").sum().alias("spent"))
    .collect()
)
rows.write_ndjson(sys.argv[2])
"""


def measure(records: int, rounds: int) -> list[dict[str, Any]]:
    """Both in turn, as whole processes from start to end; their answers are compared."""
    spec = Spec(records, 1_000)
    right = expected(spec)
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        path, out = Path(folder) / "payments.ndjson", Path(folder) / "out.ndjson"
        _write(path, spec)
        rows = []
        for number in range(rounds + 1):  # the first one fills the disk's cache and the compiler's
            told = {"keys": 1_000, "round": number, "records": records}
            polars = _timed([sys.executable, "-c", POLARS, str(path), str(out)], None, records)
            wrong = right.differences(_windows(out, "start"))
            rows.append({"name": "Polars, scan and group-by", **told, **polars, "wrong": wrong})
            query = [
                "query",
                SQL,
                "--stream",
                f"payments={path}",
                "--time",
                "at",
                "--lateness",
                "2s",
                "--json",
            ]
            ours = _timed([str(Path(sys.executable).parent / "streamgauge"), *query], out, records)
            wrong = right.differences(_windows(out, "window_start"))
            rows.append({"name": "streamgauge query", **told, **ours, "wrong": wrong})
    return [row for row in rows if row["round"]]


def _write(path: Path, spec: Spec) -> None:
    first = 0
    with path.open("wb") as file:
        for columns in chunks(spec):
            file.write(b"\n".join(lines(columns, first)) + b"\n")
            first += len(columns.accounts)


def _timed(command: list[str], out: Path | None, records: int) -> dict[str, Any]:
    """Wall and processor time of a command; its output goes to ``out``."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with (Path(os.devnull) if out is None else out).open("wb") as target:
        done = subprocess.run(command, stdout=target, stderr=subprocess.PIPE, env=env, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(seconds, 3),
        "records_per_second": round(records / seconds),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
    }


def _windows(path: Path, start: str) -> Windows:
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return gathered(
        [
            Windows(
                np.array([int(row["account"][1:]) for row in rows], np.int64),
                np.array([_moment(row[start]) for row in rows], np.int64),
                np.array([row["events"] for row in rows], np.int64),
                np.array([row["spent"] for row in rows], np.float64),
            )
        ]
    )


def _moment(value: int | str) -> int:
    """Milliseconds."""
    return value if isinstance(value, int) else round(datetime.fromisoformat(value).timestamp() * 1_000)
