"""Every query of the dashboards and rules returns series from the real things: a broker with its agent, and ourselves."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.monitoring import asked, proving
from tests.services.kafka import Broker, agent
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess, free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

RUNNING = {"streamgauge", "jmx-kafka"}
"""The jobs of prometheus.yml that are here; Flink, Spark, ZooKeeper and a registry are not."""
GROUP, TOPIC = "readers", "payments"
CONFIG = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: payments, start: earliest}}
    format: json
    fields: {{id: string, account: string, amount: float, score: float, fraud: bool, at: timestamp}}
    time: at
  groups:
    source: {{type: kafka_lag, brokers: "{brokers}", every: 1s}}
monitors:
  burst:
    stream: payments
    where: amount is not null
    window: {{type: tumbling, size: 2s, by: account, compute: {{events: count(*)}}}}
    detect: {{type: threshold, when: events > 5}}
    write: {{type: files, path: "{folder}/rows"}}
  model:
    stream: payments
    detect: {{type: classification, id: id, prediction: score, label: fraud, size: 2s, label_wait: 1s, min_labels: 5}}
    metrics_prefix: fraud
  drift:
    stream: payments
    where: amount is not null
    window: {{type: count, size: 200, every: 100}}
    detect: {{type: psi, features: [amount], reference: "{folder}/payments.reference"}}
    metrics_prefix: fraud
  behind:
    stream: groups
    window: {{type: tumbling, size: 5s, by: group, compute: {{most: max(lag)}}}}
    detect: {{type: threshold, when: most > 1000000}}
store: sqlite:///{folder}/proof.db
server: {{port: {port}}}
"""
EMPTY_WHEN_HEALTHY = {
    "kafka-overview: Requests timed out": "the broker makes this series with its first time-out",
}
"""Panels that return nothing on a healthy system, and why."""
QUIET_RULES = {
    "streamgauge_sink_rows_total": "asks only for rows that were dropped",
    "kafka_network_requestmetrics_errors_total": "the broker makes this series with its first time-out",
}
"""Metrics of rules whose selectors match nothing on a healthy system, and why."""


class WholePath:
    """Who pays, who reads, the broker with its agent, ourselves, and a Prometheus that scrapes it all every two seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jmx, self.ours = free_ports(2)
        rules = asked.MONITORING / "exporters" / "jmx-kafka.yaml"
        self.broker = Broker(java=[agent.argument(self.jmx, rules)])
        self.ended = threading.Event()
        self._started: list[Any] = []

    def start(self) -> Prometheus:
        self.broker.start()
        self.broker.create_topic(TOPIC, 2)
        threading.Thread(target=self._pay, daemon=True).start()
        threading.Thread(target=self._read, daemon=True).start()
        self._reference()
        file = self.folder / "proof.yaml"
        file.write_text(
            CONFIG.format(brokers=self.broker.bootstrap, folder=self.folder, port=self.ours), "utf-8"
        )
        command = [sys.executable, "-m", "streamgauge", "run", str(file)]
        self._started.append(ServerProcess(command, self.folder / "streamgauge.log"))
        at = {"streamgauge": [self.ours], "jmx-kafka": [self.jmx]}
        prometheus = Prometheus(proving.scraping(at), asked.RULES).start()
        self._started.append(prometheus)
        return prometheus

    def close(self) -> None:
        self.ended.set()
        for one in reversed(self._started):
            one.kill() if isinstance(one, ServerProcess) else one.close()
        self.broker.close()

    def log(self) -> str:
        """What streamgauge said last."""
        return (self.folder / "streamgauge.log").read_text("utf-8")[-2000:]

    def _reference(self) -> None:
        draw = random.Random(1)
        calm = self.folder / "calm.csv"
        calm.write_text("amount\n" + "".join(f"{draw.gauss(20, 4):.4f}\n" for _ in range(2_000)), "utf-8")
        build = ["reference", "build", "--from", str(calm), "--out", str(self.folder / "payments.reference")]
        subprocess.run([sys.executable, "-m", "streamgauge", *build], check=True, capture_output=True)

    def _pay(self) -> None:
        """Three hundred payments a second, each with its label at once, some unreadable."""
        draw, producer, number = random.Random(2), self.broker.new_producer(), 0
        while not self.ended.wait(0.1):
            at = int(time.time() * 1000)
            for _ in range(30):
                number += 1
                row = {"id": f"{number}", "account": f"a-{draw.randrange(5)}", "amount": draw.gauss(20, 4),
                       "score": draw.choice([0.1, 0.9]), "at": at}  # fmt: skip
                producer.produce(TOPIC, json.dumps(row).encode())
                producer.produce(
                    TOPIC, json.dumps({"id": f"{number}", "fraud": number % 3 == 0, "at": at}).encode()
                )
            producer.produce(TOPIC, b"no json")
            producer.poll(0)
        producer.flush(1)

    def _read(self) -> None:
        """Somebody else who reads and commits."""
        from confluent_kafka import Consumer

        settings = {"bootstrap.servers": self.broker.bootstrap, "group.id": GROUP, "auto.offset.reset": "earliest",
                    "auto.commit.interval.ms": 500, "log_level": 0}  # fmt: skip
        consumer = Consumer(settings)
        consumer.subscribe([TOPIC])
        while not self.ended.is_set():
            consumer.consume(500, 0.2)
        consumer.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[tuple[WholePath, Prometheus]]:
    try:
        program("prometheus")
        path = WholePath(tmp_path_factory.mktemp("proof"))
        prometheus = path.start()
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    yield path, prometheus
    path.close()


def test_every_target_answers(here):
    _, prometheus = here
    proving.all_answer(prometheus, RUNNING)


@pytest.mark.parametrize("name", ["kafka-overview", "jvm-metrics", "streamgauge", "fastapi", "fraud"])
def test_every_panel_returns_series(here, name):
    path, prometheus = here
    httpx.get(f"http://127.0.0.1:{path.ours}/api/v1/status", trust_env=False)
    proving.returns(prometheus, proving.of_board(name, EMPTY_WHEN_HEALTHY), path.log)


@pytest.mark.parametrize("group", ["streamgauge", "kafka", "jvm", "fraud"])
def test_every_rule_reads_series_that_are_there(here, group):
    path, prometheus = here
    proving.returns(prometheus, proving.of_rules(group, QUIET_RULES), path.log)


def test_prometheus_takes_the_rules_and_none_fires_on_a_healthy_system(here):
    _, prometheus = here
    proving.none_fires(prometheus)


def test_doctor_finds_every_name_there(here):
    _, prometheus = here
    proving.doctor_knows(prometheus, "streamgauge", "fastapi", "fraud", "jvm-metrics")
