"""``python -m benchmarks.detectors.forecast FOLDER``: sMAPE and coverage of `streamgauge forecast`, and series per second.

FOLDER (or ``STREAMGAUGE_NAB``) holds series as ``**/*.csv`` with ``timestamp,value``, such as those of the Numenta
Anomaly Benchmark. Those count whose step is at most an hour and that last at least five days. Each of the last four
days is forecast from the 2,000 steps before it (2,016 of five or ten minutes: a week, or two); the 90 % band is
compared with what came. The rate is of one thread (CPU time), kernels compiled and warm, on 2,000 steps of five minutes.
Prophet, with its defaults and a 90 % interval, foretells the same days in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detectors import peers
from streamgauge.forecasting.choosing import forecast
from streamgauge.forecasting.models import MODELS
from streamgauge.forecasting.series import DAY, Series
from streamgauge.forecasting.tables import plain, read_table, series_of
from streamgauge.kernels import jit

NAMES = ("auto", *MODELS)
DAYS, PAST = 4, 2_016
HOUR = 3_600_000_000


def measure(folder: Path) -> Iterator[dict[str, Any]]:
    """One row per series, then the means over the series."""
    found = []
    for path in sorted(folder.rglob("*.csv")):
        records = plain(read_table(path), value="value", time="timestamp", key=())
        ((_, series),) = series_of(records, None)
        if series is None or series.step > HOUR or len(series) < 5 * DAY // series.step:
            continue
        told = {name: _of_model(series, name) for name in NAMES}
        found.append((series, path.stem, told))
        yield {"series": path.stem, "step": series.step // 1_000_000, **told}
    seconds = beside(found)
    names = [*NAMES, "Prophet"] if seconds else NAMES
    means = {name: np.nanmean([told[name] for _, _, told in found], axis=0).tolist() for name in names}
    worse = [
        f"`{name}` {told['auto'][0]:.1f} against {told['Prophet'][0]:.1f}"
        for _, name, told in found
        if seconds and told["auto"][0] > told["Prophet"][0]
    ]
    ours = [stretch for series, _, _ in found for stretch in stretches(series)]
    began = time.process_time()
    for past, day, _ in ours:
        forecast(past, day)
    same = len(ours) / (time.process_time() - began)
    yield {
        "series": "mean", "count": len(found), **means, "per_second": rate(), "same": same,
        "prophet": len(seconds) / sum(seconds) if seconds else None, "worse": worse,
    }  # fmt: skip


def stretches(series: Series) -> Iterator[tuple[Series, int, Any]]:
    """Each of the last days that was seen at least half: what came before, its steps, what came."""
    day = DAY // series.step
    for start in range(len(series) - DAYS * day, len(series), day):
        first = max(0, start - PAST)
        came = series.values[start : start + day]
        if (~np.isnan(came)).sum() >= day // 2:
            yield (
                Series(series.start + first * series.step, series.step, series.values[first:start]),
                day,
                came,
            )


def _of_model(series: Series, name: str) -> tuple[float, float]:
    """sMAPE in per cent, and the share that the band held."""
    made = [(forecast(past, day, model=name), came) for past, day, came in stretches(series)]
    return _judged([((one.expected, one.lower, one.upper), came) for one, came in made if one is not None])


def _judged(made: list[tuple[Any, Any]]) -> tuple[float, float]:
    errors, held = [], []
    for (expected, lower, upper), came in made:
        known = ~np.isnan(came)
        errors.append(smape(came[known], expected[known]))
        held.append(float(((came >= lower) & (came <= upper))[known].mean()))
    return (round(float(np.mean(errors)), 2), round(float(np.mean(held)), 3)) if errors else (np.nan, np.nan)


def beside(found: list[tuple[Series, str, dict[str, Any]]]) -> list[float]:
    """Prophet's answers for the same days go to each series; its CPU seconds per forecast, none if it cannot be had."""
    held = [[*stretches(series)] for series, _, _ in found]
    given: dict[str, Any] = {}
    for k, (past, day, _) in enumerate(stretch for each in held for stretch in each):
        given |= {f"past_{k}": past.values, f"start_{k}": past.start, f"step_{k}": past.step, f"day_{k}": day}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/given.npz", **given)
        answer = peers.ask("forecasters", "prophet_job", path=f"{folder}/given.npz")
        if answer is None:
            return []
        made = np.load(answer["path"])
        k = 0
        for each, (_, _, told) in zip(held, found, strict=True):
            told["Prophet"] = _judged([(made[f"made_{k + n}"], came) for n, (_, _, came) in enumerate(each)])
            k += len(each)
    return list(answer["seconds"])


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
    for name in [*NAMES, "Prophet"]:
        if name in row:
            print(f"| `{name}` | {row[name][0]:.1f} | {row[name][1]:.2f} |")
    print(f"\n{row['count']} series; `auto` carries on {row['per_second']:.0f} keys per second of CPU.")
    if row["prophet"]:
        better = row["count"] - len(row["worse"])
        print(
            f"On these series: `auto` {row['same']:.0f} forecasts per second, Prophet 1.5.0 {row['prophet']:.2f}, "
            f"{row['same'] / row['prophet']:,.0f} times as many; sMAPE at most Prophet's on {better} of {row['count']}"
            f"{', not on ' if row['worse'] else ''}{', '.join(row['worse'])}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
