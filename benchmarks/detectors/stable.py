"""``python -m benchmarks.detectors.stable [DETECTOR …]``: puts every detector to its trials, and says which are stable.

What comes of it is written to ``stable.json`` beside this file; the pages of the detectors are made from that. With names only
these are run, and the others stay as they were. What is asked stands in ``README.md``.
"""

from __future__ import annotations

import datetime as dt
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors import faults, quiet, trials_of_drift, trials_of_rules
from benchmarks.detectors.trials import SEED, ran
from streamgauge.config import plugins

FILE = Path(__file__).with_name("stable.json")
TRIALS = {**trials_of_rules.TRIALS, **trials_of_drift.TRIALS}
MOST, LEAST = 2.0, 0.9
"""So many times the allowed alarms, and so much of each fault found, at least."""
WEEKS, RUNS = 26, 10
"""Weeks of a quiet series (two are not counted), and runs of each fault."""

SPIKES = ("one value, 8 deviations", "half an hour, 4 deviations", "a step of 5 deviations")
STEPS = (
    "half an hour, 4 deviations",
    "a step of 2 deviations",
    "a step of 5 deviations",
    "a rise by 5 deviations over a day",
)
DAILY = ("daily course: a night's hour at noon", "daily course: a step of 5 deviations")
MADE_FOR: Mapping[str, tuple[str, ...]] = {
    "auto": (*SPIKES, "twice the scatter", *DAILY), "composite": (*SPIKES, *STEPS), "seasonal": (SPIKES[0], SPIKES[2], *DAILY),
    "zscore": SPIKES, "mad": SPIKES, "ewma": STEPS, "page_hinkley": STEPS, "change_point": STEPS, "adwin": STEPS,
}  # fmt: skip
"""Of the faults of a series, those that each detector is for; the others are shown beside them."""

UNMEASURED = {
    "model": "whether it alarms without reason is its model's doing, so there is no rate to measure",
}
_STATE = re.compile(r"State: |keeps no|keeps nothing|remembers nothing|learns nothing")


def others(rows: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Shapes that stand in no other benchmark here: float64[rows, 1] by name."""
    draw = np.random.default_rng(seed)
    steps = np.arange(rows)
    week = np.where(steps // 288 % 7 >= 5, 0.4, 1.0) * (1.2 - np.cos(2 * np.pi * steps / 288))
    many = {
        "uniform": draw.uniform(0, 1, rows),
        "Laplace": draw.laplace(5, 2, rows),
        "a load with days and week-ends": 40 * week + draw.gamma(9, 0.5, rows),
        "mostly zero": draw.poisson(0.3, rows).astype(np.float64),
        "rounded temperatures": np.round(
            20 + 4 * np.sin(2 * np.pi * steps / 288) + draw.normal(0, 0.7, rows), 1
        ),
    }
    return {name: values[:, None] for name, values in many.items()}


def of_series(detector: str) -> dict[str, Any]:
    """One trial of a detector of series, as :func:`benchmarks.detectors.trials.ran` tells it."""
    rows = WEEKS * quiet.WEEK
    shapes = {**quiet.shapes(rows, 1, SEED), **others(rows, SEED)}
    alarms = {name: quiet.alarms(values, detector, "1 per week") for name, values in shapes.items()}
    weeks = WEEKS - quiet.SKIPPED
    worst = max(alarms, key=lambda name: alarms[name])
    return {
        "about": f"{len(shapes)} shapes of series, {weeks} weeks of each after {quiet.SKIPPED} of learning, a value each five "
        "minutes; a budget of one per week",
        "runs": len(shapes), "records": rows * len(shapes), "days": 7.0 * weeks * len(shapes), "checks": None,
        "alarms": sum(alarms.values()), "allowed": float(weeks * len(shapes)),
        "worst": {"what": worst, "alarms": alarms[worst], "allowed": float(weeks)},
        "faults": list(_faults(detector)),
    }  # fmt: skip


def _faults(detector: str) -> Iterator[dict[str, Any]]:
    for name, (course, fault) in faults.FAULTS.items():
        found = [faults.delay(detector, course, fault, SEED + run) for run in range(RUNS)]
        delays = [delay for delay in found if delay is not None]
        yield {
            "what": name, "found": len(delays), "of": RUNS, "asked": name in MADE_FOR[detector],
            "delay": faults.EVERY * float(np.median(delays)) if delays else None,
        }  # fmt: skip


def judged(detector: str, trials: list[dict[str, Any]]) -> list[str]:
    """Why it is not stable; empty where it is."""
    why = []
    for trial in trials:
        for part in (trial, *([trial["worst"]] if "worst" in trial else [])):
            if part["alarms"] > MOST * part["allowed"]:
                of = f" ({part['what']})" if "what" in part else ""
                why.append(f"{part['alarms']} alarms in quiet data where {part['allowed']:g} may be{of}")
        why += [
            f"it finds {fault['found']} of {fault['of']}: {fault['what']}"
            for fault in trial["faults"] if fault.get("asked", True) and fault["found"] < LEAST * fault["of"]
        ]  # fmt: skip
    if not any(trial["faults"] for trial in trials):
        why.append(UNMEASURED.get(detector, "it was not measured yet"))
    if not _STATE.search(inspect.getdoc(plugins.module("detectors", detector)) or ""):
        why.append("its page does not say how large its state becomes")
    return why


def measured(detector: str) -> dict[str, Any]:
    """Everything about one detector."""
    if detector in MADE_FOR:
        trials = [of_series(detector)]
    else:
        trials = [ran(detector, trial) for trial in TRIALS.get(detector, ())]
    why = judged(detector, trials)
    return {
        "word": "experimental" if why else "stable",
        "why": why,
        "at": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "trials": trials,
    }


def main(names: list[str], tell: Callable[[str], None] = print) -> None:
    """Measure these, or all of ours, and keep the rest."""
    ours = [
        n
        for n in plugins.names("detectors")
        if plugins.module("detectors", n).__name__.startswith("streamgauge.")
    ]
    for detector in names or ours:
        now = measured(detector)
        held = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        held[detector] = now
        tell(f"{detector}: {held[detector]['word']} {'; '.join(held[detector]['why'])}")
        kept = {name: held[name] for name in ours if name in held}
        FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
