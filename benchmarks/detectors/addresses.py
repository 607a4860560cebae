"""``python -m benchmarks.detectors.addresses``: 1,000 addresses of 2,000 points each, carried on for a day with `auto`.

As people do it: a file of two million records, the verb ``streamgauge forecast`` with its defaults (as many workers as
processors), a file of forecasts. Processor time is that of the verb and its workers; the wall clock is told beside it with
the machine's load, since what else runs there lengthens it. Values every five minutes: a daily course, its own for each
address, and noise.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ADDRESSES, POINTS, STEP = 1_000, 2_000, 300
BEGIN = 1_700_000_000


def invent(file: Path) -> None:
    """Write the records."""
    import polars as pl

    draw, at = np.random.default_rng(0), np.arange(POINTS)
    shift, level = draw.uniform(0, 288, ADDRESSES), draw.lognormal(3, 1, ADDRESSES)
    course = 1 + 0.5 * np.sin(2 * np.pi * (at[np.newaxis, :] + shift[:, np.newaxis]) / 288)
    values = level[:, np.newaxis] * (course + 0.1 * draw.normal(size=(ADDRESSES, POINTS)))
    names = [f"10.0.{number // 256}.{number % 256}" for number in range(ADDRESSES)]
    pl.DataFrame(
        {
            "ip": np.repeat(names, POINTS),
            "at": np.tile(BEGIN + STEP * at, ADDRESSES),
            "unq_dst_ip": values.ravel().round(3),
        }
    ).write_csv(file)


def measure() -> dict[str, float]:
    """Seconds of processor time and of the clock, and how many addresses were carried on."""
    import polars as pl

    with tempfile.TemporaryDirectory() as folder:
        records, out = Path(folder, "records.csv"), Path(folder, "forecasts.parquet")
        invent(records)
        call = [sys.executable, "-m", "streamgauge", "forecast", str(records), "--key", "ip"]
        call += ["--value", "unq_dst_ip", "--time", "at", "--horizon", "1d", "--out", str(out)]
        before, began = _spent(), time.monotonic()
        subprocess.run(call, check=True, stderr=subprocess.DEVNULL)
        clock, spent = time.monotonic() - began, _spent() - before
        made = pl.read_parquet(out)
    return {
        "cpu": spent,
        "clock": clock,
        "load": os.getloadavg()[0],
        "addresses": made["key"].n_unique(),
        "rows": len(made),
    }


def _spent() -> float:
    """Processor seconds of all processes that were begun here and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """0 when all addresses were carried on."""
    found = measure()
    print("| addresses | points each | rows of forecasts | CPU s | s by the clock | load |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {found['addresses']:,} | {POINTS:,} | {found['rows']:,} | {found['cpu']:.1f} | {found['clock']:.1f} "
        f"| {found['load']:.1f} |"
    )
    return 0 if found["addresses"] == ADDRESSES else 1


if __name__ == "__main__":
    sys.exit(main())
