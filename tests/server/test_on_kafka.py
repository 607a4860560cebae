"""What the API does on a real broker: drafts tried on the records of a topic, and dead letters put back into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.batch import BadRecord, Partition
from streamgauge.config import load
from streamgauge.engines.outgoing import second_reading
from streamgauge.server import replay
from streamgauge.server.thread import ServerThread
from streamgauge.sources.kafka.overview import overview
from streamgauge.stores import open_reading
from streamgauge.stores.contract import Commit
from tests.server.given import START, Process, fill
from tests.server.trying import WINDOW, within
from tests.services.kafka import Broker, unique
from tests.sinks.writing import read

pytestmark = pytest.mark.services

FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: {topic}, group: {group}}}
    format: {{type: json, numbers_as_strings: true}}
    fields: {{account: string, amount: float, country: string, at: timestamp}}
    time: at
monitors:
  high:
    stream: payments
    window: {window}
    detect: {{type: threshold, when: mean > 500}}
store: sqlite:///{folder}/streamgauge.db
"""
GOOD = b'{"account": "a", "amount": "12.5", "at": 1700000000000}'


class Served:
    """A server over a stream of a real topic with two partitions; its engine stands still."""

    def __init__(self, folder: Path, brokers: str, topic: str, *payloads: bytes) -> None:
        file = folder / "payments.yaml"
        self.group = unique("group")
        text = FILE.format(brokers=brokers, topic=topic, group=self.group, window=WINDOW, folder=folder)
        file.write_text(text)
        self.config = load(file)
        bad = [
            BadRecord(Partition(topic, 1), n, "amount: expected a number", payload, START)
            for n, payload in enumerate(payloads)
        ]
        fill(self.config, [Commit(dead_letters=[("payments", one) for one in bad])])
        process = Process(self.config)
        process.show(streams={}, monitors={})
        self._server = ServerThread(process, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.start()}"

    def post(self, path: str, **asked: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/api/v1/{path}", json=asked, timeout=90)

    def put_back_at(self) -> list[int | None]:
        """Of each dead letter, the oldest first."""
        look = open_reading(self.config.store.url)
        found = [letter.replayed_at for letter in look.dead_letters()]
        look.close()
        return found[::-1]

    def close(self) -> None:
        self._server.stop()


@pytest.fixture
def topic(kafka: Broker) -> str:
    """Ten minutes of two accounts, one in each partition; the second spends more towards the end."""
    made = kafka.create_topic(unique("tried"), 2, **{"retention.ms": "-1"})
    for partition, account in enumerate(("a", "b")):
        records = [
            {"account": account, "amount": 60 if second >= 400 and partition else 20, "country": "CH",
             "at": 1_700_000_000_000 + 1_000 * second}
            for second in range(600)
        ]  # fmt: skip
        kafka.produce(made, [json.dumps(record).encode() for record in records], partition=partition)
    return made


@pytest.fixture
def served(kafka: Broker, topic: str, tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, kafka.bootstrap, topic)
    yield made
    made.close()


def draft(when: str) -> str:
    return f"stream: payments\nwindow: {WINDOW}\ndetect: {{type: threshold, when: {when}}}\n"


def test_a_draft_is_tried_on_the_records_of_a_topic_and_nobody_notices(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    """In a process of its own, as it is done for people."""
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    answer = served.post("replay", monitor="high", draft=draft("mean > 50"), last="24h")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["source"], found["records"], found["truncated"]) == ("kafka", 1_200, None)
    assert [one["key"] for one in found["incidents"]] == ["b"]
    assert found["compared"] == {"same": 0, "only_draft": 1, "only_running": 0}
    source: Any = served.config.streams["payments"].source
    known = {one["group"] for one in overview({"payments": source}, groups=True)["groups"]}
    assert served.group not in known, "it joined a group, or committed an offset"


def test_on_the_page_and_the_difference_of_two_files(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "ask", within)
    page = httpx.post(
        f"{served.url}/monitors/high/try", json={"draft": draft("mean > 50"), "last": "24h"}, timeout=90
    )
    assert page.status_code == 200
    assert "1,200" in page.text
    old = {"stream": "payments", "window": window(), "detect": {"type": "threshold", "when": "mean > 50"}}
    new = {**old, "detect": {"type": "threshold", "when": "mean > 15"}}
    found = served.post("replay/diff", before={"m": old}, after={"m": new}).json()
    whose = {name: [one["key"] for one in found["incidents"][name]] for name in ("only_before", "only_after")}
    assert (whose, found["incidents"]["same"]) == ({"only_before": [], "only_after": ["a"]}, 1)


def window() -> dict[str, Any]:
    return {"type": "tumbling", "size": "20s", "by": "account", "compute": {"mean": "avg(amount)"}}


def test_dead_letters_are_put_back_once(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("letters"), partitions=2)
    served = Served(tmp_path, kafka.bootstrap, topic, GOOD, b"{")
    try:
        dry = served.post("dead-letters/replay", stream="payments").json()
        assert (dry["readable"], dry["put_back"], served.put_back_at()) == (1, 0, [None, None])
        told = served.post("dead-letters/replay", stream="payments", put_back=True)
        assert told.status_code == 200, told.text
        assert (told.json()["readable"], told.json()["put_back"]) == (1, 1)
        assert told.json()["told"] == "1 of 2 can be read now, and were put back."
        again = served.post("dead-letters/replay", stream="payments", put_back=True).json()
        assert (again["readable"], again["put_back"]) == (0, 0)
        (message,) = read(kafka, topic, 1, partitions=2)
        assert (message.partition(), message.value()) == (1, GOOD)
        assert message.headers() == [("streamgauge-put-back", f"{topic}:1 0".encode())]
        source: Any = served.config.streams["payments"].source
        (seen,) = overview({"payments": source}, groups=False)["topics"]
        assert [one["end_offset"] for one in seen["partitions"]] == [0, 1], "never twice"
        done, left = served.put_back_at()
        assert done is not None
        assert left is None
    finally:
        served.close()


def test_a_broker_that_is_away_takes_nothing_back_and_marks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(second_reading, "PATIENCE", 1.0)
    served = Served(tmp_path, "127.0.0.1:1", "t", GOOD)
    try:
        told = served.post("dead-letters/replay", stream="payments", put_back=True)
        assert told.status_code == 503, told.text
        assert "1 of 1 were not taken by 127.0.0.1:1" in told.json()["error"]
        assert served.put_back_at() == [None]
    finally:
        served.close()
