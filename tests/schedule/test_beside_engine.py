"""A job beside a real engine: it fails, people hear of it, it goes well again, and the metrics tell both."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.metrics import make_registry
from streamgauge.stores import open_reading
from streamgauge.testing import eventually

TEXT = """
streams:
  s:
    source: {{type: http, token: not-a-secret}}
    format: json
    fields: {{v: float, at: timestamp}}
    time: at
monitors:
  m: {{stream: s, window: {{type: tumbling, size: 1s}}, detect: {{type: threshold, when: count > 1000}}}}
channels:
  ops: {{type: csv, path: {folder}/ops.csv}}
schedule:
  measured: {{run: check {folder}/other.yaml, every: 1s, tries: 1, notify: ops}}
store: sqlite:///{folder}/s.db
"""


def states(url: str) -> list[str]:
    look = open_reading(url)
    try:
        return [incident.state.value for incident in look.incidents(monitor="job measured")]
    finally:
        look.close()


def test_a_job_that_fails_and_then_goes_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    session = Session(load(TEXT.format(folder=tmp_path)))
    url = session.config.store.url
    thread = threading.Thread(target=session.run)
    thread.start()
    try:
        jobs = session.status.totals
        eventually(lambda: jobs.jobs, within=timedelta(seconds=120))
        eventually(lambda: states(url) == ["firing"], within=timedelta(seconds=120))
        (tmp_path / "other.yaml").write_text(TEXT.format(folder=tmp_path))
        eventually(lambda: states(url)[-1:] == ["resolved"], within=timedelta(seconds=120))
        text = generate_latest(make_registry(session.status, SystemClock())).decode()
    finally:
        session.stop()
        thread.join()
    told = (tmp_path / "ops.csv").read_text()
    assert "the job measured" in told
    assert "other.yaml" in told
    assert 'streamgauge_job_failures_total{job="measured"}' in text
    assert 'streamgauge_job_last_success_timestamp_seconds{job="measured"}' in text
