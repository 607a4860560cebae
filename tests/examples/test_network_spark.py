"""The averages of the network example on a real Spark are those of the records, to `SparkStreamingTopic`."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.testing import eventually
from tests.cli.in_process import Verb
from tests.docs.pages import ROOT
from tests.services.kafka import Broker, unique
from tests.services.spark import on_spark

EXAMPLE = ROOT / "examples" / "network"
HOURS = 24 * 6
make: dict[str, Any] = runpy.run_path(str(EXAMPLE / "generate.py"))


@pytest.mark.parametrize("engine", ["embedded", "spark"])
def test_the_same_file_fits_both_engines(
    engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("BROKERS", "127.0.0.1:1")
    done = Verb("check", capsys)(EXAMPLE / "averages.yaml", "--engine", engine)
    assert (done.code, done.lines[0]) == (0, f"ok: {EXAMPLE / 'averages.yaml'}")


@pytest.mark.services
@pytest.mark.soak
def test_averages_of_each_address_on_spark(kafka: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    logs, averages = kafka.create_topic(unique("LogTopic"), 6, retention_ms=-1), unique("SparkStreamingTopic")
    sent: dict[str, list[int]] = {}
    for _, record in make["records"](HOURS // 24, timedelta(hours=1), 0):
        ip = record["src_ip"]
        sent.setdefault(ip, []).append(int(record["unq_dst_ip"]))
        kafka.produce(logs, [json.dumps(record).encode()], partition=int(ip[-1]) - 1)
    file = tmp_path / "averages.yaml"
    file.write_text((EXAMPLE / "averages.yaml").read_text().replace("LogTopic", logs))
    monkeypatch.setenv("BROKERS", kafka.bootstrap)
    running = on_spark(file, "--topic", averages, log=tmp_path / "spark.log")
    try:
        found: dict[tuple[str, str], list[float]] = {}
        lines = _lines(kafka, averages)
        wanted = sum(len(values) - 1 for values in sent.values())  # the last hour of each is not over

        def there() -> bool:
            assert running.running, running.last_words()
            for line in next(lines):
                if line["kind"] == "window":
                    found.setdefault((line["monitor"], line["key"]), []).append(line["values"]["unq_dst_ip"])
            windowed = sum(len(values) for (monitor, _), values in found.items() if monitor == "unusual")
            return windowed >= wanted and ("so-far", "10.0.0.6") in found

        eventually(there, "all averages", within=timedelta(seconds=180))
    finally:
        running.kill()
    for ip, values in sent.items():
        assert found["unusual", ip][: len(values) - 1] == values[:-1], ip
    office = sent["10.0.0.1"]
    assert found["so-far", "10.0.0.1"][99] == pytest.approx(sum(office[:100]) / 100)


def _lines(broker: Broker, topic: str) -> Iterator[list[dict[str, Any]]]:
    """What comes on a topic, some at a time, once it is there."""
    from confluent_kafka import Consumer

    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": unique("g"), "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 1000, "log_level": 0, **broker.client(),
    })  # fmt: skip
    consumer.subscribe([topic])
    try:
        while True:
            found = consumer.consume(1000, 0.5)
            yield [json.loads(message.value() or b"") for message in found if message.error() is None]
    finally:
        consumer.close()
