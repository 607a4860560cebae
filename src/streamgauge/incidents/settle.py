"""The first stage: what one verdict changes about the incident of its key.

Rules, in their order (``last`` is the last window that fired):

1. no incident, firing: it opens; with ``for`` it is pending first.
2. pending, firing for at least ``for``: it fires.
3. pending, clear, forgotten or long without data: it goes away untold.
4. open, firing at or after ``last``: it goes on, with what is seen now.
5. open, clear after ``last``: it resolves; a window before ``last`` never resolves it.
6. open, no data (or not enough of it) after ``last``: counted; after ``no_data_after`` windows it resolves as ``no data``.
7. open, forgotten: it ends as ``forgotten``.
8. anything else changes nothing.
9. ``clear_after``: 5. holds once it has been clear for that long, by the moments of its windows; what fires, and what
   is neither, begins it anew.
10. flapping: a key that opened too often of late must stay clear for as long as its openings are counted.
11. of sessions: an incident ends with the session that last fired (or with a later one), whatever was found of it:
   there are no windows between sessions that could say that it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamgauge.incident import Incident, IncidentState, changed, subject
from streamgauge.verdict import Severity, Verdict

WITHDRAWN = None
"""What a pending incident becomes when it goes away untold."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a monitor's verdicts become incidents.

    Attributes:
        for_: microseconds of event time that the condition must hold before people hear of it.
        no_data_after: windows without data after which an open incident ends.
        by_moment: whether episodes are named by the moment that opened them; else by the window's start,
            where each window has its own (those of count and running windows are shared by many).
        by_window: whether an incident ends when its window does (sessions).
        clear_after: microseconds of event time that it must be clear before it is over.
        flaps: a key with so many openings …
        flaps_within: … in so many microseconds of event time flaps; 0 = never.
    """

    for_: int = 0
    no_data_after: int = 10
    by_moment: bool = False
    by_window: bool = False
    clear_after: int = 0
    flaps: int = 0
    flaps_within: int = 0


def settle(current: Incident | None, verdict: Verdict, rule: Rule) -> Incident | None:
    """The incident after ``verdict``: the same object where nothing changed, None where there is none."""
    if verdict.severity.firing:
        return _fired(current, verdict, rule)
    if current is None:
        return None
    return _not_fired(current, verdict, rule)


def over(current: Incident | None, verdict: Verdict, rule: Rule) -> Incident | None:
    """The incident after ``verdict`` has been settled: ended where the window that it belongs to has closed.

    Sessions of a key do not overlap, so their ends tell which is later; that of one that goes on may have moved.
    """
    if not rule.by_window or verdict.early or current is None or verdict.window_end < (current.last_end or 0):
        return current
    if current.state is IncidentState.PENDING:
        return WITHDRAWN
    return ended(current, verdict.at, "session over", verdict.observed) if current.open else current


def ripen(pending: Incident, watermark: int, rule: Rule) -> Incident:
    """A pending incident whose condition holds until told otherwise (silence) fires when its time is up."""
    assert pending.pending_since is not None
    due = pending.pending_since + rule.for_
    if watermark < due:
        return pending
    return changed(pending, state=IncidentState.FIRING, opened_at=due)


def soothe(clearing: Incident, watermark: int, rule: Rule) -> Incident:
    """One that is clear until told otherwise ends when it has been so for long enough."""
    assert clearing.clearing_since is not None
    due = clearing.clearing_since + patience(clearing, rule)
    return clearing if watermark < due else ended(clearing, due, "recovered")


def patience(current: Incident, rule: Rule) -> int:
    """For how long it must be clear."""
    flapping = rule.flaps > 0 and len(current.openings) >= rule.flaps
    return max(rule.clear_after, rule.flaps_within) if flapping else rule.clear_after


def counted_openings(before: tuple[int, ...], at: int, rule: Rule) -> tuple[int, ...]:
    """The openings of a key that count for flapping, with the one at ``at``."""
    return (*(opening for opening in before if opening > at - rule.flaps_within), at)


def _fired(current: Incident | None, verdict: Verdict, rule: Rule) -> Incident:
    if current is None:
        return _opened(verdict, rule)
    if (verdict.window_end, verdict.window_start) < (current.last_end or 0, current.last_start or 0):
        return current
    seen = changed(
        current,
        last_start=verdict.window_start,
        last_end=verdict.window_end,
        observed=dict(verdict.observed),
        evidence=verdict.grounds,
        severity=verdict.severity.label,
        no_data=0,
        clearing_since=None,
    )
    if (current.severity, verdict.severity) == (Severity.WARNING.label, Severity.CRITICAL):
        # what made it worse is told, not what opened it, which was within this limit
        seen = changed(seen, title=title(verdict), expected=verdict.expected)
    if current.state is IncidentState.PENDING:
        assert current.pending_since is not None
        if verdict.at - current.pending_since >= rule.for_:
            return changed(seen, state=IncidentState.FIRING, opened_at=verdict.at)
    return seen


def _opened(verdict: Verdict, rule: Rule) -> Incident:
    windowed = (verdict.window_start < verdict.window_end or rule.by_window) and not rule.by_moment
    return Incident(
        monitor=verdict.monitor,
        key=verdict.key,
        kind="verdict",
        episode=verdict.window_start if windowed else verdict.at,
        state=IncidentState.PENDING if rule.for_ > 0 else IncidentState.FIRING,
        severity=verdict.severity.label,
        opened_at=verdict.at,
        title=title(verdict),
        window_start=verdict.window_start,
        window_end=verdict.window_end,
        last_start=verdict.window_start,
        last_end=verdict.window_end,
        observed=dict(verdict.observed),
        expected=verdict.expected,
        evidence=verdict.grounds,
        offset=verdict.offset,
        early=verdict.early,
        partial=verdict.partial,
        pending_since=verdict.at if rule.for_ > 0 else None,
    )


def _not_fired(current: Incident, verdict: Verdict, rule: Rule) -> Incident | None:
    pending = current.state is IncidentState.PENDING
    if verdict.severity is Severity.FORGOTTEN:
        return WITHDRAWN if pending else ended(current, verdict.at, "forgotten", verdict.observed)
    if not _after(current, verdict, rule):
        return current
    if verdict.severity is Severity.OK:
        return WITHDRAWN if pending else _clear(current, verdict, rule)
    if verdict.severity in (Severity.NO_DATA, Severity.NOT_ENOUGH_DATA):
        count = current.no_data + 1
        if count >= rule.no_data_after:
            return WITHDRAWN if pending else ended(current, verdict.at, "no data", verdict.observed)
        return changed(current, no_data=count)
    if verdict.severity is Severity.NEITHER and current.clearing_since is not None:
        return changed(current, no_data=0, clearing_since=None)
    return changed(current, no_data=0) if current.no_data else current


def _clear(current: Incident, verdict: Verdict, rule: Rule) -> Incident:
    since = verdict.at if current.clearing_since is None else current.clearing_since
    if verdict.at - since >= patience(current, rule):
        return ended(current, verdict.at, "recovered", verdict.observed)
    return (
        current if current.clearing_since is not None else changed(current, clearing_since=since, no_data=0)
    )


def _after(current: Incident, verdict: Verdict, rule: Rule) -> bool:
    """Whether the verdict's window comes after the last one that fired."""
    if rule.by_moment:  # within one moment nothing ends: its next incident would bear the same name
        return verdict.window_end > (current.last_end or 0)
    return (verdict.window_end, verdict.window_start) > (current.last_end or 0, current.last_start or 0)


def ended(current: Incident, at: int, reason: str, observed: Mapping[str, Any] | None = None) -> Incident:
    """``current``, resolved at ``at`` for ``reason``."""
    seen = dict(current.evidence)
    if observed:
        seen["on_resolve"] = dict(observed)
    return changed(current, state=IncidentState.RESOLVED, resolved_at=at, reason=reason, evidence=seen)


def title(verdict: Verdict) -> str:
    """One sentence for people: who, what was seen, what was expected."""
    seen = ", ".join(f"{name} = {_short(value)}" for name, value in verdict.observed.items())
    expected = f"; expected {_short(verdict.expected)}" if verdict.expected is not None else ""
    return f"{subject(verdict.monitor, verdict.key)}: {seen or 'fired'}{expected}"


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
