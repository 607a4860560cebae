"""Killed at any moment and started again: the same incidents, none missing, none decided twice."""

from __future__ import annotations

import random
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

import streamgauge
from streamgauge import failpoints
from tests.exactness import stream, watching
from tests.exactness.conftest import Prepared
from tests.exactness.running import Run, read_so_far, until
from tests.exactness.watching import SLOW, Found

if TYPE_CHECKING:
    from streamgauge.testing import WebhookReceiver

pytestmark = pytest.mark.services

POINTS = [(name, 2) for name in failpoints.NAMES if not name.startswith("rows.")] + [
    ("commit.between-log-and-fold", 5),
    ("send.after-before-mark", 9),
]


def test_what_was_planted_is_found(undisturbed: Found, prepared: Prepared):
    incidents = undisturbed.incidents.values()
    assert {incident["monitor"] for incident in incidents} == set(watching.monitors())
    quiet = [incident for incident in incidents if incident["monitor"] == "quiet"]
    assert len(quiet) == 2 + len(stream.COUNTRIES), (
        "two that were planted, and all in the hour before the last records"
    )
    assert {incident["key"] for incident in quiet if incident["reason"]} == {"ES", "PT", "CH"}
    bad = len(undisturbed.dead_letters) / prepared.shape.times
    assert 400 < bad < 600
    assert sum(undisturbed.late.values()) > 1_000 * prepared.shape.times


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_killed_at_each_stage_of_a_commit(
    prepared: Prepared, undisturbed: Found, tmp_path: Path, point: str, nth: int
):
    def die(path: Path) -> None:
        with Run(path, failpoint=f"{point}:{nth}") as run:
            assert run.ended() == -signal.SIGKILL, run.log

    prepared.outcome(tmp_path, die).same_as(undisturbed)


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_killed_at_random_moments(prepared: Prepared, undisturbed: Found, tmp_path: Path, kills: int):
    chance = random.Random(kills)

    def die_often(path: Path) -> None:
        for _ in range(kills):
            had = read_so_far(path, "payments")
            with Run(path) as run:
                until(partial(_went_on, path, had, prepared), "a commit", alive=run)
                run.pause_for(chance.random())

    prepared.outcome(tmp_path, die_often, **SLOW).same_as(undisturbed)


def _went_on(path: Path, had: int, prepared: Prepared) -> bool:
    """Whether something new was committed since this life began, or all was before."""
    return read_so_far(path, "payments") > had or watching.is_done(path, prepared.ends)


def test_replay_of_the_same_records_finds_the_same(undisturbed: Found, tmp_path: Path, prepared: Prepared):
    folder = tmp_path / "payments"
    folder.mkdir()
    files = [(folder / f"{n}.ndjson").open("wb") for n in range(stream.PARTITIONS)]
    for partition, payload in stream.payments(prepared.shape):
        files[partition].write(payload + b"\n")
    for file in files:
        file.close()
    readings = tmp_path / "readings.ndjson"
    readings.write_bytes(b"\n".join(stream.readings(20_000)))
    config = prepared.config(cast("WebhookReceiver", _Nowhere()))
    replayed = streamgauge.replay(
        config, {"payments": sorted(folder.iterdir()), "readings": readings}, flush=False
    )
    watched = ("burst", "spent", "refused", "all", "quiet", "heat")
    assert {i.id for i in replayed.incidents_list if i.monitor in watched} == {
        name for name, incident in undisturbed.incidents.items() if incident["monitor"] in watched
    }
    frame = replayed.windows
    for monitor in ("burst", "spent", "refused", "all"):
        mine = frame.filter((frame["monitor"] == monitor) & (frame["window_start"] < "2026-01-01T01"))
        assert len(mine) == len(undisturbed.windows[monitor])
    for name in ("burst", "spent", "heat"):
        for incident in replayed.incidents_list:
            if incident.monitor == name:
                assert (
                    watching.plain(incident)["deciding"][:1]
                    == undisturbed.incidents[incident.id]["deciding"][:1]
                )
                assert dict(incident.observed) == undisturbed.incidents[incident.id]["observed"]


class _Nowhere:
    url = "http://127.0.0.1:1/"
