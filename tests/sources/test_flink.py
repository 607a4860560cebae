"""Flink's jobs: the answers of a live cluster as recorded, and what is made of jobs in trouble."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from streamgauge.config import ConfigErrors, load
from streamgauge.sources.flink import Config, JobManager
from streamgauge.sources.polling.target import TargetError

RECORDED = json.loads((Path(__file__).parent / "pages" / "flink-2.3.0.json").read_text("utf-8"))
"""Path → answer of a cluster of one TaskManager, with one job of two vertices; plans and histories left out.

The TaskManager's and the checkpoints' settings are of another run.
"""
JOB = "98a529e95c76ce6bd34bb66e5a0de78a"
PATH = f"/jobs/{JOB}"
WINDOW = f"{PATH}/vertices/337adade1e207453ed3502e01d75fd03"
NEVER = str(-(2**63))


@pytest.fixture
def answers() -> dict[str, Any]:
    """The recorded ones, to be changed."""
    return copy.deepcopy(RECORDED)


def asked(server: HTTPServer, answers: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    """The records of one round."""
    for place, body in answers.items():
        path, _, query = place.partition("?")
        server.expect_request(path, query_string=query or None).respond_with_json(body)
    target = JobManager(Config(url=server.url_for(""), **settings))
    try:
        return [json.loads(record) for record in target.ask(30)]
    finally:
        target.close()


def test_a_live_clusters_answers(httpserver: HTTPServer, answers: dict[str, Any]):
    cluster, taskmanager, job, source, window = asked(httpserver, answers)
    assert cluster == {
        "kind": "cluster",
        "taskmanagers": 1,
        "slots": 2,
        "slots_free": 0,
        "jobs_running": 1,
        "jobs_failed": 0,
    }
    assert taskmanager == {
        "kind": "taskmanager",
        "taskmanager": "127.0.0.1:39465-bc1454",
        "cpu": 0.01620745542949757,
        "heap": 60791320,
        "heap_most": 421724160,
    }
    assert job == {
        "kind": "job",
        "job": "insert-into_default_catalog.default_database.o",
        "job_id": JOB,
        "state": "RUNNING",
        "latest": True,
        "seconds": 24.393,
        "restarts": 0,
        "checkpoints": 19,
        "checkpoints_failed": 1,
        "checkpoint_every": 2.0,
        "checkpoint_at": "2026-11-23T08:05:52.251000Z",
        "checkpoint_seconds": 0.031,
        "checkpoint_bytes": 12950,
        "checkpoint_age": 0.115,
    }
    assert source["vertex"].startswith("Source: s[1]")
    assert (source["parallelism"], source["back_pressure"], source["busy"]) == (2, 0.0, None)
    assert "watermark" not in source
    assert (source["records_in"], source["records_out"], window["records_in"]) == (0, 464, 464)
    assert (window["back_pressure_level"], window["busy"], window["watermark_missing"]) == ("ok", 0.0, 0)
    assert (window["watermark"], window["watermark_lag"]) == ("2026-11-23T08:05:50.035000Z", 2.331)


def test_every_field_is_given(httpserver: HTTPServer, answers: dict[str, Any]):
    assert {name for row in asked(httpserver, answers) for name in row} == set(Config.given_fields)


@pytest.mark.parametrize("state", ["RESTARTING", "FAILED", "FINISHED", "SUSPENDED"])
def test_of_a_job_that_does_not_run_only_its_state_is_asked(
    httpserver: HTTPServer, answers: dict[str, Any], state: str
):
    answers["/jobs/overview"]["jobs"][0]["state"] = state
    *_, job = asked(httpserver, answers)
    assert (job["state"], job["seconds"], job["latest"]) == (state, 24.393, True)
    assert not [request for request, _ in httpserver.log if request.path.startswith(PATH)]


def test_the_worst_part_of_a_vertex_is_told(httpserver: HTTPServer, answers: dict[str, Any]):
    parts = answers[f"{WINDOW}/backpressure"]["subtasks"]
    parts[0] |= {"ratio": 0.2, "busyRatio": 0.9}
    parts[1] |= {"ratio": 0.91, "busyRatio": 0.1}
    answers[f"{WINDOW}/watermarks"][1]["value"] = NEVER
    window = asked(httpserver, answers)[-1]
    assert (window["back_pressure"], window["busy"]) == (0.91, 0.9)
    assert (window["watermark_lag"], window["watermark_missing"]) == (2.331, 1)


def test_what_flink_does_not_know_yet_is_left_out(httpserver: HTTPServer, answers: dict[str, Any]):
    answers[f"{WINDOW}/backpressure"] = {"status": "deprecated", "subtasks": None}
    answers[f"{WINDOW}/watermarks"] = [{"id": "0.currentInputWatermark", "value": NEVER}]
    answers[f"{PATH}/metrics?get=numRestarts"] = []
    answers[f"{PATH}/checkpoints"]["latest"]["completed"] = None
    *_, job, _, window = asked(httpserver, answers)
    assert job["restarts"] is None
    assert "checkpoint_age" not in job
    assert not {"back_pressure", "busy", "watermark", "watermark_lag"} & window.keys()
    assert window["watermark_missing"] == 1


def test_older_spellings_are_read(httpserver: HTTPServer, answers: dict[str, Any]):
    said = answers[f"{WINDOW}/backpressure"]
    del said["backpressureLevel"]
    said["backpressure-level"] = "high"
    assert asked(httpserver, answers)[-1]["back_pressure_level"] == "high"


def test_of_two_runs_of_one_name_the_later_counts(httpserver: HTTPServer, answers: dict[str, Any]):
    (job,) = answers["/jobs/overview"]["jobs"]
    before = {**job, "jid": "before", "state": "FAILED", "start-time": job["start-time"] - 1}
    answers["/jobs/overview"]["jobs"] = [before, job]
    jobs = [row for row in asked(httpserver, answers) if row["kind"] == "job"]
    assert [(row["job_id"], row["latest"]) for row in jobs] == [("before", False), (JOB, True)]


def test_a_job_without_checkpoints_is_told_without_them(httpserver: HTTPServer, answers: dict[str, Any]):
    answers[f"{PATH}/checkpoints/config"]["interval"] = 2**63 - 1
    assert asked(httpserver, answers)[2]["checkpoint_every"] is None


def test_a_batch_job_to_which_flink_refuses_the_question(httpserver: HTTPServer, answers: dict[str, Any]):
    del answers[f"{PATH}/checkpoints"]
    refusal = {"errors": [f"Checkpointing has not been enabled for job {JOB}."]}
    httpserver.expect_request(f"{PATH}/checkpoints").respond_with_json(refusal, 404)
    job = asked(httpserver, answers)[2]
    assert (job["kind"], job["restarts"]) == ("job", 0)
    assert "checkpoints" not in job


def test_jobs_are_chosen_by_name(httpserver: HTTPServer, answers: dict[str, Any]):
    assert {row["kind"] for row in asked(httpserver, answers, jobs="payments.*")} == {
        "cluster",
        "taskmanager",
    }


def test_a_job_that_ends_between_two_questions_is_told(httpserver: HTTPServer, answers: dict[str, Any]):
    del answers[f"{PATH}/checkpoints"]
    httpserver.expect_request(f"{PATH}/checkpoints").respond_with_json({"errors": ["Job not found"]}, 404)
    with pytest.raises(TargetError, match=r"answers 404: .*Job not found"):
        asked(httpserver, answers)


@pytest.mark.parametrize("body", [{}, [], {"taskmanagers": 1}, 5])
def test_what_is_no_answer_of_flink_is_told(httpserver: HTTPServer, answers: dict[str, Any], body: Any):
    answers["/overview"] = body
    with pytest.raises(TargetError, match="answers otherwise than Flink"):
        asked(httpserver, answers)


def test_mistakes_are_told():
    source = {"type": "flink", "url": "http://localhost:8082", "jobs": "("}
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors, match="is no regular expression"):
        load({"streams": {"s": {"source": source}}, "monitors": {"m": monitor}})
