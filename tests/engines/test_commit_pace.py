"""How often the engine commits: a slow answer of the disk holds no notice, a slow disk does not take all the time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.embedded.pace import CREDIT, INTERVAL, SHARE, SOONEST
from streamgauge.incidents.board import Board
from streamgauge.testing import PushedClock


class _Runners:
    """Nothing runs: what is looked at is the pace."""

    hushed = True


class _Notice:
    """To be told."""

    channel = "ops"


class _SlowStore:
    """Takes as long to commit as it is told to."""

    def __init__(self, clock: PushedClock) -> None:
        self.clock, self.takes = clock, 0.0

    def commit(self, _commit: object) -> None:
        self.clock.push(timedelta(seconds=self.takes))


class _Paced:
    def __init__(self) -> None:
        self.clock = PushedClock()
        self.store = _SlowStore(self.clock)
        self.board = Board()
        self.ledger = Ledger(cast("Any", self.store), self.board, self.clock)

    def commit(self, takes: float) -> None:
        self.store.takes = takes
        self.ledger.commit(cast("Any", _Runners()))

    def due_after(self, seconds: float, *, notices: bool) -> bool:
        self.clock.push(timedelta(seconds=seconds))
        self.board.notices = cast("Any", [_Notice()] if notices else [])
        return self.ledger.due()


@pytest.fixture
def paced() -> _Paced:
    return _Paced()


def test_a_notice_does_not_wait_for_a_slow_commit_to_be_paid_off(paced: _Paced) -> None:
    paced.commit(takes=0.2)
    assert not paced.due_after(SOONEST / 2, notices=True)
    assert paced.due_after(SOONEST, notices=True)


def test_commits_that_stay_slow_take_their_share_of_the_time_and_no_more(paced: _Paced) -> None:
    spent, began = 0.0, paced.clock.monotonic()
    for _ in range(50):
        while not paced.due_after(SOONEST, notices=True):
            pass
        paced.commit(takes=0.2)
        spent += 0.2
    passed = paced.clock.monotonic() - began
    assert spent == pytest.approx(CREDIT + (passed - spent) / SHARE, rel=0.1)


def test_without_notices_there_is_a_commit_each_second_or_as_often_as_its_share_allows(paced: _Paced) -> None:
    paced.commit(takes=0.01)
    assert not paced.due_after(INTERVAL - 0.1, notices=False)
    assert paced.due_after(0.1, notices=False)
    paced.commit(takes=0.3)
    assert not paced.due_after(2.9, notices=False)
    assert paced.due_after(0.2, notices=False)
