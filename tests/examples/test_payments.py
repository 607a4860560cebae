"""The payments example finds each fault that the generator plants, and nothing else."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.testing import WebhookReceiver, eventually
from tests.cli.running import streamgauge
from tests.docs.pages import ROOT
from tests.services.kafka import Broker, unique

CONFIG = ROOT / "examples/payments/streamgauge.yaml"
Faults = list[dict[str, Any]]

RULES = {
    "burst": "burst",
    "malformed": "unreadable",
    "quiet": "went-quiet",
    "refusals": "refusals",
    "late": "late",
}
"""Which rule finds which fault."""

SETTLED = timedelta(seconds=12)
"""A fault is told at the end of its window at the latest, and windows last 5 s, gaps too."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def generate(seed: int, planted: Path, *where: str | Path) -> Faults:
    done = streamgauge(
        "generate", "payments", "--seed", str(seed), "--records", "90000", "--planted", planted, *where
    )
    assert done.returncode == 0, done.stderr
    faults: Faults = json.loads(planted.read_text())
    return faults


def hold_against(planted: Faults, notices: Faults) -> None:
    """Each fault has one incident of its rule and key, which opened in its time; nothing else did."""
    opened = {
        (one["monitor"], one["key"]): moment(one["opened_at"]) for one in notices if one["status"] == "firing"
    }
    wanted = {(RULES[fault["what"]], fault["key"]): fault for fault in planted}
    assert set(opened) == set(wanted)
    for which, fault in wanted.items():
        assert moment(fault["start"]) <= opened[which] <= moment(fault["end"]) + SETTLED


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_replay_finds_what_is_planted(seed, tmp_path):
    records = tmp_path / "payments.ndjson"
    planted = generate(seed, tmp_path / "planted.json", "--out", records)
    assert {fault["what"] for fault in planted} == set(RULES)
    done = streamgauge("replay", CONFIG, "--stream", f"payments={records}", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    hold_against(planted, [line for line in lines if line["kind"] == "incident"])


@pytest.mark.services
def test_run_on_a_topic_tells_a_webhook_what_is_planted(kafka, tmp_path):
    topic = unique("payments")
    where = ["--topic", topic, "--partitions", "6", "--brokers", kafka.bootstrap]
    planted = generate(1, tmp_path / "planted.json", *where)
    with WebhookReceiver() as receiver:
        process = started(kafka, topic, receiver, tmp_path)
        try:
            eventually(lambda: faults_told(receiver) >= len(planted), within=timedelta(seconds=120))
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        end = max(moment(fault["end"]) for fault in planted) + SETTLED
        hold_against(planted, [one for one in receiver.distinct.values() if moment(one["opened_at"]) < end])


def started(kafka: Broker, topic: str, receiver: WebhookReceiver, folder: Path) -> subprocess.Popen[bytes]:
    """The example as it stands, but for the address, the topic and who is told."""
    text = (
        CONFIG.read_text()
        .replace("localhost:9092", kafka.bootstrap)
        .replace("topic: payments", f"topic: {topic}")
    )
    text = text.replace("console: {type: console}", f'console: {{type: webhook, url: "{receiver.url}"}}')
    (folder / "streamgauge.yaml").write_text(text)
    command = [sys.executable, "-m", "streamgauge", "run", "streamgauge.yaml", "--port", "0"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def faults_told(receiver: WebhookReceiver) -> int:
    return len({one["monitor"] for one in receiver.distinct.values() if one["status"] == "firing"})
