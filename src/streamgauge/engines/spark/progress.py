"""What a query tells of itself: lag, batches, state, as metrics and as one log line in a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from streamgauge.clock import to_micros

EXPORTED: tuple[tuple[str, Literal["counter", "gauge", "histogram"], str, tuple[str, ...]], ...] = (
    ("streamgauge_spark_lag", "gauge", "Records of a partition behind its end after the last micro-batch.", ("query", "topic", "partition")),
    ("streamgauge_spark_batch_seconds", "histogram", "Seconds that a micro-batch took.", ("query",)),
    ("streamgauge_spark_records_total", "counter", "Rows that micro-batches read.", ("query",)),
    ("streamgauge_spark_late_records_total", "counter", "Rows that Spark's own windows dropped as too late.", ("query",)),
    ("streamgauge_spark_watermark_delay_seconds", "gauge", "Wall clock minus how far event time has come in the slowest partition.", ("query",)),
    ("streamgauge_spark_state_rows", "gauge", "Rows of the state store.", ("query",)),
    ("streamgauge_spark_state_bytes", "gauge", "Memory of the state store.", ("query",)),
)  # fmt: skip
"""Name, kind, one sentence, labels of what a run's driver serves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One micro-batch.

    Attributes:
        query: its name.
        batch: its number.
        seconds: how long it took.
        records: how many records and tellings of ends it read.
        lag: records by topic and partition that lay behind its end.
        state_rows, state_bytes: of the state store.
        late: rows that Spark's own windows dropped as too late.
        watermark: microseconds, of Spark's own windows; None where there are none, or nothing has come yet.
    """

    query: str
    batch: int
    seconds: float
    records: int
    lag: Mapping[tuple[str, str], int] = field(default_factory=dict)
    state_rows: int = 0
    state_bytes: int = 0
    late: int = 0
    watermark: int | None = None


def read_progress(told: Mapping[str, Any]) -> Progress:
    """What Spark's progress (as JSON) says; offsets are texts there, and may be missing after a restart."""
    state = told.get("stateOperators", [])
    return Progress(
        str(told.get("name") or told.get("id") or ""),
        int(told["batchId"]),
        float(told.get("durationMs", {}).get("triggerExecution", 0)) / 1000,
        int(told["numInputRows"]),
        {where: lag for source in told.get("sources", []) for where, lag in _lag(source).items()},
        sum(int(operator["numRowsTotal"]) for operator in state),
        sum(int(operator["memoryUsedBytes"]) for operator in state),
        sum(int(operator.get("numRowsDroppedByWatermark", 0)) for operator in state),
        _watermark(told.get("eventTime", {}).get("watermark")),
    )


def _watermark(told: str | None) -> int | None:
    """Spark's watermark, which is 1970 before the first record."""
    if told is None:
        return None
    moment = to_micros(datetime.fromisoformat(told))
    return moment or None


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
    """The metrics of a run's queries, in a registry of their own; :data:`EXPORTED` lists them."""

    def __init__(self, registry: Any = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = registry or CollectorRegistry()
        kinds: dict[str, Any] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
        self._of = {
            name: kinds[kind](name, said, labels, registry=self.registry)
            for name, kind, said, labels in EXPORTED
        }

    def note(self, progress: Progress, *, now: int, watermark: int | None = None) -> None:
        """Take in a micro-batch; ``watermark``: how far event time had come, where Spark itself does not say."""
        query = progress.query
        for (topic, partition), lag in progress.lag.items():
            self._of["streamgauge_spark_lag"].labels(query, topic, partition).set(lag)
        self._of["streamgauge_spark_batch_seconds"].labels(query).observe(progress.seconds)
        self._of["streamgauge_spark_records_total"].labels(query).inc(progress.records)
        self._of["streamgauge_spark_state_rows"].labels(query).set(progress.state_rows)
        self._of["streamgauge_spark_state_bytes"].labels(query).set(progress.state_bytes)
        self._of["streamgauge_spark_late_records_total"].labels(query).inc(progress.late)
        mark = progress.watermark if progress.watermark is not None else watermark
        if mark is not None:
            delay = self._of["streamgauge_spark_watermark_delay_seconds"].labels(query)
            delay.set((now - mark) / 1e6)
