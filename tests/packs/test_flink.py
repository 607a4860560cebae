"""The pack `flink`: each fault has its name, and an hour in which all is well has none."""

from __future__ import annotations

from typing import Any

import pytest

from streamgauge import packs
from tests.packs.playing import START, Told, played

CLUSTER = {"kind": "cluster", "taskmanagers": 1, "slots": 2, "slots_free": 0, "jobs_running": 1, "jobs_failed": 0}  # fmt: skip
TASKMANAGER = {"kind": "taskmanager", "taskmanager": "a:1", "cpu": 0.4, "heap": 300, "heap_most": 1000}
JOB = {"kind": "job", "job": "enrich", "job_id": "j1", "state": "RUNNING", "latest": True, "restarts": 0,
       "checkpoint_every": 10.0, "checkpoint_age": 4.0}  # fmt: skip
VERTEX = {"kind": "vertex", "job": "enrich", "job_id": "j1", "vertex": "window", "back_pressure": 0.3}
BEFORE = {"restarts": 3}
BEGINS = 30
"""The round with which a fault begins; rounds are ten seconds apart."""


def at(i: int, **changes: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The ``i``-th answer of a cluster that is well, but for ``changes`` by kind; None: no such record."""
    moving: dict[str, dict[str, Any]] = {
        "taskmanager": {"heap": 300 + 650 * (i % 4) // 3},  # full, then collected
        "job": {"seconds": 100.0 + 10 * i},
        "vertex": {"watermark": (START / 1e6) + 10 * i, "records_in": 1000 * i},
    }
    rows = []
    for row in (CLUSTER, TASKMANAGER, JOB, VERTEX):
        change = changes.get(str(row["kind"]), {})
        if change is not None:
            rows.append({**row, **moving.get(str(row["kind"]), {}), **change})
    return rows


def told(rounds: list[list[dict[str, Any]]], **given: str) -> list[Told]:
    return played(packs.load_with(["flink"], given=given), flink_cluster=rounds)


def test_an_hour_in_which_all_is_well():
    assert told([at(i) for i in range(360)]) == []


@pytest.mark.parametrize(
    ("fault", "monitor", "within"),
    [
        # Its checkpoints fail: the last one only grows older, and is told three intervals (and 30 s) after it.
        (lambda i: {"job": {"checkpoint_age": 4.0 + 10 * i}}, "flink-no-checkpoint", 40),
        # None was ever complete: counted from when the job began.
        (lambda _: {"job": {"checkpoint_age": None}}, "flink-no-checkpoint", 0),
        (lambda _: {"job": {"state": "RESTARTING", "restarts": None}, "vertex": None}, "flink-job-down", 0),
        (lambda _: {"job": {"state": "FAILED", "restarts": None}, "vertex": None}, "flink-job-down", 0),
        (lambda _: {"job": {"restarts": 1}}, "flink-restarted", 20),
        (lambda _: {"cluster": {"taskmanagers": 0}}, "flink-taskmanagers", 0),
        (lambda _: {"cluster": {"jobs_running": 0}, "job": None, "vertex": None}, "flink-jobs-missing", 60),
        (lambda _: {"vertex": {"back_pressure": 0.95}}, "flink-back-pressure", 60),
        # One idle partition holds the watermark, and records go on coming.
        (lambda _: {"vertex": {"watermark": START / 1e6}}, "flink-watermark-stands", 240),
        (lambda _: {"taskmanager": {"heap": 960}}, "flink-heap", 240),
        (lambda _: {"taskmanager": {"cpu": 0.99}}, "flink-cpu", 300),
    ],
)
def test_a_fault_has_its_name(fault, monitor, within):
    rounds = [at(i) for i in range(BEGINS)] + [at(BEGINS + i, **fault(i)) for i in range(32)]
    found = told(rounds, FLINK_JOBS_RUNNING="1")
    assert {one.monitor for one in found} == {monitor}
    assert 0 <= found[0].after - BEGINS * 10 <= within


@pytest.mark.parametrize(
    "quiet",
    [
        # An idle topic: time stands, and nothing is read either.
        lambda _: {"vertex": {"watermark": START / 1e6, "records_in": 5}},
        # No checkpoints are asked for, and no event time.
        lambda _: {
            "job": {**BEFORE, "checkpoint_every": None, "checkpoint_age": None},
            "vertex": {"watermark": None},
        },
        # An old run of a job that runs again.
        lambda _: {"job": {"state": "FAILED", "latest": False, "restarts": None}},
        # It was stopped on purpose, or is a batch job that has ended.
        lambda _: {"job": {"state": "CANCELED", "restarts": None}, "vertex": None},
        lambda _: {"job": {"state": "FINISHED", "restarts": None}, "vertex": None},
        # Started anew, it counts its restarts from zero, and so does the same job under another JobManager.
        lambda _: {"job": {"restarts": 0}},
        lambda _: {"job": {"job_id": "j2", "restarts": 0}},
        # A long interval between checkpoints, of which the last is not much older.
        lambda _: {"job": {**BEFORE, "checkpoint_every": 600.0, "checkpoint_age": 700.0}},
    ],
)
def test_what_is_no_fault(quiet):
    rounds = [at(i, job=BEFORE) for i in range(BEGINS)]
    after = [at(BEGINS + i, **{"job": BEFORE, **quiet(i)}) for i in range(32)]
    assert told(rounds + after) == []


def test_a_restart_is_told_though_it_takes_minutes():
    gone = [at(BEGINS + i, job={"state": "CREATED", "restarts": None}, vertex=None) for i in range(18)]
    back = [at(BEGINS + 18 + i, job={"restarts": 1}) for i in range(90)]
    found = told([*(at(i) for i in range(BEGINS)), *gone, *back])
    assert [(one.monitor, one.after - (BEGINS + 18) * 10) for one in found] == [("flink-restarted", 10)]


def test_it_ends_when_checkpoints_are_complete_again():
    config = packs.load_with(["flink"])
    late = [at(i, job={"checkpoint_age": 100.0}) for i in range(20)]
    assert len(played(config, flink_cluster=[*late, *(at(20 + i) for i in range(20)), *late])) == 2
