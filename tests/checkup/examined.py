"""A configuration under examination, and what the doctor says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.examination import examine
from streamgauge.checkup.patient import Patient
from streamgauge.clock import SECOND, Clock, SystemClock
from streamgauge.config import load
from tests.services.kafka import Broker

FAULTS = (Grade.WARNING, Grade.WRONG, Grade.MISSING)
FIELDS = {
    "account": "string",
    "amount": {"type": "float", "min": 0},
    "at": {"type": "timestamp", "unit": "ms"},
}
BURST = {
    "stream": "payments",
    "window": {"type": "tumbling", "size": "5s", "by": "account"},
    "detect": {"type": "threshold", "when": "count > 100"},
}


def configured(folder: Path, source: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A healthy configuration; ``changes`` of the stream, or of ``monitors``, ``channels``, ``store``, ``server``."""
    top: dict[str, Any] = {
        key: changes.pop(key) for key in ("monitors", "channels", "store", "server") if key in changes
    }
    patient = {"lateness": "2s", "deadline": "30s", "source_timeout": "1m"}  # however slow this machine is
    stream = {"source": source, "format": "json", "fields": FIELDS, "time": "at", **patient, **changes}
    return {
        "streams": {"payments": stream},
        "monitors": {"burst": BURST},
        "store": f"sqlite:///{folder / 'store.db'}",
        "server": {"port": 0},
        **top,
    }


def of_topic(broker: Broker, topic: str, **more: Any) -> dict[str, Any]:
    return {"type": "kafka", "brokers": broker.bootstrap, "topic": topic, **more}


def findings(config: Mapping[str, Any], clock: Clock | None = None) -> list[Finding]:
    with Patient(load(config), clock) as patient:
        return list(examine(patient))


def faults(config: Mapping[str, Any], clock: Clock | None = None) -> list[Finding]:
    """What is wrong; each with something to do."""
    found = [finding for finding in findings(config, clock) if finding.grade in FAULTS]
    assert all(finding.advice for finding in found)
    return found


def the_fault(config: Mapping[str, Any], clock: Clock | None = None) -> Finding:
    """The one thing that is wrong."""
    found = faults(config, clock)
    assert len(found) == 1, found
    return found[0]


def payments(count: int = 300, *, ahead: int = 0, steps: int = 10) -> list[bytes]:
    """Records up to now, ``steps`` milliseconds apart; ``ahead`` microseconds are added."""
    now = (SystemClock().now() + ahead) // 1000
    return [
        msgspec.json.encode({"account": f"a-{n % 40}", "amount": 12.5, "at": now - (count - n) * steps})
        for n in range(count)
    ]


class Shifted:
    """The machine's clock, set wrongly by some seconds."""

    def __init__(self, seconds: float) -> None:
        self._by = int(seconds * SECOND)
        self._true = SystemClock()

    def now(self) -> int:
        return self._true.now() + self._by

    def monotonic(self) -> float:
        return self._true.monotonic()
