"""A topic is watched on a real broker: drift is found, logged, counted and shown."""

import csv
import os
import subprocess
import sys
import urllib.request
from datetime import timedelta

import pytest

from streamgauge.drift_stream import DriftDataConsumer, DriftDataProducer
from streamgauge.testing import eventually
from tests.services.kafka import unique

pytestmark = pytest.mark.services


def test_drift_of_a_topic_is_found_and_told(kafka, tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_PORT", "0")
    monkeypatch.setenv("PROMETHEUS_HOST", "127.0.0.1")
    monkeypatch.setenv("KAFKA_GROUP_ID", unique("drift"))
    topic = unique("drift-data")
    kafka.create_topic(topic, partitions=2, retention_ms=-1)
    producer = DriftDataProducer(kafka.bootstrap, topic, options=kafka.client())
    producer.generate_and_send_synthetic_data(600, seed=1)
    consumer = DriftDataConsumer(
        kafka.bootstrap, topic, window_size=400, check_interval=100, folder=tmp_path, options=kafka.client()
    )
    consumer.start_consuming(background=True)
    try:
        eventually(lambda: consumer.get_status()["records"] >= 600, within=timedelta(seconds=150))
        assert consumer.get_status()["drift_status"] == "no_drift"
        ours = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap, "KAFKA_TOPIC": topic}
        if not kafka.client():
            asked = [
                sys.executable,
                "-m",
                "streamgauge.drift_stream",
                "produce",
                "--samples",
                "800",
                "--drift",
            ]
            done = subprocess.run(asked, env=ours, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("800 records sent")
        eventually(lambda: consumer.get_status()["drift_status"] == "drift", within=timedelta(seconds=150))
        with urllib.request.urlopen(f"http://127.0.0.1:{consumer.metrics_port}/metrics") as answer:
            shown = answer.read().decode()
        assert 'drift_detection_events_total{monitor="drift",status="drift"}' in shown
        assert 'real_time_psi_score{monitor="drift"}' in shown
        assert "psi_calculation_duration_seconds_count" in shown
    finally:
        consumer.stop()
    status = consumer.get_status()
    assert (status["running"], status["error"]) == (False, None)
    with consumer.log.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert lines[0]["drift_status"] == "no_drift"
    assert lines[-1]["drift_status"] == "drift"
    assert float(lines[-1]["psi_score"]) > 0.25
    assert (tmp_path / f"{topic}.reference").exists()
