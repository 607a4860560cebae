"""What a detector is put to before it may be called stable: quiet data in which it must keep still, and faults to find.

A :class:`Trial` is run through the real path (a replay). Nothing here was used in making the detectors: the seeds and
most of the shapes are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from streamgauge.clock import to_micros
from streamgauge.lessons import Shown, answers

SEED = 20_000
"""Seeds of the runs begin here; no detector was made or tuned on one of them."""
ANEW = {"gaussian": 40_000, "outlier": 40_000}
"""Those that failed and were changed then are put to draws that nobody had seen before the change."""
WEEK = 7 * 86_400.0
FIRING = frozenset({"warning", "critical"})
JUDGED = FIRING | {"ok"}

Fields: TypeAlias = dict[str, list[Any]]
Given: TypeAlias = tuple[list[float], Fields]
"""Seconds, and the fields of the records at them."""
Draw: TypeAlias = np.random.Generator
Fault: TypeAlias = Callable[[Draw, Given, float], Given]
"""Changes what comes from a moment (seconds) on."""


@dataclass(frozen=True)
class Trial:
    """One kind of quiet data, and what may go wrong in it.

    Attributes:
        about: the data in words.
        config: what stands beside ``type:``, or what makes it of the run's draws (a reference).
        quiet: makes the records of one run.
        faults: by name.
        compute, size: the window.
        keyed: whether windows are grouped by the field ``key``.
        runs: how many seeds.
        allowed: how many alarms there may be: per week of a run, or (``of_checks``) per answer; 0 is none.
        of_checks: see ``allowed``.
        at: where the fault begins, as a share of the run.
        beside: faults that lie within what the detector's own rule allows: shown, and not asked for.
    """

    about: str
    config: Mapping[str, Any] | Callable[[Draw], Mapping[str, Any]]
    quiet: Callable[[Draw], Given]
    faults: Mapping[str, Fault] = field(default_factory=dict)
    compute: Mapping[str, str] | None = None
    size: str | int | None = None
    keyed: bool = False
    runs: int = 10
    allowed: float = 0.0
    of_checks: bool = False
    at: float = 0.7
    beside: frozenset[str] = frozenset()


def ran(detector: str, trial: Trial) -> dict[str, Any]:
    """What came of a trial: alarms in quiet, and which faults were found after how many seconds."""
    alarms, checks, seconds, records = 0, 0, 0.0, 0
    seed = ANEW.get(detector, SEED)
    for run in range(trial.runs):
        draw = np.random.default_rng(seed + run)
        given = trial.quiet(draw)
        lines = _said(detector, trial, draw, given)
        begins, since = _begins(lines), _since(lines, given[0])
        alarms += len(begins)
        checks += sum(line["severity"] in JUDGED for line in lines)
        seconds += max(given[0]) - since
        records += len(given[0])
    allowed = trial.allowed * (checks if trial.of_checks else seconds / WEEK)
    return {
        "about": trial.about, "runs": trial.runs, "records": records, "days": round(seconds / 86_400, 2),
        "checks": checks if trial.of_checks else None, "alarms": alarms, "allowed": round(allowed, 2),
        "faults": [_found(detector, trial, name, fault) for name, fault in trial.faults.items()],
    }  # fmt: skip


def _found(detector: str, trial: Trial, name: str, fault: Fault) -> dict[str, Any]:
    """Of as many runs as there were quiet ones: found in how many, and after how long (the median)."""
    delays = []
    seed = ANEW.get(detector, SEED) + 500
    for run in range(trial.runs):
        draw = np.random.default_rng(seed + run)
        given = trial.quiet(draw)
        begin = float(round(given[0][0] + trial.at * (max(given[0]) - given[0][0])))
        lines = _said(detector, trial, draw, fault(draw, given, begin))
        after = [at for at in _begins(lines) if at >= begin]
        delays += [min(after) - begin] if after else []
    median = round(float(np.median(delays)), 1) if delays else None
    asked = name not in trial.beside
    return {"what": name, "found": len(delays), "of": trial.runs, "asked": asked, "delay": median}


def _said(detector: str, trial: Trial, draw: Draw, given: Given) -> list[dict[str, Any]]:
    times, fields = given
    order = np.argsort(times, kind="stable").tolist()
    fields = {name: [column[i] for i in order] for name, column in fields.items()}
    keys = fields.pop("key") if trial.keyed else None
    config = trial.config(draw) if callable(trial.config) else trial.config
    shown = Shown(trial.compute, trial.size)
    return answers(detector, config, shown, [times[i] for i in order], (fields, keys))


def _begins(lines: Sequence[Mapping[str, Any]]) -> list[float]:
    """When alarms begin: runs of firing answers of one key."""
    firing: set[str] = set()
    begins = []
    for line in lines:
        key = repr(line["key"])
        if line["severity"] in FIRING:
            if key not in firing:
                begins.append(_seconds(line["at"]))
            firing.add(key)
        elif line["severity"] == "ok":
            firing.discard(key)
    return begins


def _since(lines: Sequence[Mapping[str, Any]], times: Sequence[float]) -> float:
    """When it was done with learning."""
    return max((_seconds(line["at"]) for line in lines if line["severity"] == "learning"), default=times[0])


def _seconds(iso: str) -> float:
    from datetime import datetime

    return to_micros(datetime.fromisoformat(iso)) / 1e6
