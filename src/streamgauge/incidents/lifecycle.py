"""From verdicts to what changed: verdict → settle → an event on the board.

What follows (inhibit → silence → route → group → repeat → limit → outbox) runs on the wall clock: see ``telling.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from streamgauge.batch import IntArray, Partition
from streamgauge.incident import Incident, IncidentState, changed
from streamgauge.incidents.board import Board, Cause, Event
from streamgauge.incidents.labels import labelled, relabelled
from streamgauge.incidents.learning import Lessons
from streamgauge.incidents.memory import Memory
from streamgauge.incidents.no_data import NO_DATA, watch_data
from streamgauge.incidents.settle import Rule, counted_openings, ended, over, ripen, settle, soothe
from streamgauge.keys import KeySlots
from streamgauge.verdict import Severity, Verdict, Verdicts

Sampler = Callable[[Verdicts, int], tuple[Partition | None, Sequence[Mapping[str, Any]]]]
"""For one row of verdicts: the partition of the record that decided, and a few records to show."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a monitor asks of its incidents.

    Attributes:
        rule: when they open and end.
        channels: who hears of them.
        holds: whether its condition holds until told otherwise (``for`` then ends without a new verdict).
        labels: the monitor's own, and its stream.
        by: the fields that its keys are made of.
        runbook: a link for whoever is told.
        description: what the monitor is about, for the same.
        no_data: whether missing data is an incident of its own.
        lessons: from which results its detector learns.
    """

    rule: Rule
    channels: tuple[str, ...]
    holds: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    runbook: str | None = None
    description: str | None = None
    no_data: bool = False
    lessons: Lessons = field(default_factory=Lessons)


def receive(
    verdicts: Verdicts,
    policy: Policy,
    board: Board,
    sample: Sampler,
    *,
    marks: IntArray | None = None,
    only_open: bool = False,
) -> IntArray:
    """Take in a step's verdicts: change incidents on ``board`` and queue notices, in order.

    Only rows that fire, or whose key has an incident, can change anything; the rest are never looked at.

    Args:
        verdicts: of one monitor.
        policy: its policy.
        board: where incidents are.
        sample: asked where an incident opens.
        marks: int64, how far time had come after 0, 1, 2 … records of the step.
        only_open: leave out rows whose key has no incident at their turn (windows without records).

    Returns:
        The rows that counted.
    """
    if not len(verdicts):
        return np.empty(0, np.int64)
    held, fired = board.slots(verdicts.monitor, verdicts.keys), verdicts.slots[verdicts.firing()]
    if policy.no_data:
        _watch_data(verdicts, policy, board)
    if not len(held) and not len(fired):
        return np.arange(0 if only_open else len(verdicts))
    touched = verdicts.keys.among(verdicts.slots, np.concatenate((held, fired)))
    counted = ~touched & (not only_open)
    for row in np.nonzero(touched)[0].tolist():
        verdict = verdicts.row(row)
        if only_open and board.current(verdict.monitor, verdict.key) is None:
            continue
        counted[row] = True
        if marks is not None and policy.holds:
            # A record may come when time has long passed; what time itself decided comes at its moment.
            before = int(marks[verdicts.positions[row] - 1]) if verdict.offset is not None else verdict.at
            catch_up(verdict, max(before, verdict.at), policy, board)
        one(verdict, policy, board, partial(sample, verdicts, row))
    return np.nonzero(counted)[0]


def _watch_data(verdicts: Verdicts, policy: Policy, board: Board) -> None:
    """Windows without data, and those that have some again, of the keys that this concerns."""
    missing = verdicts.severities == int(Severity.NO_DATA)
    held = board.slots(verdicts.monitor, verdicts.keys, NO_DATA)
    if not missing.any() and not len(held):
        return
    concerned = np.concatenate((held, verdicts.slots[missing]))
    for row in np.nonzero(verdicts.keys.among(verdicts.slots, concerned))[0].tolist():
        watch_one(verdicts.row(row), policy, board)


def watch_one(verdict: Verdict, policy: Policy, board: Board) -> None:
    """What one verdict says about missing data, where the monitor wants to hear of that."""
    before = board.current(verdict.monitor, verdict.key, NO_DATA)
    after = watch_data(before, verdict, policy.rule)
    if after is None and before is not None:
        board.withdraw(before)
    elif after is not None and after is not before:
        post(before, _dressed(after, policy) if before is None else after, policy.channels, board)


def catch_up(verdict: Verdict, watermark: int, policy: Policy, board: Board) -> None:
    """What time had decided before a verdict that comes later, as if it had been looked at."""
    current = board.current(verdict.monitor, verdict.key)
    if current is not None:
        _let_pass(current, watermark, policy, board)


def _let_pass(current: Incident, watermark: int, policy: Policy, board: Board) -> None:
    """What is pending fires, and what is clear ends, once its time is up."""
    after = current
    if current.state is IncidentState.PENDING:
        after = ripen(current, watermark, policy.rule) if policy.rule.for_ > 0 else current
    elif current.clearing_since is not None:
        after = soothe(current, watermark, policy.rule)
    if after is not current:
        _remember(after, policy.rule, board)
        post(current, after, policy.channels, board)


def one(
    verdict: Verdict,
    policy: Policy,
    board: Board,
    sample: Callable[[], tuple[Partition | None, Sequence[Mapping[str, Any]]]],
) -> None:
    """Take in one verdict."""
    for rule in (settle, over):
        before = board.current(verdict.monitor, verdict.key)
        after = rule(before, verdict, policy.rule)
        if after is not before:
            _change(before, after, policy, board, sample)


def _change(
    before: Incident | None,
    after: Incident | None,
    policy: Policy,
    board: Board,
    sample: Callable[[], tuple[Partition | None, Sequence[Mapping[str, Any]]]],
) -> None:
    if after is None:
        assert before is not None
        board.withdraw(before)
        return
    if before is None:
        memory = board.memory.get(after.fingerprint)
        if memory is not None and memory.shuts(after.last_end or 0, after.last_start or 0):
            return  # people declared it to be over
        if memory is not None and memory.closed is not None:
            kept = replace(memory, closed=None) if memory.openings else None
            board.remember(after.fingerprint, kept)
        partition, samples = sample()
        after = changed(
            _dressed(after, policy),
            samples=tuple(samples),
            partition=None if partition is None else str(partition),
            openings=_openings(after, memory, policy.rule),
        )
    elif after.severity != before.severity:
        after = relabelled(after)
    _remember(after, policy.rule, board)
    post(before, after, policy.channels, board)


def _dressed(incident: Incident, policy: Policy) -> Incident:
    """A new incident with what its monitor says about it."""
    named = labelled(incident, policy.labels, policy.by)
    return changed(named, runbook=policy.runbook, description=policy.description)


def _openings(incident: Incident, memory: Memory | None, rule: Rule) -> tuple[int, ...]:
    if not rule.flaps:
        return ()
    return counted_openings(memory.openings if memory is not None else (), incident.opened_at, rule)


def _remember(incident: Incident, rule: Rule, board: Board) -> None:
    """How often a key flapped outlives its incidents, while that counts."""
    if rule.flaps and incident.state is IncidentState.RESOLVED:
        board.remember(incident.fingerprint, Memory(incident.openings, monitor=incident.monitor))


def post(before: Incident | None, after: Incident, channels: Sequence[str], board: Board) -> None:
    """Note a change, and what may have to be told of it."""
    began = after.state is IncidentState.FIRING and (before is None or before.state is IncidentState.PENDING)
    if before is None:
        after = changed(after, notify=tuple(channels))
    board.put(after)
    if began:
        board.began.append(after)
        board.events.append(Event(after, Cause.BEGAN, tuple(channels)))
    elif after.state is IncidentState.RESOLVED:
        board.events.append(Event(after, Cause.ENDED, tuple(channels)))
    elif before is not None and before.open and before.severity != after.severity:
        cause = Cause.WORSE if after.severity == "critical" else Cause.EASED
        board.events.append(Event(after, cause, tuple(channels)))


def pass_time(monitor: str, watermark: int, policy: Policy, board: Board, keys: KeySlots) -> None:
    """Let time decide about incidents of ``keys`` whose condition holds until told otherwise."""
    for incident in _waiting(monitor, policy, board):
        if keys.find(incident.key) is not None:
            _let_pass(incident, watermark, policy, board)


def pass_time_of(monitor: str, partition: str, watermark: int, policy: Policy, board: Board) -> None:
    """The same about the incidents that one partition decided: for who knows no keys (aligned monitors only)."""
    for incident in _waiting(monitor, policy, board):
        if incident.partition == partition:
            _let_pass(incident, watermark, policy, board)


def _waiting(monitor: str, policy: Policy, board: Board) -> list[Incident]:
    """Incidents about which time alone may decide."""
    rule = policy.rule
    if not policy.holds or not (rule.for_ or rule.clear_after or rule.flaps):
        return []
    return [
        incident
        for incident in board.of(monitor).values()
        if incident.state is IncidentState.PENDING or incident.clearing_since is not None
    ]


def mishap(board: Board, incident: Incident, channels: Sequence[str]) -> None:
    """Open an incident about a monitor or stream itself (``source lost`` …) unless it is open already."""
    if board.current(incident.monitor, incident.key, incident.kind) is None:
        kind, _, name = incident.monitor.partition(" ")
        own = {"stream": name} if kind == "stream" and name else {}
        post(None, labelled(incident, own), channels, board)


def mended(
    board: Board, monitor: str, kind: str, at: int, channels: Sequence[str], *, reason: str = "recovered"
) -> None:
    """End the mishap of that kind, where one is open."""
    current = board.current(monitor, None, kind)
    if current is not None:
        post(current, ended(current, at, reason), channels, board)
