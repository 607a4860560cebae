"""Records of a stream as the API shows them: masked, by partition, and those that could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from confluent_kafka import Consumer

from streamgauge.batch import Batch, Column, Partition
from streamgauge.config import load
from streamgauge.engines.running.newest import KEPT, Newest
from streamgauge.server.brokers import Topics
from streamgauge.server.thread import ServerThread
from streamgauge.sources.kafka.config import Config as KafkaConfig
from streamgauge.sources.kafka.overview import overview
from streamgauge.testing import eventually
from tests.server.given import P0, P1, SECOND, START, Process, body, fill, past
from tests.services.kafka import Broker, unique

FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "localhost:9092", topic: payments}}
    format: json
    fields:
      account: {{type: string, mask: true}}
      shouted: {{type: string, compute: upper(account)}}
      amount: {{type: float, min: 0}}
      country: string
      at: timestamp
    key: country
    time: at
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: country, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 100}}
store: sqlite:///{store}
"""


def batch(partition: Partition, first: int, countries: list[str]) -> Batch:
    count = len(countries)
    times = START + np.arange(count) * SECOND
    columns = {
        "account": Column("string", values=["ann-1", None] * (count // 2) + ["ann-1"] * (count % 2)),
        "shouted": Column("string", values=["ANN-1"] * count),
        "amount": Column("float", numbers=np.arange(count, dtype=np.float64) * 1.5),
        "country": Column("string", values=list(countries)),
        "at": Column("timestamp", numbers=times.astype(np.float64)),
    }
    return Batch("payments", partition, np.arange(first, first + count), times, columns, first + count)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a process is served whose stream has a masked field, and whose engine has read three batches."""
    folder = tmp_path_factory.mktemp("samples")
    file = folder / "payments.yaml"
    file.write_text(FILE.format(store=folder / "streamgauge.db"))
    config = load(file)
    fill(config, past())
    process = Process(config)
    newest = (batch(P0, 0, ["CH", "DE"]), batch(P1, 40, ["US"]), batch(P0, 2, ["CH", "CH", "US"]))
    stream = replace(process.status.now.streams["payments"], newest=newest)
    process.show(streams={"payments": stream})
    server = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()


def test_the_newest_records_come_first_and_masked(url: str):
    found = body(url, "/api/v1/streams/payments/samples", limit=4)
    assert [(one["partition"], one["offset"]) for one in found["records"]] == [
        ("payments:0", 4), ("payments:0", 3), ("payments:0", 2), ("payments:1", 40),
    ]  # fmt: skip
    assert found["masked"] == ["account", "shouted"]
    assert found["records"][0]["record"] == {
        "account": "***", "shouted": "***", "amount": 3.0, "country": "US", "at": "2023-11-14T22:13:22.000Z",
    }  # fmt: skip
    assert found["records"][1]["record"]["account"] is None
    assert "ann-1" not in json.dumps(found).lower()


def test_which_key_goes_where(url: str):
    found = body(url, "/api/v1/streams/payments/keys")
    assert found["by"] == ["country"]
    assert found["partitions"] == [
        {"partition": "payments:0", "records": 5,
         "keys": [{"key": "CH", "records": 3}, {"key": "DE", "records": 1}, {"key": "US", "records": 1}]},
        {"partition": "payments:1", "records": 1, "keys": [{"key": "US", "records": 1}]},
    ]  # fmt: skip
    assert found["spread"] == ["US"]


def test_dead_letters_of_a_stream_with_masked_fields_show_no_record(url: str):
    found = body(url, "/api/v1/dead-letters", stream="payments")["dead_letters"]
    assert [one["payload"] for one in found] == ["***", "***"]
    assert found[0]["reason"] == "amount: -1 is below 0"


def test_dead_letters_are_read_again_as_the_file_says_now(url: str):
    told = httpx.post(f"{url}/api/v1/dead-letters/replay", json={"stream": "payments"}, timeout=60).json()
    reasons = {one["offset"]: one["reason"] for one in told["letters"]}
    assert reasons[5] is None  # no monitor reads its amount
    assert "JSON" in reasons[17]
    assert (told["readable"], told["put_back"]) == (1, 0)
    refused = httpx.post(f"{url}/api/v1/dead-letters/replay", json={"stream": "other"}, timeout=60)
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/streams/paymnets/samples", 404),
        ("/api/v1/streams/paymnets/keys", 404),
        ("/api/v1/streams/payments/samples?limit=0", 400),
        ("/api/v1/dead-letters?limit=0", 400),
    ],
)
def test_what_is_refused(url: str, path: str, status: int):
    assert httpx.get(url + path).status_code == status


def test_only_so_many_batches_are_held():
    newest = Newest()
    for n in range(1_000):
        newest.note(batch(P0, 3 * n, ["CH"] * 3))
    assert KEPT <= sum(map(len, newest.batches)) < KEPT + 3
    assert newest.batches[-1].offsets[-1] == 2_999


@pytest.mark.services
def test_topics_and_groups_of_a_real_broker(kafka: Broker):
    topic, group = kafka.create_topic(unique("seen"), 2), unique("group")
    kafka.produce(topic, [json.dumps({"n": n}).encode() for n in range(10)], partition=1)
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    eventually(lambda: consumer.consume(10, 0.5))
    consumer.commit(asynchronous=False)
    source = KafkaConfig(brokers=(kafka.bootstrap,), topic=topic)
    found = overview({"seen": source}, groups=True)
    consumer.close()
    (told,) = found["topics"]
    assert [(one["first_offset"], one["end_offset"]) for one in told["partitions"]] == [(0, 0), (0, 10)]
    mine = next(one for one in found["groups"] if one["group"] == group)
    assert mine["members"]
    assert not mine["own"]
    assert mine["lag"] is not None
    assert found["errors"] == []


@pytest.mark.services
def test_over_the_api_also_when_one_broker_is_away(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("seen"), 1)
    file = tmp_path / "two.yaml"
    text = FILE.format(store=tmp_path / "two.db")
    away = (
        text.split("monitors:", maxsplit=1)[0]
        .replace("streams:\n  payments", "  away")
        .replace("localhost:9092", "localhost:1")
    )
    file.write_text(
        text.replace("localhost:9092", kafka.bootstrap).replace("topic: payments", f"topic: {topic}")
        .replace("monitors:", away + "monitors:")
    )  # fmt: skip
    server = ServerThread(Process(load(file)), "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.start()}"
        answer = httpx.get(f"{url}/api/v1/topics", timeout=60)
        found = Topics.model_validate(answer.json())
        assert [one.topic for one in found.topics] == [topic]
        assert [one.stream for one in found.errors] == ["away"]
        assert httpx.get(f"{url}/api/v1/consumer-groups", timeout=60).status_code == 200
    finally:
        server.stop()
