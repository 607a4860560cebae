"""``python -m benchmarks.detectors.forecast FOLDER``: sMAPE and coverage of `streamgauge forecast`, and series per second.

FOLDER (or ``STREAMGAUGE_NAB``) holds series as ``**/*.csv`` with ``timestamp,value``, such as those of the Numenta
Anomaly Benchmark. Those count whose step is at most an hour and that last at least five days. Each of the last four
days is forecast from the 2,000 steps before it (2,016 of five or ten minutes: a week, or two); the 90 % band is
compared with what came. The rate is of one thread (CPU time), kernels compiled and warm, on 2,000 steps of five minutes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from streamgauge.forecasting.choosing import forecast
from streamgauge.forecasting.models import MODELS
from streamgauge.forecasting.series import DAY, Series
from streamgauge.forecasting.tables import read_table, series_of
from streamgauge.kernels import jit

NAMES = ("auto", *MODELS)
DAYS, PAST = 4, 2_016
HOUR = 3_600_000_000


def measure(folder: Path) -> Iterator[dict[str, Any]]:
    """One row per series, then the means over the series."""
    found = []
    for path in sorted(folder.rglob("*.csv")):
        ((_, series),) = series_of(read_table(path), value="value", time="timestamp", key=(), step=None)
        if series is None or series.step > HOUR or len(series) < 5 * DAY // series.step:
            continue
        told = {name: _of_model(series, name) for name in NAMES}
        found.append(told)
        yield {"series": path.stem, "step": series.step // 1_000_000, **told}
    means = {name: np.nanmean([told[name] for told in found], axis=0).round(3).tolist() for name in NAMES}
    yield {"series": "mean", "count": len(found), **means, "per_second": round(rate(), 1)}


def _of_model(series: Series, name: str) -> tuple[float, float]:
    """sMAPE in per cent, and the share that the band held."""
    day, errors, held = DAY // series.step, [], []
    for start in range(len(series) - DAYS * day, len(series), day):
        past = Series(series.start, series.step, series.values[max(0, start - PAST) : start])
        came = series.values[start : start + day]
        known = ~np.isnan(came)
        made = forecast(past, day, model=name) if known.sum() >= day // 2 else None
        if made is None:
            continue
        errors.append(smape(came[known], made.expected[known]))
        held.append(float(((came >= made.lower) & (came <= made.upper))[known].mean()))
    return round(float(np.mean(errors)), 2), round(float(np.mean(held)), 3)


def smape(came: np.ndarray, expected: np.ndarray) -> float:
    """Of 0 to 200 per cent; where both are 0 there is no error."""
    size = (np.abs(came) + np.abs(expected)) / 2
    return float(np.where(size > 0, np.abs(came - expected) / np.where(size > 0, size, 1), 0).mean() * 100)


def rate(count: int = 30) -> float:
    """Series per second that `auto` carries on for a day."""
    draw, at = np.random.default_rng(0), np.arange(2_000)
    every = [10 + 3 * np.sin(2 * np.pi * at / 288) + draw.normal(size=2_000) for _ in range(count)]
    began = time.process_time()
    for values in every:
        forecast(Series(0, 300_000_000, values), 288)
    return count / (time.process_time() - began)


def main() -> int:
    """0 when all was measured, 2 without a folder."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STREAMGAUGE_NAB")
    if named is None:
        print("name the folder of series, or set STREAMGAUGE_NAB", file=sys.stderr)
        return 2
    with jit.running(compiled=True):
        for row in measure(Path(named)):  # the last one holds the means
            print(json.dumps(row), file=sys.stderr, flush=True)
    print("| model | mean sMAPE, % | the 90 % band holds |\n| --- | --- | --- |")
    for name in NAMES:
        print(f"| `{name}` | {row[name][0]:.1f} | {row[name][1]:.2f} |")
    print(f"\n{row['count']} series; `auto` carries on {row['per_second']:.0f} per second.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
