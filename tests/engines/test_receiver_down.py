"""A receiver that is away for an hour, records that are an hour old: nothing is lost, doubled, reordered or mistimed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.channels.contract import Answer, Result
from streamgauge.incidents.actions import AddSilence
from streamgauge.testing import RecordingChannel
from tests.engines.test_acting import GROUPED, World
from tests.incidents.given import silence

SOON = timedelta(seconds=30)


class Away(RecordingChannel):
    """Refuses what comes while it is away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True
        self.refused = 0

    def send(self, notice: dict[str, Any]) -> Answer:
        if self.away:
            self.refused += 1
            return Answer(Result.AGAIN, "connection refused")
        return super().send(notice)


@pytest.fixture(params=["", GROUPED], ids=["alone", "grouped"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, request.param)
    yield made
    made.close()


def test_down_for_an_hour_and_back_all_arrives_in_order_once(world: World):
    world.delivery.stop()
    world.channel = away = Away()
    world._start()
    for minute in range(0, 60, 4):
        world.turn(seconds=237)
        world.bursts([f"k-{minute % 3}"], minute * 60, count=3 if minute % 8 else 1)
        assert world.delivery.drain(SOON)
    assert (away.sent, away.refused > 10) == ([], True)
    waiting = [notice.id for notice in world.store.waiting(10_000)]
    world.killed()  # what waits lives in the store
    away.away = False
    world.turn(minutes=6)
    assert world.delivery.drain(SOON)
    assert sorted(away.ids[: len(waiting)]) == sorted(waiting)
    assert len(set(away.ids)) == len(away.ids) > 4
    numbers = defaultdict[str, list[int]](list)
    for notice in away.sent:
        numbers[notice["id"]].append(notice["n"])
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    begins = [notice["opened_at"] for notice in away.sent if notice["key"] == "k-1" and notice["n"] == 1]
    assert begins == sorted(begins)
    assert not world.store.waiting()


def test_settling_asks_the_records_clock_and_telling_the_one_on_the_wall(tmp_path: Path):
    """A backlog of an hour is read in a moment: what held for ten seconds of it is told, once, and silences are of now."""
    world = World(tmp_path, monitor="for: 10s")
    now = world.clock.now()
    past = silence("account=a", start=now - 3_600_000_000, end=now - 60_000_000, name="past", created_at=now)
    present = silence("account=b", start=now, end=now + 3_600_000_000, name="present", created_at=now)
    for each in (past, present):
        world.act(AddSilence(each))
    for second in (-3600, -3595, -3590):
        world.bursts(["a", "b", "c"], second)
    assert [(n, cause, key) for _, n, cause, key in world.told()] == [(1, "began", "a"), (1, "began", "c")]
    assert {i.key: i.opened_at for i in world.store.incidents()}.keys() == {"a", "b", "c"}
    assert all(i.opened_at < now - 3_500_000_000 for i in world.store.incidents())
    world.turn(hours=4)  # of the wall; no record came
    assert {cause for _, n, cause, _ in world.told() if n == 2} == {"repeat"}
    world.close()
