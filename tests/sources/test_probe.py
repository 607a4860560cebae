"""Tries of pages, ports and a real Kafka: what works, what does not, and that both are records."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.services.kafka import Broker, unique
from tests.services.kafka.secured import make_certificates
from werkzeug import Request, Response

from streamgauge.clock import SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.probe import Config
from streamgauge.sources.probe.trying import Trying
from streamgauge.testing import eventually


def tried(seconds: float = 30, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer."""
    target = Trying(Config.model_validate(settings), SystemClock())
    try:
        return [json.loads(record) for record in target.ask(seconds)]
    finally:
        target.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_page_that_is_as_it_should_be(httpserver: HTTPServer):
    httpserver.expect_request("/old").respond_with_data("", 302, {"Location": "/health"})
    httpserver.expect_request("/health").respond_with_data("all is wéll")
    (row,) = tried(http=httpserver.url_for("/old"), contains="wéll")
    assert (row["kind"], row["ok"], row["status"], row["error"]) == ("http", True, 200, None)
    assert row["target"] == httpserver.url_for("/old")
    assert 0 < row["seconds"] < 30
    assert "certificate_days" not in row


@pytest.mark.parametrize(
    ("status", "body", "asked", "told"),
    [
        (500, "oops", {}, "answers 500"),
        (404, "", {"status": [200, 204]}, "answers 404"),
        (201, "", {"status": [200, 204]}, "answers 201"),
        (404, "", {"status": [404]}, None),
        (200, "sold out", {"contains": "in stock"}, "does not contain 'in stock'"),
    ],
)
def test_a_page_that_may_not_be(
    httpserver: HTTPServer, status: int, body: str, asked: Mapping[str, Any], told: str | None
):
    httpserver.expect_request("/").respond_with_data(body, status)
    (row,) = tried(http=httpserver.url_for("/"), **asked)
    assert (row["ok"], row["status"], row["error"]) == (told is None, status, told)


def test_a_page_that_takes_too_long(httpserver: HTTPServer):
    go_on = threading.Event()

    def late(_: Request) -> Response:
        go_on.wait(30)
        return Response("at last")

    httpserver.expect_request("/late").respond_with_handler(late)
    (row,) = tried(0.1, http=httpserver.url_for("/late"))
    go_on.set()
    assert (row["ok"], row["error"]) == (False, "no answer within 0.1 s")


def test_nobody_there_is_a_record(nobody: str):
    page, port = tried(http=f"http://{nobody}/", tcp=nobody)
    for row in (page, port):
        assert not row["ok"]
        assert "cannot be reached" in row["error"]
    assert "status" not in page


def test_ports_and_pages_are_tried_together(httpserver: HTTPServer, nobody: str):
    httpserver.expect_request("/").respond_with_data("")
    place = f"{httpserver.host}:{httpserver.port}"
    found = tried(http=httpserver.url_for("/"), tcp=[place, nobody])
    assert [(row["kind"], row["ok"]) for row in found] == [("http", True), ("tcp", True), ("tcp", False)]
    assert found[1]["target"] == place


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an authority, of another one, and of a server for thirty days."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.mark.services
def test_days_that_are_left_to_a_certificate(certificates: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem")
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/").respond_with_data("")
        (row,) = tried(http=server.url_for("/"), ca=str(certificates / "ca.pem"))
        assert row["ok"], row["error"]
        assert 29 < row["certificate_days"] <= 30
        (strange,) = tried(http=server.url_for("/"), ca=str(certificates / "other-ca.pem"))
        assert not strange["ok"]
        assert "CERTIFICATE_VERIFY_FAILED" in strange["error"]


def test_an_authority_that_cannot_be_read_is_no_try():
    with pytest.raises(TargetError, match=r"/nowhere/ca\.pem \(`ca`\) cannot be read"):
        tried(http="https://localhost:1", ca="/nowhere/ca.pem")


@pytest.mark.services
def test_there_and_back_through_every_partition(kafka: Broker):
    topic = kafka.create_topic(unique("probe"), 2)
    kafka.produce(topic, [b"of somebody else"], partition=0)
    target = Trying(Config(kafka=(kafka.bootstrap,), topic=topic), SystemClock())
    for _ in range(2):
        rows = [json.loads(record) for record in target.ask(30)]
        assert [(row["partition"], row["ok"], row["error"]) for row in rows] == [
            (0, True, None),
            (1, True, None),
        ]
        assert all(row["acknowledged"] > 0 and 0 < row["seconds"] < 30 for row in rows)
        assert {row["target"] for row in rows} == {f"{kafka.bootstrap}/{topic}"}
    kafka.add_partitions(topic, 3)
    eventually(lambda: len(target.ask(30)) == 3, within=timedelta(seconds=60))
    target.close()


@pytest.mark.services
def test_a_topic_that_is_not_there_is_told_and_not_made(kafka: Broker):
    topic = unique("probe")
    (row,) = tried(kafka=kafka.bootstrap, topic=topic)
    assert (row["ok"], row["error"]) == (False, f"there is no topic {topic!r}; create it for the probe")
    assert topic not in kafka.admin.list_topics(timeout=30).topics


@pytest.mark.services
def test_a_record_that_is_refused_is_told(kafka: Broker):
    topic = kafka.create_topic(unique("probe"), 1, max_message_bytes=10)
    target = Trying(Config(kafka=(kafka.bootstrap,), topic=topic), SystemClock())
    (row,) = [json.loads(record) for record in target.ask(30)]
    assert not row["ok"]
    assert "too large" in row["error"]
    target.close()


def test_brokers_that_are_away_are_told(nobody: str):
    (row,) = tried(0.5, kafka=nobody, topic="any")
    assert not row["ok"]
    assert "Connect to" in row["error"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "something to try"),
        ({"tcp": "db"}, "expected host:port"),
        ({"tcp": "http://db:1"}, "expected host:port"),
        ({"http": "shop.example"}, "expected an address such as"),
        ({"http": "http://ada:pw@shop.example"}, "expected an address such as"),
        ({"kafka": "b:9092"}, "`kafka` \\(the brokers\\) and `topic` together"),
        ({"tcp": "db:1", "topic": "t"}, "`kafka` \\(the brokers\\) and `topic` together"),
    ],
)
def test_mistakes_are_told(wrong: dict[str, Any], told: str):
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors, match=told):
        load({"streams": {"s": {"source": {"type": "probe", **wrong}}}, "monitors": {"m": monitor}})


def test_secrets_of_settings_are_not_shown():
    config = Config(kafka=("b:9092",), topic="t", settings={"sasl.password": "t0ps3cret"})
    assert "t0ps3cret" not in f"{config!r} {config.public()}"
    assert config.scrub("login with t0ps3cret failed") == "login with *** failed"
