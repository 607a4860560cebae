"""Spark's streaming queries: the answers of a live driver as recorded, and what is made of queries in trouble."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from streamgauge.config import ConfigErrors, load
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.spark import API, METRICS, Config, Driver
from streamgauge.testing import PushedClock

RECORDED = json.loads((Path(__file__).parent / "pages" / "spark-4.2.0.json").read_text("utf-8"))
"""Path → answer of a driver with two streaming queries; the page of metrics is of seconds later."""
APP = f"{API}/local-1795427996947"
RUNNING = f"{APP}/jobs?status=running"
ASKED = datetime(2026, 11, 23, 10, 1, 46, tzinfo=UTC)
NOW = (ASKED - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture
def answers() -> dict[str, Any]:
    """The recorded ones, to be changed."""
    return copy.deepcopy(RECORDED)


def asked(server: HTTPServer, answers: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    """The records of one round."""
    for place, body in answers.items():
        path, _, query = place.partition("?")
        expected = server.expect_request(path, query_string=query or None)
        if isinstance(body, str):
            expected.respond_with_data(body)
        else:
            expected.respond_with_json(body)
    target = Driver(Config(url=server.url_for(""), **settings), PushedClock(NOW))
    try:
        return [json.loads(record) for record in target.ask(30)]
    finally:
        target.close()


def test_a_live_drivers_answers(httpserver: HTTPServer, answers: dict[str, Any]):
    application, driver, copying, counting = asked(httpserver, answers)
    assert application == {
        "kind": "application", "application": "nine-a", "executors": 1, "jobs_running": 2, "jobs_failed": 0,
    }  # fmt: skip
    assert (driver["executor"], driver["cores"], driver["tasks_done"], driver["tasks_failed"]) == (
        "driver",
        2,
        64,
        0,
    )
    assert (driver["busy_seconds"], driver["gc_seconds"]) == (115.006, 4.681)
    assert (copying["query"], copying["batch_seconds"], copying["state_rows"]) == ("copy_2", 2.17, 0)
    assert copying["running_seconds"] == pytest.approx(4.6)
    assert "watermark" not in copying
    assert counting == {
        "kind": "query",
        "application": "nine-a",
        "query": "per_window",
        "running_seconds": 0.0,
        "failures": 0,
        "input_rate": pytest.approx(105.54, abs=0.01),
        "processing_rate": pytest.approx(155.01, abs=0.01),
        "batch_seconds": 6.451,
        "state_rows": 9,
        "state_bytes": 4208,
        "watermark": "2026-11-23T10:01:37.093000Z",
        "watermark_lag": pytest.approx(8.907),
    }


def test_every_field_is_given(httpserver: HTTPServer, answers: dict[str, Any]):
    assert {name for row in asked(httpserver, answers) for name in row} == set(Config.given_fields)


def test_jobs_belong_to_queries_by_name_or_id(httpserver: HTTPServer, answers: dict[str, Any]):
    unnamed, copying = answers[RUNNING]
    called = unnamed["description"].split("\n")[1].removeprefix("id = ").replace("-", "_")
    answers[METRICS] = answers[METRICS].replace("copy_2", called)
    copying["description"] = "count at Shell.scala:1"  # of no query
    answers[f"{APP}/jobs?status=failed"] = [unnamed, unnamed, copying]
    found = {row["query"]: row for row in asked(httpserver, answers) if row["kind"] == "query"}
    assert (found[called]["failures"], found["per_window"]["failures"]) == (2, 0)
    assert found[called]["running_seconds"] == pytest.approx(1.733)


def test_executors_that_are_gone_are_left_out(httpserver: HTTPServer, answers: dict[str, Any]):
    answers[f"{APP}/executors"].append({**answers[f"{APP}/executors"][0], "id": "1", "isActive": False})
    assert asked(httpserver, answers)[0]["executors"] == 1


def test_queries_are_chosen_by_name(httpserver: HTTPServer, answers: dict[str, Any]):
    rows = asked(httpserver, answers, queries="copy_.*")
    assert [row["query"] for row in rows if row["kind"] == "query"] == ["copy_2"]


def test_a_driver_without_streaming_metrics_is_told_without_queries(
    httpserver: HTTPServer, answers: dict[str, Any]
):
    answers[METRICS] = ""
    assert [row["kind"] for row in asked(httpserver, answers)] == ["application", "executor"]


@pytest.mark.parametrize("body", [[], {}, [{"id": "a"}], 5])
def test_what_is_no_answer_of_spark_is_told(httpserver: HTTPServer, answers: dict[str, Any], body: Any):
    answers[API] = body
    httpserver.expect_request(f"{API}/a/jobs").respond_with_json([])
    httpserver.expect_request(f"{API}/a/executors").respond_with_json([])
    with pytest.raises(TargetError, match="answers otherwise than Spark"):
        asked(httpserver, answers)


def test_mistakes_are_told():
    source = {"type": "spark", "url": "http://localhost:4040", "queries": "("}
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors, match="is no regular expression"):
        load({"streams": {"s": {"source": source}}, "monitors": {"m": monitor}})
