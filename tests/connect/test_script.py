"""``examples/ksqldb/alert_connector.sh`` against a real worker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from streamgauge.testing import WebhookReceiver, eventually
from tests.connect.alerts import PATIENCE, SECRET, numbered, secret_file, topics
from tests.services.connect import ConnectWorker
from tests.services.kafka import Broker, unique

pytestmark = [pytest.mark.services, pytest.mark.soak]

SCRIPT = Path(__file__).parents[2] / "examples" / "ksqldb" / "alert_connector.sh"


def script(url: str, *pairs: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {"CONNECT_URL": url, "PATIENCE": "120", **environ}
    return subprocess.run(
        [str(SCRIPT), *pairs], env={**os.environ, **given}, capture_output=True, text=True, check=False
    )


def test_it_creates_then_changes_and_alerts_are_posted(kafka: Broker, worker: ConnectWorker):
    topic, name = topics(kafka), unique("slack")
    with WebhookReceiver() as receiver:
        given = {"NAME": name, "TOPIC": topic, "WEBHOOK": secret_file(worker, receiver.url)}
        first = script(worker.url, "slack.title={{ monitor }} again", "rate.per.second=0", **given)
        assert (first.returncode, first.stderr) == (0, "")
        assert first.stdout.startswith(f"created {name}\n{name} is RUNNING: {topic} → 127.0.0.1:")
        again = script(worker.url, "slack.title={{ monitor }} again", "rate.per.second=0", **given)
        assert again.stdout.startswith(f"changed {name}\n{name} is RUNNING"), again.stderr
        values, keys = numbered(3, keys=1)
        kafka.produce(topic, values, keys=keys)
        eventually(lambda: len(receiver.received) == 3, within=PATIENCE)
        assert {request.json["text"] for request in receiver.received} == {"🔴 CRITICAL  m again"}
    assert SECRET not in first.stdout + again.stdout


def test_a_wrong_setting_is_said(worker: ConnectWorker):
    answer = script(worker.url, "batch.size=7", "WEBHOOK", NAME=unique("slack"))
    assert (answer.returncode, answer.stderr) == (2, "expected KEY=VALUE, not 'WEBHOOK'\n")
    answer = script(worker.url, "batch.size=7", "slack.webhook=https://host/x", NAME=unique("slack"))
    assert answer.returncode == 1
    assert "Value must be no more than 6" in answer.stderr


def test_a_failed_task_shows_its_trace(kafka: Broker, worker: ConnectWorker):
    topic, name = topics(kafka), unique("slack")
    kafka.produce(topic, [b"no json"])
    earliest = "consumer.override.auto.offset.reset=earliest"
    webhook = "slack.webhook=http://127.0.0.1:1/x"
    answer = script(worker.url, earliest, webhook, "errors.tolerance=none", NAME=name, TOPIC=topic)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"{name} has FAILED:\norg.apache.kafka.connect.errors.ConnectException")
    assert "the value is not the JSON that it should be" in answer.stderr
    assert "set errors.tolerance=all and errors.deadletterqueue.topic.name" in answer.stderr


def test_no_worker_is_told_from_a_wrong_setting():
    answer = script("http://127.0.0.1:1", "slack.webhook=https://host/x", PATIENCE="1")
    assert answer.returncode == 3
    assert "no Kafka Connect answers at http://127.0.0.1:1" in answer.stderr
