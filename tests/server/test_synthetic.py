"""Made-up points: into the stream that allows it and no other, like its reference without drift, and unlike it with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

import streamgauge
from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.server.made_up import points
from streamgauge.server.thread import ServerThread
from streamgauge.statistics.reference import build
from streamgauge.statistics.reference_file import encoded
from streamgauge.stores import Owner, open_store
from streamgauge.stores.inbox import Inbox
from tests.server.given import Process
from tests.services.kafka import Broker, unique

DRAW = np.random.default_rng(1)
KNOWN: dict[str, Any] = {
    "amount": DRAW.lognormal(3, 0.4, 4_000),
    "country": DRAW.choice(["CH", "DE", "FR"], 4_000, p=[0.7, 0.25, 0.05]).tolist(),
}
NOW = 1_700_000_000_000_000


def configured(folder: Path, source: dict[str, Any] | None = None) -> Config:
    (folder / "known.reference").write_bytes(encoded(build(KNOWN)))
    fields = {
        "id": "string", "amount": {"type": "float", "min": 0}, "country": "string", "visits": "int",
        "member": "bool", "at": {"type": "timestamp", "path": "meta.at", "unit": "ms"},
        "upper": {"type": "string", "compute": "upper(country)"},
    }  # fmt: skip
    inlet = {"type": "http", "token": "a-long-token"}
    stream = {"source": source or inlet, "format": "json", "fields": fields, "key": "id", "time": "at"}
    psi = {"type": "psi", "reference": str(folder / "known.reference")}
    return load(
        {
            "streams": {"tried": {**stream, "synthetic": "allowed"}, "closed": stream},
            "monitors": {
                "drift": {"stream": "tried", "window": {"type": "count", "size": 500}, "detect": psi},
                "others": {
                    "stream": "closed",
                    "detect": {"type": "silence", "by": "country", "after": "30s"},
                },
            },
            "store": f"sqlite:///{folder}/store.db",
        }
    )


def test_without_drift_they_are_like_the_reference_and_with_drift_they_are_not(tmp_path):
    config = configured(tmp_path)
    severities = {}
    for drift in (False, True):
        made = points(config, "tried", 2_000, drift=drift, seed=3, now=NOW)
        columns = {name: [record[name] for record in made] for name in KNOWN}
        severities[drift] = {row["feature"]: row["severity"] for row in streamgauge.drift(KNOWN, columns)}
    assert severities[False] == {"amount": "ok", "country": "ok"}
    assert severities[True] == {"amount": "critical", "country": "critical"}


def test_a_record_is_as_the_stream_reads_it(tmp_path):
    first, *_, last = points(configured(tmp_path), "tried", 50, drift=True, seed=3, now=NOW)
    assert sorted(first) == ["amount", "country", "id", "member", "meta", "visits"]
    assert last["meta"]["at"] == NOW // 1000
    assert last["meta"]["at"] > first["meta"]["at"]
    assert (type(first["visits"]), type(first["member"]), type(first["amount"])) == (int, bool, float)
    assert points(configured(tmp_path), "tried", 50, drift=True, seed=3, now=NOW)[0] == first


class Served:
    def __init__(self, config: Config) -> None:
        self.config, self.process = config, Process(config)
        open_store(config.store.url, owner=Owner.this_process(), clock=self.process.clock).close()
        self.server = ServerThread(self.process, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.start()}"

    def send(self, stream: str = "tried", **asked: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/api/v1/streams/{stream}/synthetic", json=asked, timeout=30)


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    found = Served(configured(tmp_path))
    yield found
    found.server.stop()


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same for tests that send nothing, which share it."""
    found = Served(configured(tmp_path_factory.mktemp("resting")))
    yield found
    found.server.stop()


def test_they_are_kept_in_the_inbox_of_http(served):
    answer = served.send(points=20, drift=True, seed=5)
    assert answer.status_code == 202
    assert answer.json() == {
        "stream": "tried", "sent": 20, "drift": True, "seed": 5, "to": "/api/v1/streams/tried/events",
    }  # fmt: skip
    inbox = Inbox(served.config.store.url)
    kept = [record for chunk in inbox.read("tried", 0, 100) for record in chunk.records]
    inbox.close()
    assert len(kept) == 20
    assert {json.loads(record)["country"] for record in kept} <= {"CH", "DE", "FR"}


@pytest.mark.parametrize(
    ("stream", "asked", "status", "says"),
    [
        ("closed", {}, 409, "`synthetic: allowed`"),
        ("tired", {}, 404, "did you mean `tried`"),
        ("tried", {"points": 0}, 400, "points"),
        ("tried", {"points": 100_001}, 400, "points"),
        ("tried", {"drfit": True}, 400, "drfit"),
    ],
)
def test_what_is_refused(resting, stream, asked, status, says):
    answer = resting.send(stream, **asked)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_a_page_of_another_site_sends_none(resting):
    answer = httpx.post(
        f"{resting.url}/api/v1/streams/tried/synthetic",
        json={},
        headers={"origin": "https://elsewhere.example"},
    )
    assert answer.status_code == 403


def test_what_the_analysis_app_may_offer(resting):
    offered = httpx.get(f"{resting.url}/api/v1/analysis").json()
    assert [(one["name"], one["family"], one["windowed"]) for one in offered["monitors"]] == [
        ("drift", "drift", True), ("others", "series", False),
    ]  # fmt: skip
    assert "type: psi" in offered["monitors"][0]["draft"]
    assert [(one["name"], one["source"], one["synthetic"]) for one in offered["streams"]] == [
        ("tried", "http", True), ("closed", "http", False),
    ]  # fmt: skip


@pytest.mark.services
def test_they_are_in_the_topic_when_it_is_answered(kafka: Broker, tmp_path):
    topic = unique("tried")
    kafka.create_topic(topic, 2)
    served = Served(configured(tmp_path, {"type": "kafka", "brokers": kafka.bootstrap, "topic": topic}))
    try:
        answer = served.send(points=300)
        assert (answer.status_code, answer.json()["to"]) == (202, f"topic {topic} at {kafka.bootstrap}")
        assert held(kafka, topic) == 300
    finally:
        served.server.stop()


def held(kafka: Broker, topic: str) -> int:
    """How many records a topic of two partitions holds."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": unique("looking")})
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=60) for n in range(2)]
    consumer.close()
    return sum(end for _, end in ends)
