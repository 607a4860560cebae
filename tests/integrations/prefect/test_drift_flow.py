"""The drift flow: with a server of its own for a moment, with one that runs, through faults, and by a schedule."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from streamgauge.testing import eventually
from tests.integrations.prefect.drifting import Drifting
from tests.integrations.prefect.program import FOLDER

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(1200)]


class Slack:
    """An incoming webhook that takes messages once it has failed so many times."""

    def __init__(self, server: HTTPServer, failures: int) -> None:
        self.url = server.url_for("/services/T/B/secret-of-it")
        self.texts: list[str] = []
        self.refused = 0
        self._failures = failures
        server.expect_request("/services/T/B/secret-of-it", method="POST").respond_with_handler(self._hear)

    def _hear(self, request: Request) -> Response:
        if self.refused < self._failures:
            self.refused += 1
            return Response("no", 503)
        self.texts.append(request.get_json()["text"])
        return Response("ok")


@pytest.fixture
def drifting(kafka, tmp_path):
    return Drifting(kafka, tmp_path)


def test_without_a_server_slices_are_compared_logged_and_told(drifting, httpserver):
    slack = Slack(httpserver, failures=2)
    drifting.send(0)
    drifting.send(1)
    drifting.send(0, rows=50)
    done = drifting.home.flow("kafka_drift_detection_flow", SLACK_WEBHOOK_URL=slack.url, DRIFT_SLICES="5")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert drifting.statuses() == ["no_drift", "drift"]
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["no_drift", "drift"]
    calm, moved = (float(line["psi_score"]) for line in drifting.logged())
    assert (calm < 0.1, moved > 0.25) == (True, True)
    assert (slack.refused, len(slack.texts)) == (2, 1)
    assert f"{drifting.topic}: drift, PSI" in slack.texts[0]
    assert "of amount in 400 records" in slack.texts[0]
    assert "secret-of-it" not in said
    assert "50 records wait, 100 are needed" in said
    assert (drifting.waiting()["records"], drifting.waiting()["again"]) == (50, True)


def test_what_is_killed_or_away_is_tried_again_and_what_is_wrong_is_not(drifting, server):
    drifting.send(0)
    for kind, job in (("killed", "drift"), ("away", "slice-next"), ("killed", "slice-done")):
        drifting.home.fault(kind, job)
    done = drifting.home.flow("kafka_drift_detection_flow", PREFECT_API_URL=server.api)
    assert done.returncode == 0, done.stdout + done.stderr
    assert drifting.statuses() == ["no_drift"]
    assert [len(drifting.home.called(verb)) for verb in ("drift", "slice")] == [2, 4]
    assert drifting.waiting()["records"] == 0
    drifting.send(1)
    drifting.home.fault("wrong", "drift")
    wrong = drifting.home.flow("kafka_drift_detection_flow", PREFECT_API_URL=server.api)
    assert (wrong.returncode, "no such column" in wrong.stderr + wrong.stdout) == (1, True)
    assert len(drifting.home.called("drift")) == 3
    assert drifting.waiting()["again"] is True


def test_a_flow_that_was_killed_repeats_neither_the_comparison_nor_the_line(drifting, server, httpserver):
    slack = Slack(httpserver, failures=10**6)
    drifting.send(1)
    drifting.home.fault("flow-killed", "slice-done")
    where = {"PREFECT_API_URL": server.api, "SLACK_WEBHOOK_URL": slack.url}
    killed = drifting.home.flow("kafka_drift_detection_flow", **where)
    assert killed.returncode != 0
    before = drifting.logged()
    assert [line["drift_status"] for line in before] == ["drift"]
    again = drifting.home.flow("kafka_drift_detection_flow", **where)
    assert again.returncode == 0, again.stdout + again.stderr  # though Slack could not be told
    assert slack.refused == 10
    assert drifting.logged() == before
    assert len(drifting.home.called("drift")) == 1
    assert "Cached" in again.stdout + again.stderr
    assert drifting.waiting()["records"] == 0
    shown = {
        one["key"]: one
        for one in server.ask("/artifacts/latest/filter")
        if one["key"] and drifting.topic in one["key"]
    }
    table, link = (shown[f"drift-{drifting.topic}{end}"] for end in ("", "-report"))
    assert (table["type"], link["type"]) == ("table", "markdown")
    assert {"amount", "country"} == {row["feature"] for row in json.loads(table["data"])}
    assert "psi_drift_log.csv" in link["data"]
    assert "**drift**" in table["description"]


def test_a_deployment_serves_its_schedule(drifting, server):
    drifting.send(1)
    home = drifting.home
    where = {"PREFECT_API_URL": server.api, "STREAMGAUGE_FLOWS": str(FOLDER)}
    home.prefect("work-pool", "create", "streamgauge", "--type", "process", **where)
    home.prefect("--no-prompt", "deploy", "--all", **where)
    names = {one["name"] + " " + one["entrypoint"].split(":")[1] for one in server.ask("/deployments/filter")}
    assert names == {
        "kafka-drift kafka_drift_detection_flow",
        "send send_flow",
        "train-forecasts train_forecasts_flow",
        "reevaluate-model reevaluate_model_flow",
    }
    mine = ("-n", "kafka-drift", "--interval", "20")
    home.prefect("--no-prompt", "deploy", *mine, **where)
    words = ("worker", "start", "--pool", "streamgauge", "--type", "process", "--name", "tests")
    worker = home.start("worker", *words, **where)
    asked = {
        "deployments": {"name": {"any_": ["kafka-drift"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    try:
        eventually(
            lambda: not worker.running or server.ask("/flow_runs/filter", asked),
            worker.last_words(200),
            within=timedelta(seconds=300),
        )
    finally:
        worker.stop(60)
    (first, *_) = server.ask("/flow_runs/filter", asked)
    assert first["auto_scheduled"] is True
    assert drifting.statuses() == ["drift"]
    assert drifting.waiting()["records"] == 0
