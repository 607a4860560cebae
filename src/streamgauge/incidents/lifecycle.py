"""The stages in their order: verdict → settle → deduplicate → route → notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from streamgauge.batch import IntArray, Partition
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.route import route
from streamgauge.incidents.settle import Rule, ended, over, ripen, settle
from streamgauge.keys import KeySlots
from streamgauge.verdict import Verdict, Verdicts

Sampler = Callable[[Verdicts, int], tuple[Partition | None, Sequence[Mapping[str, Any]]]]
"""For one row of verdicts: the partition of the record that decided, and a few records to show."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a monitor asks of its incidents.

    Attributes:
        rule: when they open and end.
        channels: who hears of them.
        holds: whether its condition holds until told otherwise (``for`` then ends without a new verdict).
    """

    rule: Rule
    channels: tuple[str, ...]
    holds: bool = False


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
            _ripen(verdict, max(before, verdict.at), policy, board)
        one(verdict, policy, board, partial(sample, verdicts, row))
    return np.nonzero(counted)[0]


def _ripen(verdict: Verdict, watermark: int, policy: Policy, board: Board) -> None:
    """What is pending fires before a verdict that comes after its time is up, as if it had been looked at."""
    pending = board.current(verdict.monitor, verdict.key)
    if policy.rule.for_ > 0 and pending is not None and pending.state is IncidentState.PENDING:
        after = ripen(pending, watermark, policy.rule)
        if after is not pending:
            post(pending, after, policy.channels, board)


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
        partition, samples = sample()
        after = replace(
            after, samples=tuple(samples), partition=None if partition is None else str(partition)
        )
    post(before, after, policy.channels, board)


def post(before: Incident | None, after: Incident, channels: Sequence[str], board: Board) -> None:
    """Note a change; people hear of a beginning and of an end, once each."""
    began = after.state is IncidentState.FIRING and (before is None or before.state is IncidentState.PENDING)
    if began or after.state is IncidentState.RESOLVED:
        after = replace(after, notices=after.notices + 1)
        board.notices.extend(route(after, channels))
    if began:
        board.began.append(after)
    board.put(after)


def pass_time(monitor: str, watermark: int, policy: Policy, board: Board, keys: KeySlots) -> None:
    """Let pending incidents of ``keys`` ripen whose condition holds until told otherwise."""
    if not policy.holds or policy.rule.for_ == 0:
        return
    for incident in list(board.of(monitor).values()):
        if incident.state is IncidentState.PENDING and keys.find(incident.key) is not None:
            after = ripen(incident, watermark, policy.rule)
            if after is not incident:
                post(incident, after, policy.channels, board)


def mishap(board: Board, incident: Incident, channels: Sequence[str]) -> None:
    """Open an incident about a monitor or stream itself (``source lost`` …) unless it is open already."""
    if board.current(incident.monitor, incident.key, incident.kind) is None:
        post(None, incident, channels, board)


def mended(
    board: Board, monitor: str, kind: str, at: int, channels: Sequence[str], *, reason: str = "recovered"
) -> None:
    """End the mishap of that kind, where one is open."""
    current = board.current(monitor, None, kind)
    if current is not None:
        post(current, ended(current, at, reason), channels, board)
