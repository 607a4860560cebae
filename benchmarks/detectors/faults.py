"""``python -m benchmarks.detectors.faults``: which faults the detectors of a series find, and after how many values.

Two weeks of a value each five minutes, standard deviation 1 around a level or a daily course (seeded), with one fault on the
thirteenth day. Found is what alarms within a day of it, by a detector with its defaults (a budget of one false alarm per week).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import streamgauge
from benchmarks.detectors.quiet import DETECTORS, table

DAY, EVERY, RUNS = 288, 300.0, 20
DAYS, AT = 14, 12 * DAY + 150
"""Days of a run, and the value at which its fault begins: half past noon."""

Fault = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _added(what: NDArray[np.float64]) -> Fault:
    def fault(values: NDArray[np.float64]) -> NDArray[np.float64]:
        changed = values.copy()
        changed[AT : AT + len(what)] += what
        return changed

    return fault


def _scattered(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the distance from the level, to the end."""
    changed = values.copy()
    changed[AT:] = 10 + 2 * (changed[AT:] - 10)
    return changed


def _night(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """An hour of what was usual twelve hours before."""
    changed = values.copy()
    changed[AT : AT + 12] = values[AT - 144 : AT - 132]
    return changed


REST = len(range(AT, DAYS * DAY))
FAULTS: Mapping[str, tuple[float, Fault]] = {
    "one value, 8 deviations": (0.0, _added(np.full(1, 8.0))),
    "half an hour, 4 deviations": (0.0, _added(np.full(6, 4.0))),
    "a step of 1 deviation": (0.0, _added(np.full(REST, 1.0))),
    "a step of 2 deviations": (0.0, _added(np.full(REST, 2.0))),
    "a step of 5 deviations": (0.0, _added(np.full(REST, 5.0))),
    "a rise by 5 deviations over a day": (0.0, _added(5.0 * np.minimum(np.arange(REST) / DAY, 1.0))),
    "twice the scatter": (0.0, _scattered),
    "daily course: a night's hour at noon": (10.0, _night),
    "daily course: a step of 5 deviations": (10.0, _added(np.full(REST, 5.0))),
}
"""By name: the height of the daily course, and the fault."""


def measure() -> Iterator[dict[str, Any]]:
    """One row per fault: for each detector, found of ``RUNS`` and the median number of values until then."""
    for name, (course, fault) in FAULTS.items():
        yield {"fault": name, **{detector: _cell(detector, course, fault) for detector in DETECTORS}}


def _cell(detector: str, course: float, fault: Fault) -> str:
    delays = [later for seed in range(RUNS) if (later := delay(detector, course, fault, seed)) is not None]
    return f"{len(delays)} · {np.median(delays):.0f}" if delays else "0"


def delay(detector: str, course: float, fault: Fault, seed: int) -> int | None:
    rows = np.arange(DAYS * DAY)
    quiet = (
        10 - course * np.cos(2 * np.pi * rows / DAY) + np.random.default_rng(seed).standard_normal(len(rows))
    )
    frame = streamgauge.score(fault(quiet), detector, times=rows * EVERY)
    fires = np.flatnonzero((frame["severity"][AT : AT + DAY] == "critical").to_numpy())
    return int(fires[0]) + 1 if len(fires) else None


if __name__ == "__main__":
    print(table(list(measure())))
