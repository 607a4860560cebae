"""A monitor that writes rows, run over a file to its end, and what lies in a topic afterwards."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from tests.services.kafka import Broker

START = 1_772_445_600
"""2026-03-02T10:00:00Z in seconds."""


def record(at: float, k: str | None = "a", **more: Any) -> dict[str, Any]:
    """A record ``at`` seconds after the start."""
    return {"at": round((START + at) * 1000), "k": k, **more}


def monitor(**more: Any) -> dict[str, Any]:
    """Counts per key in windows of five seconds."""
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}}
    return {"stream": "s", "window": window | more.pop("window", {}), **more}


def config(folder: Path, monitors: Mapping[str, Any], **stream: Any) -> dict[str, Any]:
    """What reads ``records.ndjson`` of ``folder``."""
    declared = {
        "source": {"type": "files", "path": str(folder / "records.ndjson")},
        "format": "json",
        "fields": {"k": "string", "v": "float", "at": {"type": "timestamp", "unit": "ms"}},
        "time": "at",
        **stream,
    }
    return {"streams": {"s": declared}, "monitors": dict(monitors), "store": f"sqlite:///{folder}/store.db"}


def run(
    folder: Path, records: Sequence[Mapping[str, Any]], monitors: Mapping[str, Any], **stream: Any
) -> Session:
    """Run it until the file and the spool have ended."""
    (folder / "records.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records))
    session = Session(load(config(folder, monitors, **stream)))
    session.run()
    return session


def to(broker: Broker, topic: str, **more: Any) -> dict[str, Any]:
    """A sink."""
    return {"type": "kafka", "brokers": broker.bootstrap, "topic": topic, **more}


def read(broker: Broker, topic: str, count: int, partitions: int = 1, *, whole: bool = False) -> list[Any]:
    """The first ``count`` messages of a topic, waited for; with ``whole`` not more than there are now."""
    return broker.read(topic, count, partitions, whole=whole)


def told(message: Any) -> tuple[str | None, dict[str, Any]]:
    """Key and row of a message."""
    key = message.key()
    return None if key is None else key.decode(), json.loads(message.value())


def row_id(message: Any) -> str:
    """The id in its header."""
    return str(dict(message.headers())["id"].decode())
