"""Passwords are shown nowhere: not in logs, errors, `explain`, `check`, the store or the API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.exactness.running import Run, read_so_far, until, write
from tests.services.kafka import Broker, unique

from streamgauge.config import load

pytestmark = pytest.mark.services
PASSWORD = "reader-secret"  # of the broker's user


def watching(folder: Path, broker: Broker, topic: str) -> Path:
    settings = {**broker.client("reader"), "sasl.password": "${KAFKA_PASSWORD}"}
    source = {
        "type": "kafka",
        "brokers": broker.bootstrap,
        "topic": topic,
        "start": "earliest",
        "group": topic,
        "settings": settings,
    }
    stream = {"source": source, "format": "json", "fields": {"account": "string"}}
    detect = {"type": "silence", "by": "account", "after": "1h"}
    monitor = {"stream": "payments", "detect": detect}
    return write(folder, {"streams": {"payments": stream}, "monitors": {"quiet": monitor}})


def said(config: Path, *words: str, password: str = PASSWORD) -> str:
    """All that a verb prints."""
    done = subprocess.run(
        [sys.executable, "-m", "streamgauge", *words, str(config)],
        capture_output=True,
        text=True,
        env={**os.environ, "KAFKA_PASSWORD": password},
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def everything(folder: Path) -> bytes:
    """The store, the logs and whatever else was written, but the configuration."""
    return b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml"
    )


def test_a_run_that_is_let_in(tmp_path: Path, secured_kafka: Broker):
    topic = secured_kafka.create_topic(unique("secrets"))
    secured_kafka.allow("reader", topic=topic, group=topic)
    secured_kafka.produce(topic, [b'{"account": "a"}', b"not json"])
    config = watching(tmp_path, secured_kafka, topic)
    with Run(config, env={"KAFKA_PASSWORD": PASSWORD}) as run:
        until(lambda: read_so_far(config, "payments") == 2, "both are read", alive=run)
        base = f"http://127.0.0.1:{run.port}"
        paths = ["/metrics", "/openapi.json", "/api/v1/status", "/api/v1/streams", "/api/v1/monitors/quiet"]
        answers = [httpx.get(base + path, timeout=30).text for path in paths]
        assert run.stop() == 0
    assert PASSWORD not in "".join(answers)
    assert PASSWORD.encode() not in everything(tmp_path)
    assert PASSWORD not in said(config, "check") + said(config, "explain")
    loaded = load(config, environ={"KAFKA_PASSWORD": PASSWORD})
    assert PASSWORD not in f"{loaded!r}{loaded.public()}"


def test_a_run_that_is_refused(tmp_path: Path, secured_kafka: Broker):
    topic = secured_kafka.create_topic(unique("secrets"))
    config = watching(tmp_path, secured_kafka, topic)
    with Run(config, env={"KAFKA_PASSWORD": "quite-another-one"}) as run:
        assert run.ended() == 3
        assert "refused the login of user 'reader'" in run.log
    assert b"quite-another-one" not in everything(tmp_path)
