"""The statements of the example on a real broker: the data produced once, the table run, killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamgauge.incident import Incident
from streamgauge.stores import open_reading
from tests.exactness.running import until
from tests.services.kafka import Broker
from tests.sinks.writing import read, row_id

pytestmark = pytest.mark.services

EXAMPLE = Path(__file__).parents[2] / "examples" / "ksqldb"
FILES = [
    "-f",
    str(EXAMPLE / "MOCK_DATA.sql"),
    "-f",
    str(EXAMPLE / "WINDOW_TEST.sql"),
    "--set",
    "threshold=20",
]


@contextmanager
def verb(folder: Path, *words: str, failpoint: str = "") -> Iterator[subprocess.Popen[str]]:
    """A verb as a child that ends with the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "streamgauge", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "STREAMGAUGE_FAILPOINT": failpoint, "STREAMGAUGE_JIT": "off"},
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def incidents(folder: Path) -> list[Incident]:
    look = open_reading(f"sqlite:///{folder}/streamgauge.db")
    try:
        return look.incidents()
    finally:
        look.close()


def waiting(folder: Path) -> dict[str, int]:
    look = open_reading(f"sqlite:///{folder}/streamgauge.db")
    try:
        return look.spool_depth()
    finally:
        look.close()


def test_the_rows_over_the_limit_come_to_the_tables_topic_and_as_incidents(
    own_kafka: Callable[..., Broker], tmp_path: Path
):
    broker = own_kafka()
    with verb(tmp_path, "generate", *FILES[:2], "--brokers", broker.bootstrap) as produce:
        said = produce.communicate(timeout=60)[0]
        assert said == f"80 records of input_stream written to topic input_stream at {broker.bootstrap}\n"
    run = ["run", *FILES, "--brokers", broker.bootstrap, "--port", "0"]
    with verb(tmp_path, *run, failpoint="rows.after-before-mark") as killed:
        said = killed.communicate(timeout=90)[0]
        assert killed.returncode == -signal.SIGKILL, said
        assert "note: 80 INSERTs not run; use `generate -f`" in said
    (first,) = read(broker, "ANOMALY_WINDOW", 1)
    with verb(tmp_path, *run) as again:
        until(lambda: not waiting(tmp_path), "the rows to leave")
        again.send_signal(signal.SIGTERM)
        said = again.communicate(timeout=30)[0]
        assert again.returncode == 0, said
    messages: list[Any] = read(broker, "ANOMALY_WINDOW", 3, whole=True)
    assert len(messages) == 2  # the one whose answer nobody noted comes again, under its id
    assert {row_id(message) for message in messages} == {row_id(first)}
    assert [json.loads(message.value()) for message in messages] == 2 * [
        {
            "event_count": 43,
            "window_start": "2026-03-02T10:00:25.000Z",
            "window_end": "2026-03-02T10:00:30.000Z",
        }
    ]
    (incident,) = incidents(tmp_path)
    assert (incident.monitor, incident.window_start) == ("anomaly_window", 1_772_445_625_000_000)
    assert not incident.open
