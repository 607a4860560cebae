"""``python -m benchmarks.detectors.quiet``: how near alarms come to the budget on series in which nothing happens.

Series of seven shapes (seeded), a value each five minutes; the first two weeks are learned from and not counted. An alarm
is one run of alarming values of one key. A ratio of 1 is the budget to the point; the goal is 0.5 to 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import streamgauge

DETECTORS = (
    "auto", "composite", "seasonal", "zscore", "ewma", "mad", "page_hinkley", "change_point", "adwin",
)  # fmt: skip
WEEK, EVERY, SKIPPED = 2016, 300.0, 2
"""Values per week and key, seconds between them, weeks that are not counted."""

CASES = (
    (26, 1, "1 per week", 1.0), (26, 1, "1 per day", 7.0), (14, 10, "1 per week", 1.0), (14, 10, "2 per day", 14.0),
)  # fmt: skip
"""Weeks, keys, budget, and the budget per week."""


def shapes(rows: int, keys: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """float64[rows, keys] by name; no value in them is a fault."""
    rng = np.random.default_rng(seed)
    day = np.sin(2 * np.pi * np.arange(rows) / (WEEK / 7))[:, None]
    size = (rows, keys)
    drifting = np.zeros(size)
    steps = rng.standard_normal(size)
    for i in range(1, rows):
        drifting[i] = 0.8 * drifting[i - 1] + steps[i]
    return {
        "normal": 10 + rng.standard_normal(size),
        "autoregressive 0.8": drifting,
        "daily course": 50 + 20 * day + 3 * rng.standard_normal(size),
        "log-normal": rng.lognormal(0, 0.7, size),
        "counts with a course": rng.poisson(20 + 10 * day, size).astype(np.float64),
        "Student t, 4 degrees": rng.standard_t(4, size),
        "exponential": rng.exponential(1, size),
    }


def alarms(values: NDArray[np.float64], detector: str, budget: str) -> int:
    """How many alarms there are after the weeks that are not counted."""
    rows, keys = values.shape
    times = np.repeat(np.arange(rows) * EVERY, keys)
    names = [str(key) for key in range(keys)] * rows
    frame = streamgauge.score(values.ravel(), detector, times=times, keys=names, budget=budget)
    fires = (frame["severity"] == "critical").to_numpy().reshape(rows, keys)
    begins = fires & ~np.vstack([np.zeros((1, keys), bool), fires[:-1]])
    return int(begins[SKIPPED * WEEK :].sum())


def measure(detectors: Sequence[str] = DETECTORS, seed: int = 1) -> Iterator[dict[str, Any]]:
    """One row per detector and case: alarms over budget for each shape."""
    for detector in detectors:
        for weeks, keys, budget, per_week in CASES:
            counted = weeks - SKIPPED
            row: dict[str, Any] = {
                "detector": detector,
                "case": f"{keys} key{'s' * (keys > 1)}, {counted} weeks, {budget}",
            }
            for name, values in shapes(weeks * WEEK, keys, seed).items():
                row[name] = alarms(values, detector, budget) / (counted * per_week)
            yield row


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown."""
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(list(measure())))
