"""Telling a server from elsewhere: tried again, kept in a folder, said when it will never be taken."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from streamgauge.client import push_metrics
from streamgauge.client.queue import Queue
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.server.thread import ServerThread
from tests.server.given import Process, configuration, fill, past

PATH = "/update_metrics"


class Waits(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def bodies(httpserver: HTTPServer) -> list[dict[str, float]]:
    """Of what came to our path: a port that others had before is still asked by some of them."""
    return [json.loads(request.data) for request, _ in httpserver.log if request.path == PATH]


def test_a_real_server_takes_it(tmp_path: Path):
    config = configuration(tmp_path)
    fill(config, past())
    process = Process(config)
    server = ServerThread(process, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.start()}"
    assert push_metrics(url, precision=0.9, drift_score=0.2)
    assert process.status.gauges == {
        ("fraud_model_precision", ()): 0.9,
        ("fraud_model_feature_drift", ("",)): 0.2,
    }
    with pytest.raises(ConfigError, match="precision: 2 must lie between 0 and 1"):
        push_metrics(url, precision=2)
    server.stop()


def test_it_is_tried_again_and_waits_as_long_as_is_asked(httpserver: HTTPServer):
    answers = iter([Response(status=503), Response(status=429, headers={"Retry-After": "7"}), Response("{}")])
    httpserver.expect_request(PATH).respond_with_handler(lambda _: next(answers))
    waits = Waits()
    assert push_metrics(httpserver.url_for(""), recall=0.5, wait=waits)
    assert waits == [0.5, 7.0]
    assert bodies(httpserver) == [{"recall": 0.5}] * 3


def test_without_a_queue_what_cannot_be_told_is_said(httpserver: HTTPServer):
    httpserver.expect_request(PATH).respond_with_data("later", status=500)
    with pytest.raises(OutsideError, match="answered 500: later; with `queue=` it would be kept"):
        push_metrics(httpserver.url_for(""), recall=0.5, tries=2, wait=Waits())
    with pytest.raises(OutsideError, match="cannot be reached"):
        push_metrics("http://127.0.0.1:9", recall=0.5, tries=1, wait=Waits())


def test_with_a_queue_it_waits_for_the_next_call_and_goes_first(httpserver: HTTPServer, tmp_path: Path):
    answers = iter([Response(status=503)] * 2)
    httpserver.expect_request(PATH).respond_with_handler(lambda _: next(answers, Response("{}")))
    url, queue = httpserver.url_for(""), tmp_path / "queue"
    assert not push_metrics(url, recall=0.1, tries=1, queue=queue, wait=Waits())
    assert not push_metrics(url, recall=0.2, tries=1, queue=queue, wait=Waits())
    assert push_metrics(url, recall=0.3, queue=queue, wait=Waits())
    assert bodies(httpserver)[2:] == [{"recall": 0.1}, {"recall": 0.2}, {"recall": 0.3}]
    with closing(Queue(queue)) as waiting:
        assert (waiting.waiting(), waiting.refused()) == (0, [])


def test_what_is_refused_for_good_holds_up_nothing_after_it(httpserver: HTTPServer, tmp_path: Path):
    httpserver.expect_oneshot_request(PATH).respond_with_json({"error": "recall: 7 is too much"}, status=422)
    httpserver.expect_request(PATH).respond_with_json({})
    queue = tmp_path / "queue"
    with pytest.raises(ConfigError, match=r"recall: 7 is too much. It is set aside in .*queue"):
        push_metrics(httpserver.url_for(""), recall=7, queue=queue, wait=Waits())
    assert push_metrics(httpserver.url_for(""), recall=0.3, queue=queue, wait=Waits())
    with closing(Queue(queue)) as waiting:
        ((request, why),) = waiting.refused()
    assert (json.loads(request.body), "7 is too much" in why) == ({"recall": 7}, True)


def test_the_token_goes_with_it(httpserver: HTTPServer):
    httpserver.expect_request(PATH, headers={"Authorization": "Bearer sg_x"}).respond_with_json({})
    assert push_metrics(httpserver.url_for(""), accuracy=1.0, token="sg_x")
