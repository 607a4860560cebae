"""What a detector's page says about how far it can be trusted, from what ``benchmarks/detectors/stable.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from streamgauge.clock import format_duration
from tests.docs.pages import ROOT

FILE = ROOT / "benchmarks/detectors/stable.json"
_ASKED = "[what is asked](../../benchmarks/detectors/README.md#what-stable-asks)"
_HOW = "[how it was measured](#how-it-was-measured)"


@cache
def measured() -> Mapping[str, Any]:
    """Everything, by detector."""
    found: Mapping[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def word(detector: str) -> str:
    """One sentence: stable or experimental, and why."""
    row = measured().get(detector, {"word": "experimental", "why": ["it was not measured yet"], "trials": []})
    if row["why"]:
        return f"**{row['word']}**: {'; '.join(row['why'])} ({_ASKED}, {_HOW})."
    days = sum(trial["days"] for trial in row["trials"])
    faults = [fault for trial in row["trials"] for fault in trial["faults"] if fault.get("asked", True)]
    return (
        f"**{row['word']}**: {_alarms(row['trials'])} in {days:,.1f} days of quiet data; each of {len(faults)} kinds of faults "
        f"was found in at least nine of ten runs ({_ASKED}, {_HOW})."
    )


MENDED = {"gaussian", "outlier"}
"""Changed after they had failed these trials, then put to new draws."""
_NEW = "on data that were not used in making it"
_KNOWN = (
    "on draws that nobody had seen when it was made. It had failed an earlier run and was changed for it,\n"
    "so it knows these kinds of data ([how good they are](../../benchmarks/detectors/README.md#what-stable-asks))"
)


def trials(detector: str) -> str:
    """The tables: quiet data, and faults."""
    row = measured().get(detector)
    if row is None or not row["trials"]:
        return "Not yet."
    lines = [f"Measured on {row['at']}, {_KNOWN if detector in MENDED else _NEW}.", ""]
    lines += ["| quiet data | records | days | false alarms | allowed |", "| --- | --- | --- | --- | --- |"]
    lines += [line for trial in row["trials"] for line in _quiet(trial)]
    lines += ["", "| fault | found | after (median) |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(line for trial in row["trials"] for line in _faults(trial))])


def _alarms(every: list[dict[str, Any]]) -> str:
    count, allowed = sum(trial["alarms"] for trial in every), sum(trial["allowed"] for trial in every)
    told = "no false alarm" if not count else f"{count:,} false alarm{'s' * (count > 1)}"
    return f"{told} ({allowed:,.1f} allowed)" if allowed else told


def _quiet(trial: Mapping[str, Any]) -> Iterator[str]:
    checks = f", {trial['checks']:,} checks" if trial["checks"] else ""
    runs = f"{trial['about']}; {trial['runs']} runs{checks}"
    yield f"| {runs} | {trial['records']:,} | {trial['days']:,.1f} | {trial['alarms']:,} | {trial['allowed']:,.1f} |"
    if "worst" in trial:
        worst = trial["worst"]
        yield f"| of these the worst: {worst['what']} | | | {worst['alarms']:,} | {worst['allowed']:,.1f} |"


def _faults(trial: Mapping[str, Any]) -> Iterator[str]:
    for fault in trial["faults"]:
        beside = "" if fault.get("asked", True) else " (not made for it)"
        yield f"| {fault['what']}{beside} | {fault['found']} of {fault['of']} | {_after(fault['delay'])} |"


def _after(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return "at once" if seconds < 1 else format_duration(timedelta(seconds=round(seconds)))
