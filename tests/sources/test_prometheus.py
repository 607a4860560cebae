"""PromQL: what a real Prometheus answers, and what is made of answers that are empty, late, refused or no numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.prometheus import Prometheus

from streamgauge.clock import Clock, SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.prometheus import Config, Queries
from streamgauge.testing import PushedClock, eventually

INSTANT = "/api/v1/query"
RANGE = "/api/v1/query_range"
SCRAPES_ITSELF = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: itself, static_configs: [{targets: ["ITSELF"], labels: {value: taken}}]}]
"""


def asked(url: str, clock: Clock | None = None, seconds: float = 30, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer."""
    target = Queries(Config(url=url, **settings), clock or SystemClock())
    try:
        return [json.loads(record) for record in target.ask(seconds)]
    finally:
        target.close()


def says(kind: str, result: Any) -> dict[str, Any]:
    """An answer as Prometheus wraps it."""
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def test_labels_are_fields_and_taken_names_are_told_otherwise(httpserver: HTTPServer):
    series = {"metric": {"__name__": "up", "job": "a", "query": "x", "at": "y"}, "value": [5.25, "0"]}
    httpserver.expect_request(INSTANT, query_string={"query": "up == 0"}).respond_with_json(
        says("vector", [series])
    )
    assert asked(httpserver.url_for(""), query="up == 0") == [
        {
            "query": "query",
            "metric": "up",
            "value": 0.0,
            "at": "1970-01-01T00:00:05.250000Z",
            "job": "a",
            "label_query": "x",
            "label_at": "y",
        }
    ]


def test_several_queries_are_told_by_their_names(httpserver: HTTPServer):
    for text, value in (("a", "1"), ("b", "NaN")):
        httpserver.expect_request(INSTANT, query_string={"query": text}).respond_with_json(
            says("scalar", [1, value])
        )
    found = asked(httpserver.url_for("/"), queries={"one": "a", "other": "b"})
    assert [(row["query"], row["value"]) for row in found] == [("one", 1.0), ("other", None)]


def test_no_series_is_an_answer(httpserver: HTTPServer):
    httpserver.expect_request(INSTANT).respond_with_json(says("vector", []))
    assert asked(httpserver.url_for(""), query="gone") == []


def test_steps_come_in_the_order_of_time_and_once(httpserver: HTTPServer):
    clock = PushedClock()
    start = clock.now() // 60_000_000 * 60
    clock.push(timedelta(microseconds=start * 1_000_000 + 60_500_000 - clock.now()))
    here = {"metric": {"pod": "a"}, "values": [[start, "1"], [start + 30, "2"]]}
    there = {"metric": {"pod": "b"}, "values": [[start, "3"], [start + 60, "4"]]}
    httpserver.expect_request(RANGE).respond_with_json(says("matrix", [here, there]))
    target = Queries(Config(url=httpserver.url_for(""), query="q", range="1m", step="30s"), clock)
    rows = [json.loads(record) for record in target.ask(30)]
    assert [row["value"] for row in rows] == [1, 3, 2, 4]
    assert target.ask(30) == (), "no step has passed"
    clock.push(timedelta(seconds=30))
    target.ask(30)
    clock.push(timedelta(hours=1))
    target.ask(30)
    target.close()
    spans = [request.args for request, _ in httpserver.log]
    assert [(float(a["start"]) - start, float(a["end"]) - start, a["step"]) for a in spans] == [
        (0, 60, "30.000"),
        (90, 90, "30.000"),
        (3630, 3690, "30.000"),
    ]


def test_steps_that_were_not_answered_are_asked_again(httpserver: HTTPServer):
    clock = PushedClock()
    target = Queries(Config(url=httpserver.url_for(""), query="q", range="5m", step="1m"), clock)
    httpserver.expect_ordered_request(RANGE).respond_with_json(says("matrix", []))
    httpserver.expect_ordered_request(RANGE).respond_with_data("wait", 503)
    httpserver.expect_ordered_request(RANGE).respond_with_json(says("matrix", []))
    target.ask(30)
    clock.push(timedelta(minutes=1))
    with pytest.raises(TargetError, match="answers 503: wait"):
        target.ask(30)
    clock.push(timedelta(minutes=1))
    target.ask(30)
    target.close()
    _, failed, again = [request.args for request, _ in httpserver.log]
    assert again["start"] == failed["start"]
    assert float(again["end"]) == float(failed["end"]) + 60


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"token": "t0ps3cret"}, "Bearer t0ps3cret"),
        ({"username": "ada", "password": "t0ps3cret"}, "Basic YWRhOnQwcHMzY3JldA=="),
    ],
)
def test_a_login_is_sent_and_not_shown(httpserver: HTTPServer, settings: dict[str, Any], sent: str):
    httpserver.expect_request(INSTANT, headers={"Authorization": sent}).respond_with_json(says("vector", []))
    assert asked(httpserver.url_for(""), query="up", **settings) == []
    assert "t0ps3cret" not in str(Config(url="http://x", query="up", **settings).public())
    with pytest.raises(TargetError) as refused:
        asked(httpserver.url_for(""), query="up", **{**settings, next(iter(settings)): "wrong"})
    assert "t0ps3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (says("string", [1, "x"]), "gives no numbers for `query`: a string is no number"),
        (says("vector", [{"metric": {}, "histogram": [1, {}]}]), "ask for its histogram_quantile"),
        ({"hello": 1}, "gives no numbers"),
        ([1], "gives no numbers"),
    ],
)
def test_what_is_no_number_is_told(httpserver: HTTPServer, body: Any, told: str):
    httpserver.expect_request(INSTANT).respond_with_json(body)
    with pytest.raises(TargetError, match=told):
        asked(httpserver.url_for(""), query="up")


def test_what_is_no_json_is_told(httpserver: HTTPServer):
    httpserver.expect_request(INSTANT).respond_with_data("<html>Welcome</html>")
    with pytest.raises(TargetError, match="answers what is no JSON: <html>Welcome"):
        asked(httpserver.url_for(""), query="up")


def test_an_authority_that_cannot_be_read_is_told():
    with pytest.raises(TargetError, match=r"/nowhere/ca\.pem \(`ca`\) cannot be read"):
        asked("https://localhost:1", query="up", ca="/nowhere/ca.pem")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "either `query`, or `queries`"),
        ({"query": "a", "queries": {"b": "c"}}, "either `query`, or `queries`"),
        ({"query": "a", "range": "1s"}, "between one and 10,000 times `step`"),
        ({"query": "a", "token": "long-enough", "username": "ada"}, "either `token`"),
        ({"query": "a", "password": "long-enough"}, "write `username` too"),
        ({"query": "a", "url": "http://ada:pw@x"}, "without a login in it"),
    ],
)
def test_mistakes_are_told(wrong: dict[str, Any], told: str):
    source = {"type": "prometheus", "url": "http://localhost:9090", **wrong}
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors, match=told):
        load({"streams": {"s": {"source": source}}, "monitors": {"m": monitor}})


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """One that scrapes itself five times a second."""
    made = Prometheus(SCRAPES_ITSELF)
    config = made._folder / "prometheus.yml"
    config.write_text(config.read_text("utf-8").replace("ITSELF", made.url.removeprefix("http://")), "utf-8")
    try:
        made.start()
    except CannotBeHadError as missing:
        made.close()
        skip_or_fail(str(missing))
    yield made
    made.close()


@pytest.mark.services
def test_a_real_prometheus(prometheus: Prometheus):
    eventually(lambda: prometheus.query("up"), within=timedelta(seconds=60))
    (up,) = asked(prometheus.url, query='up{job="itself"}')
    assert (up["metric"], up["value"], up["job"], up["label_value"]) == ("up", 1.0, "itself", "taken")
    both = asked(prometheus.url, queries={"three": "3", "none": "up == 5"})
    assert [(row["query"], row["value"]) for row in both] == [("three", 3.0)]
    eventually(lambda: asked(prometheus.url, query="up", range="5s", step="1s"), within=timedelta(seconds=60))
    with pytest.raises(TargetError, match=r"answers 400: .*parse error"):
        asked(prometheus.url, query="up ==")
