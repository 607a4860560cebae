"""``metrics_prefix: fraud``: what a run over a file leaves in the metrics, of records and of a model."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.metrics import make_registry

MINUTE = 60_000
T0 = 1_700_002_800_000
"""Milliseconds, a full hour."""
FILE = """\
streams:
  scored:
    source: {{type: files, path: "{folder}/scored.ndjson"}}
    format: json
    fields: {{id: string, score: float, amount: float, fraud: bool, at: timestamp}}
    time: at
monitors:
  model:
    stream: scored
    detect: {{type: classification, id: id, prediction: score, label: fraud, size: 1h, label_wait: 4h, min_labels: 50}}
    {model}
  odd:
    stream: scored
    where: amount is not null
    detect: {{type: outlier, features: amount, learn: 100}}
    {odd}
store: sqlite:///{folder}/streamgauge.db
server: {{port: 0}}
"""


def rows() -> list[dict[str, object]]:
    """Three hours of 180 transactions each; labels an hour later: of ten alarms nine were right, of ten frauds eight found."""
    draw = random.Random(1)
    made: list[dict[str, object]] = []
    for number in range(540):
        said, true = (number % 18 < 10), (number % 18 < 9) or number % 18 in (10, 11)
        at = T0 + number * MINUTE // 3
        amount = 1e6 if number == 400 else draw.gauss(20, 4)
        made.append({"id": f"{number}", "score": 0.9 if said else 0.1, "amount": amount, "at": at})
        made.append({"id": f"{number}", "fraud": true, "at": at + 60 * MINUTE})
    made.append({"id": "end", "at": T0 + 9 * 60 * MINUTE})
    return sorted(made, key=lambda row: int(str(row["at"])))


def exposed(folder: Path, **prefixes: str) -> dict[str, float]:
    (folder / "scored.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    blank = {"model": "", "odd": ""}
    file = folder / "fraud.yaml"
    file.write_text(FILE.format(folder=folder, **blank | prefixes))
    session = Session(load(file))
    session.run()
    text = generate_latest(make_registry(session.status, session.clock)).decode()
    lines = [line for line in text.splitlines() if line.startswith("fraud_")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_of_a_model(tmp_path):
    found = exposed(tmp_path, model="metrics_prefix: fraud")
    assert found == {
        "fraud_model_precision": 0.9,
        "fraud_model_recall": 0.818,
        "fraud_model_accuracy": 0.833,
        'fraud_transactions_total{result="normal"}': 240,
        'fraud_transactions_total{result="anomaly"}': 300,
    }


def test_of_records(tmp_path):
    found = exposed(tmp_path, odd="metrics_prefix: fraud")
    assert set(found) == {
        f'fraud_transactions_total{{result="{result}"}}' for result in ("normal", "anomaly")
    }
    assert 1 <= found['fraud_transactions_total{result="anomaly"}'] <= 3
    assert sum(found.values()) == pytest.approx(540 - 150, abs=30)


def test_not_asked_for(tmp_path):
    assert exposed(tmp_path) == {}
