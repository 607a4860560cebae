"""Monitors that watch rows of monitors: killed at any moment, the same windows and incidents, and as in a replay."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.exactness import watching
from tests.exactness.conftest import Prepared
from tests.exactness.running import Run, read_so_far, until, write
from tests.exactness.watching import SLOW, Found

pytestmark = pytest.mark.services


def window(size: str, compute: dict[str, str], by: str | None = None) -> dict[str, Any]:
    return {"type": "tumbling", "size": size, "compute": compute} | ({} if by is None else {"by": by})


def over(when: str) -> dict[str, Any]:
    return {"type": "threshold", "when": when}


def monitors(times: float) -> dict[str, Any]:
    return {**MONITORS, "world": {**MONITORS["world"], "detect": over(f"n > {round(10_300 * times)}")}}


MONITORS: dict[str, Any] = {
    "five": {"stream": "payments", "window": window("5s", {"events": "count(*)"}, "account")},
    "often": {
        "stream": "five",
        "where": "events > 5",
        "window": window("60s", {"times": "count(*)", "most": "max(events)"}, "account"),
        "detect": over("times > 4"),
    },
    "lands": {
        "stream": "payments",
        "window": window("10s", {"n": "count(*)", "spent": "sum(amount)"}, "country"),
    },
    "world": {
        "stream": "lands",
        "window": window("30s", {"lands": "count(*)", "n": "sum(n)", "first": "first(country)"}),
    },
    "visits": {
        "stream": "payments",
        "window": {"type": "session", "gap": "1s", "compute": {"n": "count(*)"}, "by": "account"},
    },
    "long": {
        "stream": "visits",
        "where": "n > 4",
        "window": window("30s", {"n": "sum(n)", "visits": "count(*)"}),
        "detect": over("n > 10000000"),
    },
    "hundred": {
        "stream": "payments",
        "window": {
            "type": "count",
            "size": 100,
            "every": 20,
            "compute": {"mean": "avg(amount)"},
            "by": "account",
        },
    },
    "dear": {
        "stream": "hundred",
        "window": window("60s", {"n": "count(*)", "mean": "avg(mean)"}, "account"),
        "detect": over("n > 10000000"),
    },
    "hour": {
        "stream": "world",
        "window": window("5m", {"n": "sum(n)", "most": "max(lands)"}),
        "detect": over("n > 1"),
    },
}


def outcome(
    prepared: Prepared, folder: Path, before: Callable[[Path], None] = lambda _: None, **settings: Any
) -> Found:
    """Let ``before`` happen to a new store, run to the end, and see what is there."""
    folder.mkdir(exist_ok=True)
    stream = watching.payments(prepared.broker, prepared.topics["payments"], settings=settings)
    path = write(folder, {"streams": {"payments": stream}, "monitors": monitors(prepared.shape.times)})
    before(path)
    watching.finish(path, {"payments": prepared.ends["payments"]})
    return watching.found(path, MONITORS)


@pytest.fixture(scope="module")
def whole(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return outcome(prepared, tmp_path_factory.mktemp("whole"))


def test_rows_of_rows_add_up(whole: Found):
    assert sum(row[-1] for row in whole.windows["world"]) > 1_000
    assert len(whole.windows["hour"]) > 1
    assert all(len(whole.windows[name]) > 1 for name in ("long", "dear"))
    assert {incident["monitor"] for incident in whole.incidents.values()} >= {"often", "hour"}


@pytest.mark.parametrize("point", ["commit.before:2", "commit.between-log-and-fold:2"])
def test_killed_in_the_middle_of_a_commit(prepared: Prepared, whole: Found, tmp_path: Path, point: str):
    def die(path: Path) -> None:
        with Run(path, failpoint=point) as run:
            assert run.ended() == -signal.SIGKILL, run.log

    outcome(prepared, tmp_path, die, **SLOW).same_as(whole)


def test_killed_at_random_moments(prepared: Prepared, whole: Found, tmp_path: Path):
    chance = random.Random(3)

    def went_on(path: Path, had: int) -> bool:
        return read_so_far(path, "payments") > had or watching.is_done(
            path, {"payments": prepared.ends["payments"]}
        )

    def die_often(path: Path) -> None:
        for _ in range(3):
            had = read_so_far(path, "payments")
            with Run(path) as run:
                until(partial(went_on, path, had), "a commit", alive=run)
                run.pause_for(chance.random())

    outcome(prepared, tmp_path, die_often, **SLOW).same_as(whole)
