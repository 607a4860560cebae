"""Missing data as an incident of its own, for monitors that ask for it (``no_data: alert``).

Rules: a window without data makes it pending; ``no_data_after`` of them in a row make it fire; a window with data ends
it, or lets it go away untold; a forgotten key ends it as ``forgotten``. Earlier windows than the last change nothing.
"""

from __future__ import annotations

from dataclasses import replace

from streamgauge.incident import Incident, IncidentState, subject
from streamgauge.incidents.settle import Rule, ended
from streamgauge.verdict import Severity, Verdict

NO_DATA = "no data"
"""The kind of such an incident."""


def watch_data(current: Incident | None, verdict: Verdict, rule: Rule) -> Incident | None:
    """The incident after ``verdict``: the same object where nothing changed, None where there is none."""
    if verdict.severity is Severity.NO_DATA:
        return _opened(verdict, rule) if current is None else _counted(current, verdict, rule)
    if current is None:
        return None
    pending = current.state is IncidentState.PENDING
    if verdict.severity is Severity.FORGOTTEN:
        return None if pending else ended(current, verdict.at, "forgotten")
    if (verdict.window_end, verdict.window_start) <= (current.last_end or 0, current.last_start or 0):
        return current
    return None if pending else ended(current, verdict.at, "recovered", verdict.observed)


def _opened(verdict: Verdict, rule: Rule) -> Incident:
    who = subject(verdict.monitor, verdict.key)
    incident = Incident(
        monitor=verdict.monitor,
        key=verdict.key,
        kind=NO_DATA,
        episode=verdict.window_start if verdict.window_start < verdict.window_end else verdict.at,
        state=IncidentState.PENDING,
        severity="critical",
        opened_at=verdict.at,
        title=f"{who}: no data to judge",
        window_start=verdict.window_start,
        window_end=verdict.window_end,
        last_start=verdict.window_start,
        last_end=verdict.window_end,
        pending_since=verdict.at,
        no_data=1,
    )
    return _ripe(incident, verdict, rule)


def _counted(current: Incident, verdict: Verdict, rule: Rule) -> Incident:
    if (verdict.window_end, verdict.window_start) <= (current.last_end or 0, current.last_start or 0):
        return current
    seen = replace(
        current, no_data=current.no_data + 1, last_start=verdict.window_start, last_end=verdict.window_end
    )
    return _ripe(seen, verdict, rule) if current.state is IncidentState.PENDING else seen


def _ripe(incident: Incident, verdict: Verdict, rule: Rule) -> Incident:
    if incident.no_data < rule.no_data_after:
        return incident
    who = subject(verdict.monitor, verdict.key)
    return replace(
        incident,
        state=IncidentState.FIRING,
        opened_at=verdict.at,
        title=f"{who}: no data to judge in {incident.no_data} windows in a row",
    )
