"""What owners of partitions decided, taken onto the leader's board: told once, with what people made of it kept."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.instances.hearing import AT_ONCE, EVERY, Ears, apply
from streamgauge.engines.instances.member import together
from streamgauge.engines.instances.share import WITHDRAWN
from streamgauge.errors import StoreError
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board, Cause
from streamgauge.stores.contract import Commit, Decided, LateCount, Position
from streamgauge.testing import PushedClock
from tests.stores.given import P0, P1, incident

FIRING, PENDING, RESOLVED = IncidentState.FIRING, IncidentState.PENDING, IncidentState.RESOLVED
ACKNOWLEDGED, SUPPRESSED = IncidentState.ACKNOWLEDGED, IncidentState.SUPPRESSED

fires = replace(incident(episode=1), state=FIRING)
pending = replace(fires, state=PENDING)
over = replace(fires, state=RESOLVED, resolved_at=9, reason="recovered")
gone = replace(pending, state=RESOLVED, reason=WITHDRAWN)


@pytest.mark.parametrize(
    ("sentence", "known", "incident", "cause", "then", "events"),
    [
        ("it begins", None, fires, Cause.BEGAN, FIRING, [Cause.BEGAN]),
        ("it is pending", None, pending, "", PENDING, []),
        ("what was pending begins", pending, fires, Cause.BEGAN, FIRING, [Cause.BEGAN]),
        ("what was pending goes untold", pending, gone, "", None, []),
        ("what fires is not withdrawn any more", fires, gone, "", FIRING, []),
        ("it goes on", fires, fires, "", FIRING, []),
        ("it gets worse", fires, fires, Cause.WORSE, FIRING, [Cause.WORSE]),
        ("it ends", fires, over, Cause.ENDED, None, [Cause.ENDED]),
        ("it was told that it begins", fires, fires, Cause.BEGAN, FIRING, []),
        ("people took it, and it goes on", replace(fires, state=ACKNOWLEDGED), fires, "", ACKNOWLEDGED, []),
        ("it is muted, and gets worse", replace(fires, state=SUPPRESSED), fires, Cause.WORSE, SUPPRESSED, [Cause.WORSE]),
        ("people took it, and it ends", replace(fires, state=ACKNOWLEDGED), over, Cause.ENDED, None, [Cause.ENDED]),
        ("people ended it, and it goes on", None, fires, "", None, []),
        ("people ended it, and it gets worse", None, fires, Cause.WORSE, None, []),
        ("people ended it, and it ends", None, over, Cause.ENDED, None, []),
    ],
)  # fmt: skip
def test_a_step_changes_the_board(
    sentence: str, known: Incident | None, incident: Incident, cause: str, then: str | None, events: list[str]
) -> None:
    board = Board([] if known is None else [known])
    apply(Decided(incident, cause, ("ops",)), board)
    now = board.by_id(fires.id)
    assert (None if now is None else now.state) == then, sentence
    assert [event.cause for event in board.events] == events, sentence
    assert len(board.began) == events.count(Cause.BEGAN), sentence
    assert all(event.channels == ("ops",) for event in board.events)


def test_what_was_told_and_said_of_it_stays() -> None:
    known = replace(fires, notices=2, told=("ops",), groups=("g",), owner="ann", note="mine", told_at=5)
    board = Board([known])
    apply(Decided(replace(fires, severity="critical", observed={"events": 9}), Cause.WORSE), board)
    (event,) = board.events
    assert event.incident == replace(known, severity="critical", observed={"events": 9})


def test_one_trouble_that_several_instances_met_is_told_once() -> None:
    first = replace(incident(episode=1, key=None), kind="source lost", state=FIRING)
    second = replace(first, episode=2)
    board = Board()
    for step in (Decided(first, Cause.BEGAN), Decided(second, Cause.BEGAN)):
        apply(step, board)
    assert [event.incident.id for event in board.events] == [first.id]
    apply(Decided(replace(second, state=RESOLVED, resolved_at=3), Cause.ENDED), board)
    assert board.by_id(first.id) == first


class _Steps:
    """Steps in the store, and whether it answers."""

    def __init__(self, count: int) -> None:
        self.steps = [
            Decided(replace(incident(episode=n), state=FIRING), Cause.BEGAN, sequence=n)
            for n in range(1, count + 1)
        ]
        self.answers = True
        self.asked: list[int] = []

    def decided(self, after: int = 0, limit: int = AT_ONCE) -> list[Decided]:
        self.asked.append(after)
        if not self.answers:
            raise StoreError("gone")
        return [step for step in self.steps if step.sequence > after][:limit]


def test_each_step_is_taken_once_and_anew_where_the_board_is() -> None:
    clock, woken, board = PushedClock(), threading.Event(), Board()
    steps = _Steps(AT_ONCE + 2)
    ears, ledger = Ears(steps, clock, woken), Ledger(_Nowhere(), board, clock)
    ears.begin()
    ears.listen(board, ledger)
    ears.listen(board, ledger)
    ears.listen(board, ledger)
    assert ledger.heard == list(range(1, AT_ONCE + 3))
    assert steps.asked == [0, AT_ONCE], "nobody woke it, and it has just looked"
    clock.push(timedelta(seconds=EVERY))
    ears.listen(board, ledger)
    assert steps.asked[2:] == [AT_ONCE + 2]
    steps.answers = False
    woken.set()
    ears.listen(board, ledger)
    steps.answers = True
    ears.begin()
    again = Ledger(_Nowhere(), Board(), clock)
    ears.listen(Board(), again)
    assert again.heard == list(range(1, AT_ONCE + 1))


class _Nowhere:
    """Takes commits."""

    def commit(self, commit: Commit) -> None:
        """Nothing is kept."""


def test_commits_of_several_partitions_are_one() -> None:
    first = Commit({("s", P0): Position(1, 1, 1)}, late=[LateCount("m", 5, 1)], decided=[Decided(fires)])
    second = Commit({("s", P1): Position(2, 2, 2)}, late=[LateCount("m", 5, 2), LateCount("m", 6, 1)])
    whole: Any = together([first, second])
    assert whole.positions == {**first.positions, **second.positions}
    assert whole.late == [LateCount("m", 5, 3), LateCount("m", 6, 1)]
    assert whole.decided == [Decided(fires)]
    assert together([]) == Commit()
