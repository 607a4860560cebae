"""Records scored over HTTP with what a monitor has learned, which learns nothing from being asked."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.server.thread import ServerThread
from tests.services.kafka import Broker, unique
from tests.sinks.writing import read

FIELDS = {"account": "string", "amount": "float", "minutes": "float", "at": "timestamp"}


def written(folder: Path) -> Path:
    chance = random.Random(5)
    file = folder / "payments.ndjson"
    with file.open("w") as out:
        for second in range(1_500):
            record = {
                "account": f"a-{second % 3}",
                "amount": round(chance.gauss(50, 5), 2),
                "minutes": round(chance.gauss(10, 1), 2),
                "at": 1_700_000_000 + second,
            }
            out.write(json.dumps(record) + "\n")
    return file


def configured(folder: Path, **server: Any) -> dict[str, Any]:
    stream = {
        "source": {"type": "files", "path": str(written(folder))},
        "format": "json",
        "fields": FIELDS,
        "time": "at",
    }
    window = {"type": "tumbling", "size": "5s"}
    monitors = {
        "dear": {"stream": "payments", "where": "account != 'a-9'", "detect": {"type": "threshold", "when": "amount > 90"}},
        "unusual": {"stream": "payments", "detect": {"type": "outlier", "features": ["amount", "minutes"], "learn": 500}},
        "often": {"stream": "payments", "window": window, "detect": {"type": "threshold", "when": "count > 9"}},
    }  # fmt: skip
    store = f"sqlite:///{folder / 'p.db'}"
    return {"streams": {"payments": stream}, "monitors": monitors, "store": store, "server": server}


@contextmanager
def serving(config: dict[str, Any]) -> Iterator[str]:
    """Where a process serves that has read the file."""
    session = Session(load(config))
    session.run()
    server = ServerThread(session, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(configured(tmp_path_factory.mktemp("predict"))) as at:
        yield at


def ask(url: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/predict", json=body)


def record(amount: float, minutes: float = 10.0, account: str = "a-1") -> dict[str, Any]:
    return {"account": account, "amount": amount, "minutes": minutes, "at": 1_700_002_000}


def test_a_rule_about_single_records_answers(url: str):
    dear = ask(url, monitor="dear", record=record(95.0)).json()["verdict"]
    assert (dear["severity"], dear["expected"]) == ("critical", "amount <= 90")
    assert dear["observed"]["amount"] == 95.0
    assert ask(url, monitor="dear", record=record(5.0)).json()["verdict"]["severity"] == "ok"


def test_what_was_learned_is_what_it_is_scored_with(url: str):
    usual = ask(url, monitor="unusual", record=record(50.0)).json()["verdict"]
    strange = ask(url, monitor="unusual", record=record(5_000.0, 900.0)).json()["verdict"]
    assert usual["severity"] == "ok"
    assert strange["severity"] in ("warning", "critical")
    assert strange["score"] > usual["score"]


def test_it_learns_nothing_from_being_asked(url: str):
    first = ask(url, monitor="unusual", record=record(300.0, 40.0)).json()["verdict"]["score"]
    ask(url, monitor="unusual", records=[record(300.0, 40.0)] * 2_000)
    assert ask(url, monitor="unusual", record=record(300.0, 40.0)).json()["verdict"]["score"] == first


def test_several_have_an_answer_each_in_their_order(url: str):
    several = [record(95.0), {"account": "a-1"}, record(5.0), record(99.0, account="a-9")]
    found = ask(url, monitor="dear", records=several).json()["verdicts"]
    assert [one.get("severity") for one in found] == ["critical", None, "ok", None]
    assert "at" in found[1]["error"]
    assert "`where` does not hold" in found[3]["error"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"monitor": "daer", "record": record(1.0)}, 400, "did you mean `dear`?"),
        ({"monitor": "often", "record": record(1.0)}, 400, "does not judge single records"),
        ({"monitor": "dear"}, 400, "give `record` or `records`"),
        ({"monitor": "dear", "records": []}, 400, "records"),
        ({"monitor": "dear", "record": {"amount": "much"}}, 422, "amount"),
        ({"monitor": "dear", "record": record(1.0), "produce": True}, 422, "name the topic in the file"),
    ],
)
def test_what_cannot_be_scored_is_said(url: str, body: dict[str, Any], status: int, says: str):
    answer = ask(url, **body)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]


def test_its_time_is_among_the_servers_metrics(url: str):
    ask(url, monitor="dear", record=record(1.0))
    assert 'http_request_duration_seconds_count{handler="/predict"' in httpx.get(f"{url}/metrics").text


@pytest.mark.services
def test_what_is_asked_for_goes_to_the_topic_with_its_record(kafka: Broker, tmp_path: Path):
    topic = unique("verdicts")
    kafka.create_topic(topic)
    server = {"predict": {"brokers": kafka.bootstrap, "topic": topic}}
    with serving(configured(tmp_path, **server)) as at:
        ask(at, monitor="dear", record=record(95.0), produce=True)
        (message,) = read(kafka, topic, 1)
    found = json.loads(message.value())
    assert (found["severity"], found["record"]["amount"]) == ("critical", 95.0)
