"""Pages of metrics: those of real systems, as recorded, and a real server that answers well, badly, late or never."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from streamgauge.config import ConfigErrors, load
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.metrics import make_registry
from streamgauge.sources.exposition import Config, Page, series
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.several_pages import SeveralPages
from streamgauge.testing import PushedClock

PAGES = Path(__file__).parent / "pages"
"""Expositions of real servers: kafka_exporter 1.9, Spark 4.2.0's executors, and the heads of Flink 2.3.0's and of Kafka
4.3.1's through the JMX agent 1.0.1."""


class Server:
    """Answers each path as it is told: a status and a body; ``late`` waits."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.asked: list[dict[str, str]] = []
        self.go_on = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(dict(self.headers))
                if self.path == "/late":
                    outer.go_on.wait(30)
                status, body = outer.pages.get(self.path, (404, b"no such page"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def asked(url: str, seconds: float = 30, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer."""
    page = Page(Config(url=url, **settings), url)
    try:
        return [json.loads(record) for record in page.ask(seconds)]
    finally:
        page.close()


def of_several(*urls: str, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer of several pages."""
    pages = SeveralPages(Config(urls=urls, **settings))
    try:
        return [json.loads(record) for record in pages.ask(30)]
    finally:
        pages.close()


@pytest.mark.parametrize("name", sorted(path.name for path in PAGES.glob("*.prom")))
def test_every_series_of_a_real_page_is_a_record(name: str):
    text = (PAGES / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(list(series(text, re.compile(".*")))) == len(lines) > 5


def test_labels_are_fields():
    text = (PAGES / "kafka-exporter.prom").read_text("utf-8")
    (row,) = series(text, re.compile("kafka_consumergroup_members"))
    assert row == {"metric": "kafka_consumergroup_members", "value": 0.0, "consumergroup": "lagger"}


def test_our_own_page_is_read(server: Server):
    board = StatusBoard(0)
    server.pages["/metrics"] = (200, generate_latest(make_registry(board, PushedClock())))
    found = asked(server.url("/metrics"), metrics="streamgauge_(ready|build_info)")
    assert [row["metric"] for row in found] == ["streamgauge_build_info", "streamgauge_ready"]
    assert {"version", "python"} < found[0].keys()


def test_what_is_no_number_is_missing(server: Server):
    server.pages["/odd"] = (200, b"a NaN\nb +Inf\nc -Inf\nd 1.5\n")
    assert [row["value"] for row in asked(server.url("/odd"))] == [None, None, None, 1.5]


def test_a_page_without_series_is_an_answer(server: Server):
    server.pages["/empty"] = (200, b"")
    assert asked(server.url("/empty")) == []


def test_a_token_is_sent(server: Server):
    server.pages["/guarded"] = (200, b"a 1\n")
    asked(server.url("/guarded"), token="t0ps3cret")
    assert server.asked[-1]["Authorization"] == "Bearer t0ps3cret"
    assert "t0ps3cret" not in str(Config(url="http://x/", token="t0ps3cret").public())


def test_refusals_are_told_with_their_words(server: Server):
    server.pages["/refused"] = (401, b"who are you?")
    with pytest.raises(TargetError, match=r"/refused answers 401: who are you\?"):
        asked(server.url("/refused"))


def test_what_is_no_page_of_metrics_is_told(server: Server):
    server.pages["/html"] = (200, b"<html><body>Welcome, friend</body></html>")
    with pytest.raises(TargetError, match="no page of metrics as Prometheus reads them"):
        asked(server.url("/html"))


def test_nobody_there_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(TargetError, match="cannot be reached"):
            asked(f"http://127.0.0.1:{port}/metrics")


def test_a_late_answer_is_told(server: Server):
    with pytest.raises(TargetError, match=r"gave no answer within 0\.1 s"):
        asked(server.url("/late"), seconds=0.1)


def test_a_stream_declares_only_the_labels_that_it_uses():
    source = {"type": "exposition", "url": "http://localhost:9404/metrics", "metrics": "kafka_.*"}
    monitor = {"stream": "s", "detect": {"type": "freshness", "by": ["metric", "topic"], "after": "1m"}}
    made = load(
        {"streams": {"s": {"source": source, "fields": {"topic": "string"}}}, "monitors": {"m": monitor}}
    )
    assert set(made.streams["s"].fields) == {"metric", "value", "instance", "trouble", "topic"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x"},
        {"url": "http://x", "metrics": "("},
        {},
        {"url": "http://x", "urls": "http://y"},
        {"urls": "http://x,"},
        {"urls": "http://x, http://x"},
        {"urls": [f"http://{i}" for i in range(101)]},
    ],
)
def test_mistakes_are_told(wrong: dict[str, Any]):
    monitor = {"stream": "s", "detect": {"type": "silence", "after": "1m"}}
    with pytest.raises(ConfigErrors):
        load({"streams": {"s": {"source": {"type": "exposition", **wrong}}}, "monitors": {"m": monitor}})


def test_several_pages_are_told_apart(server: Server):
    server.pages["/one"] = (200, b'a{instance="x"} 1\n')
    server.pages["/two"] = (200, b"a 2\nb 3\n")
    one, two = (server.url(path).removeprefix("http://") for path in ("/one", "/two"))
    assert of_several(f"{server.url('/one')}, {server.url('/two')}", metrics="a") == [
        {"metric": "up", "value": 1.0, "instance": one},
        {"metric": "a", "value": 1.0, "label_instance": "x", "instance": one},
        {"metric": "up", "value": 1.0, "instance": two},
        {"metric": "a", "value": 2.0, "instance": two},
    ]
    (up, _) = of_several(server.url("/one"))
    assert up["instance"] == server.url("").removeprefix("http://")


def test_one_of_several_that_is_away_hides_nothing_of_the_others(server: Server):
    server.pages["/one"] = (200, b"a 1\n")
    server.pages["/other"] = (200, b"b 1\n")
    urls = ["http://127.0.0.1:1/away", *(server.url(path) for path in ("/gone", "/other", "/one"))]
    found = of_several(*urls, metrics="a")
    assert [row["value"] for row in found if row["metric"] == "up"] == [0.0, 0.0, 0.0, 1.0]
    assert [row["trouble"].partition(" ")[2] for row in found if "trouble" in row] == [
        "cannot be reached: [Errno 111] Connection refused",
        "answers 404: no such page",
        "has no series whose name matches a",
    ]
    assert found[-1]["metric"] == "a"


def test_when_all_are_away_the_source_is_lost(server: Server):
    with pytest.raises(TargetError, match=r"/a answers 404: no such page; 1 more cannot be read either"):
        of_several(server.url("/a"), server.url("/b"))
    with pytest.raises(TargetError, match=r"/a answers 404: no such page$"):
        of_several(server.url("/a"))
