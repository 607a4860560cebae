"""Kafka Connect's states: the answer of a real worker as recorded, and what is made of others."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from streamgauge.config import ConfigErrors, load
from streamgauge.sources.connect import Config, Worker
from streamgauge.sources.polling.target import TargetError

RECORDED = json.loads((Path(__file__).parent / "pages" / "connect-4.3.1.json").read_text("utf-8"))
"""Of a worker 4.3.1: a source connector that runs, and a sink connector whose only task has failed."""


def asked(server: HTTPServer, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer."""
    worker = Worker(Config(url=server.url_for(""), **settings))
    try:
        return [json.loads(record) for record in worker.ask(30)]
    finally:
        worker.close()


def answers(server: HTTPServer, body: Any) -> None:
    server.expect_request("/connectors", query_string="expand=status&expand=info").respond_with_json(body)


def test_a_real_workers_answer(httpserver: HTTPServer):
    answers(httpserver, RECORDED)
    reads, reading, writes, writing = asked(httpserver)
    assert reads == {
        "kind": "connector",
        "connector": "reads",
        "type": "source",
        "class": "FileStreamSource",
        "state": "RUNNING",
        "failed": False,
        "worker": "127.0.0.1:8083",
        "error": None,
        "tasks": 1,
        "tasks_running": 1,
        "tasks_failed": 0,
    }
    assert (reading["kind"], reading["task"], reading["state"]) == ("task", 0, "RUNNING")
    assert (writes["state"], writes["failed"], writes["tasks_running"], writes["tasks_failed"]) == (
        "RUNNING",
        False,
        0,
        1,
    )
    assert (writing["connector"], writing["state"], writing["failed"]) == ("writes", "FAILED", True)
    assert writing["error"] == (
        "org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/nowhere/out.txt' for "
        "FileStreamSinkTask; java.nio.file.NoSuchFileException: /nowhere/out.txt"
    )


def test_every_field_is_given(httpserver: HTTPServer):
    answers(httpserver, RECORDED)
    assert {name for row in asked(httpserver) for name in row} == set(Config.given_fields)


def test_a_connector_that_failed_itself_has_no_tasks(httpserver: HTTPServer):
    said = copy.deepcopy(RECORDED["writes"])
    said["status"]["tasks"] = []
    said["status"]["connector"] |= {"state": "FAILED", "trace": "java.lang.Error: no such class\n\tat x"}
    answers(httpserver, {"writes": said})
    (row,) = asked(httpserver)
    assert (row["failed"], row["error"], row["tasks"]) == (True, "java.lang.Error: no such class", 0)


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED", "UNASSIGNED", "RESTARTING", "SOMETHING_NEW"])
def test_other_states_are_told_in_connects_words_and_are_no_failures(httpserver: HTTPServer, state: str):
    said = copy.deepcopy(RECORDED["reads"])
    said["status"]["connector"]["state"] = state
    answers(httpserver, {"reads": said})
    row = asked(httpserver)[0]
    assert (row["state"], row["failed"]) == (state, False)


def test_tasks_come_by_number_and_a_class_may_be_missing(httpserver: HTTPServer):
    said = copy.deepcopy(RECORDED["reads"])
    del said["info"]
    task = said["status"]["tasks"][0]
    said["status"]["tasks"] = [{**task, "id": number} for number in (10, 2)]
    answers(httpserver, {"reads": said})
    found = asked(httpserver)
    assert [row.get("task") for row in found] == [None, 2, 10]
    assert found[0]["class"] is None


def test_connectors_are_chosen_by_name(httpserver: HTTPServer):
    answers(httpserver, RECORDED)
    assert {row["connector"] for row in asked(httpserver, connectors="wri.*")} == {"writes"}


def test_no_connectors_are_an_answer(httpserver: HTTPServer):
    answers(httpserver, {})
    assert asked(httpserver) == []


def test_a_rebalance_is_told(httpserver: HTTPServer):
    said = {"error_code": 409, "message": "Cannot complete request because of a conflicting operation"}
    httpserver.expect_request("/connectors").respond_with_json(said, 409)
    with pytest.raises(TargetError, match=r"answers 409: \{ .* conflicting operation"):
        asked(httpserver)


@pytest.mark.parametrize(
    "body", [["reads", "writes"], {"reads": {}}, {"reads": {"status": {"tasks": [{}]}}}, 5]
)
def test_what_is_no_answer_of_connect_is_told(httpserver: HTTPServer, body: Any):
    answers(httpserver, body)
    with pytest.raises(TargetError, match="answers otherwise than Kafka Connect"):
        asked(httpserver)


def test_a_login_is_sent(httpserver: HTTPServer):
    sent = {"Authorization": "Basic YWRhOnQwcHMzY3JldA=="}
    httpserver.expect_request("/connectors", headers=sent).respond_with_json({})
    assert asked(httpserver, username="ada", password="t0ps3cret") == []


def test_mistakes_are_told():
    source = {"type": "connect", "url": "http://localhost:8083", "connectors": "("}
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors, match="is no regular expression"):
        load({"streams": {"s": {"source": source}}, "monitors": {"m": monitor}})
