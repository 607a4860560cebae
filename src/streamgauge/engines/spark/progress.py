"""What a query tells of itself: lag, batches, state, as metrics and as one log line in a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """One micro-batch.

    Attributes:
        batch: its number.
        seconds: how long it took.
        records: how many records and tellings of ends it read.
        lag: records by topic and partition that lay behind its end.
        state_rows, state_bytes: of the state store.
    """

    batch: int
    seconds: float
    records: int
    lag: Mapping[tuple[str, str], int] = field(default_factory=dict)
    state_rows: int = 0
    state_bytes: int = 0


def read_progress(told: Mapping[str, Any]) -> Progress:
    """What Spark's progress (as JSON) says; offsets are texts there, and may be missing after a restart."""
    state = told.get("stateOperators", [])
    return Progress(
        int(told["batchId"]),
        float(told.get("durationMs", {}).get("triggerExecution", 0)) / 1000,
        int(told["numInputRows"]),
        {where: lag for source in told.get("sources", []) for where, lag in _lag(source).items()},
        sum(int(operator["numRowsTotal"]) for operator in state),
        sum(int(operator["memoryUsedBytes"]) for operator in state),
    )


def _lag(source: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    end, latest = _offsets(source.get("endOffset")), _offsets(source.get("latestOffset"))
    return {where: max(0, latest[where] - end.get(where, 0)) for where in latest}


def _offsets(told: Any) -> dict[tuple[str, str], int]:
    """Kafka's offsets by topic and partition; nothing of other sources."""
    plain = json.loads(told) if isinstance(told, str) else told
    if not isinstance(plain, dict):
        return {}
    return {
        (topic, number): int(offset)
        for topic, numbers in plain.items()
        if isinstance(numbers, dict)
        for number, offset in numbers.items()
    }


class Metrics:
    """The metrics of one query, in a registry of their own."""

    def __init__(self, registry: Any = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = registry or CollectorRegistry()
        own: Any = {"registry": self.registry}
        self._lag = Gauge("streamgauge_spark_lag", "Records behind the end", ["topic", "partition"], **own)
        self._seconds = Histogram("streamgauge_spark_batch_seconds", "Duration of micro-batches", **own)
        self._records = Counter("streamgauge_spark_records", "Rows read by micro-batches", **own)
        self._rows = Gauge("streamgauge_spark_state_rows", "Rows of the state store", **own)
        self._bytes = Gauge("streamgauge_spark_state_bytes", "Memory of the state store", **own)

    def note(self, progress: Progress) -> None:
        """Take in a micro-batch."""
        for (topic, partition), lag in progress.lag.items():
            self._lag.labels(topic, partition).set(lag)
        self._seconds.observe(progress.seconds)
        self._records.inc(progress.records)
        self._rows.set(progress.state_rows)
        self._bytes.set(progress.state_bytes)
