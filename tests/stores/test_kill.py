"""kill -9 at each named place of a commit and at random moments: a commit is there whole, or not at all."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from streamgauge import failpoints
from streamgauge.clock import SystemClock
from streamgauge.incident import IncidentState
from streamgauge.stores import open_store
from streamgauge.stores.contract import LateCount
from streamgauge.stores.sql import SqlStore
from tests import starting
from tests.stores.given import ME, P0, at, saved
from tests.thorough import THOROUGH

CHILD = ("-m", "tests.stores.child")


def assert_whole(store: SqlStore, number: int) -> None:
    """Every section of the store stands at the same commit."""
    assert store.positions("payments") == {P0: at(number)}
    found = saved(store)
    assert found.positions == {P0: at(number)}
    assert found.tables["w"]["count"][0] == number
    assert store.late_counts() == [LateCount("burst", 0, number)]
    episodes = [incident.episode for incident in store.incidents(state=IncidentState.FIRING, limit=10_000)]
    assert episodes == list(range(number, 0, -1))
    notices = [waits.payload["notice"] for waits in store.waiting(10_000)]
    assert len(notices) == len(set(notices)) == number
    assert store.damages == []


@contextmanager
def counting(url: str) -> Iterator[tuple[starting.Started, TextIO]]:
    """A process that commits without end, and what it says."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, encoding="utf-8") as said:
        with os.fdopen(theirs, "wb") as out:
            process = starting.Started(
                ["count", url],
                stdout=out,
                stderr=sys.stderr,
                folder=starting.ROOT,
                program=CHILD,
            )
        with process:
            yield process, said


PLACES = [("commit.before:4", 3), ("commit.between-log-and-fold:3", 2), ("commit.between-log-and-fold:4", 3)]


@pytest.mark.parametrize(
    ("kind", "place", "stands_at"),
    [
        *[("sqlite", *place) for place in PLACES],
        pytest.param("postgresql", *PLACES[1], marks=pytest.mark.services),
    ],
)
def test_a_kill_at_a_named_place_leaves_the_commit_before(url, place, stands_at):
    environ = {**os.environ, "STREAMGAUGE_FAILPOINT": place}
    killed = starting.run(["count", url], environ=environ, folder=starting.ROOT, program=CHILD)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout.split()[-1] == str(stands_at)
    store = open_store(url, owner=ME, clock=SystemClock())
    assert_whole(store, stands_at)
    store.close()


def test_kills_at_random_moments_never_tear_a_commit(kind, url):
    """Each process goes on where the one before was killed; what it said to be committed is there."""
    chance = random.Random(7)
    for _ in range(8 if THOROUGH else 2 if kind == "sqlite" else 1):
        with counting(url) as (process, said):
            last = 0
            for _ in range(chance.randrange(3, 25)):
                last = int(said.readline().split()[1])
            process.kill()
            rest = said.read().split()
            process.wait(timeout=60)
        last = int(rest[-1]) if rest else last
        store = open_store(url, owner=ME, clock=SystemClock())
        number = store.positions("payments")[P0].next_offset
        assert number in (last, last + 1)  # the kill may have come between the commit and its word
        assert_whole(store, number)
        store.close()


def test_the_places_are_named_and_do_nothing_unless_asked_for(monkeypatch):
    for name in failpoints.NAMES:
        failpoints.reach(name)
    kills: list[int] = []
    monkeypatch.setattr(failpoints, "_PLAN", "send.after-before-mark:2")
    monkeypatch.setattr("os.kill", lambda _pid, number: kills.append(number))
    failpoints.reach("send.after-before-mark")
    failpoints.reach("commit.before")
    assert kills == []
    failpoints.reach("send.after-before-mark")
    assert kills == [signal.SIGKILL]
