"""A run as a real process: how it ends, by itself, by a kill, and with whoever began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import psutil
import pytest

from streamgauge.schedule.book import Book, Job, begun
from streamgauge.schedule.process import Process
from streamgauge.stores.tokens import make_store
from streamgauge.testing import eventually

CONFIG = """
streams:
  s: {source: {type: files, path: none.ndjson}, format: json, fields: {v: float}}
monitors:
  m: {stream: s, detect: {type: silence, after: 1h}}
"""
HANGS = """
import sys
from streamgauge.schedule.book import begun
from streamgauge.schedule.process import Process
process = Process("j", ["check", "pipe.yaml"], begun(0, 0, attempt=1, by="schedule"), sys.argv[1])
print(process.pid, flush=True)
process.wait()
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 's.db'}"
    make_store(url)
    (tmp_path / "c.yaml").write_text(CONFIG)
    os.mkfifo(tmp_path / "pipe.yaml")  # whoever reads it waits
    return url


def test_it_writes_down_how_it_ended(store):
    run = begun(0, 0, attempt=1, by="schedule")
    book = Book(store)
    book.change("j", lambda _: Job("", 0, run=run))
    process = Process("j", ["check", "c.yaml"], run, store)
    assert process.wait() == 0
    process.stop()
    outcome = book.all()["j"].outcome
    assert outcome is not None
    assert (outcome.code, outcome.said.splitlines()[0]) == (0, "ok: c.yaml")
    book.close()


def test_a_kill_is_seen(store):
    process = Process("j", ["check", "pipe.yaml"], begun(0, 0, attempt=1, by="schedule"), store)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -9
    process.stop()


def test_it_ends_when_whoever_began_it_is_killed(store):
    with subprocess.Popen([sys.executable, "-c", HANGS, store], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    eventually(lambda: not child.is_running() or child.status() == "zombie", within=timedelta(seconds=60))
