"""Spark's streaming queries as its driver tells them over HTTP, again and again: rates, batches, watermarks, state, executors.

A record for the application, one per executor, and one per streaming query.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from streamgauge.batch import FieldKind
from streamgauge.sources.polling.settings import NamePattern, WebPollerConfig
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "application": "string",
    "executors": "int",
    "jobs_running": "int",
    "jobs_failed": "int",
    "executor": "string",
    "address": "string",
    "cores": "int",
    "tasks_done": "int",
    "tasks_failed": "int",
    "busy_seconds": "float",
    "gc_seconds": "float",
    "query": "string",
    "input_rate": "float",
    "processing_rate": "float",
    "batch_seconds": "float",
    "running_seconds": "float",
    "failures": "int",
    "watermark": "timestamp",
    "watermark_lag": "float",
    "state_rows": "int",
    "state_bytes": "int",
}
"""What its records hold; see docs/sources/spark.md."""

API = "/api/v1/applications"
METRICS = "/metrics/prometheus/"

_STREAMING = re.compile(
    r"metrics_.*?_driver_spark_streaming_(?P<query>\w+)_(?P<what>inputRate_total|processingRate_total|latency|"
    r"eventTime_watermark|states_rowsTotal|states_usedBytes)_Value"
)
_OTHER = re.compile(r"[^A-Za-z0-9]")


class Config(WebPollerConfig):
    """``source: {type: spark, url: "http://localhost:4040"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["spark"] = "spark"
    queries: NamePattern = ".*"
    """A regular expression that a query's whole name must match, as its records have it."""


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Driver(config, clock), store_url)


class Driver:
    """One application's driver; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config, clock: Clock) -> None:
        from streamgauge.sources.polling.web import opened

        self._config = config
        self._clock = clock
        self._wanted = re.compile(config.queries)
        self._web = opened(config)

    def ask(self, seconds: float) -> Sequence[bytes]:
        """The application's record, each executor's, then each query's.

        Raises:
            TargetError: no answer, a refusal, or one that is not Spark's.
        """
        from streamgauge.sources.polling.source import as_records

        until = time.monotonic() + seconds
        try:
            return as_records(list(self._rows(until)))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise TargetError(f"{self._config.url} answers otherwise than Spark: {error!r}") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _rows(self, until: float) -> Iterable[dict[str, Any]]:
        told = self._json(API, until)[0]
        below = f"{API}/{told['id']}"
        running = self._json(f"{below}/jobs?status=running", until)
        failed = self._json(f"{below}/jobs?status=failed", until)
        executors = [one for one in self._json(f"{below}/executors", until) if one["isActive"]]
        about = {"application": told["name"]}
        counts = {"executors": len(executors), "jobs_running": len(running), "jobs_failed": len(failed)}
        yield {"kind": "application", **about, **counts}
        for one in executors:
            yield {"kind": "executor", **about, **executor(one)}
        now = self._clock.now()
        waiting, failures = since(running, now), Counter(query_of(job) for job in failed)
        page = self._web.get(_left(until), path=METRICS).decode(errors="replace")
        for name, measured in streaming(page).items():
            if self._wanted.fullmatch(name):
                more = {"running_seconds": waiting.get(name, 0.0), "failures": failures[name]}
                yield {"kind": "query", **about, "query": name, **more, **query(measured, now)}

    def _json(self, path: str, until: float) -> Any:
        return self._web.json(_left(until), path=path)


def executor(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of one executor; the driver is one too, called so."""
    return {
        "executor": told["id"],
        "address": told["hostPort"],
        "cores": told["totalCores"],
        "tasks_done": told["completedTasks"],
        "tasks_failed": told["failedTasks"],
        "busy_seconds": told["totalDuration"] / 1000,
        "gc_seconds": told["totalGCTime"] / 1000,
    }


def query_of(job: Mapping[str, Any]) -> str:
    r"""Whose job it is, as names of metrics have it: the query's name, else its id; empty where it is of none.

    >>> query_of({"description": "per minute\nid = 8f8a\nrunId = 2ff5\nbatch = 11"})
    'per_minute'
    """
    name, _, rest = str(job.get("description", "")).partition("\n")
    if not rest.startswith("id = "):
        return ""
    return _OTHER.sub("_", name or rest.partition("\n")[0].removeprefix("id = "))


def since(running: Sequence[Mapping[str, Any]], now: int) -> dict[str, float]:
    """By query, for how many seconds the oldest of its jobs has been running; ``now``: microseconds."""
    found: dict[str, float] = {}
    for job in running:
        began = datetime.fromisoformat(job["submissionTime"].replace("GMT", "+00:00")).timestamp()
        name = query_of(job)
        found[name] = max(found.get(name, 0.0), round(now / 1e6 - began, 3))
    return found


def streaming(page: str) -> dict[str, dict[str, float]]:
    r"""What a driver's page of metrics says of each query, by the last part of Spark's names.

    >>> streaming('metrics_shop_driver_spark_streaming_q_1_latency_Value{type="gauges"} 867\n')
    {'q_1': {'latency': 867.0}}
    """
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            known = _STREAMING.fullmatch(sample.name)
            if known is not None:
                found.setdefault(known["query"], {})[known["what"]] = float(sample.value)
    return found


def query(measured: Mapping[str, float], now: int) -> dict[str, Any]:
    """Spark's numbers of a query as fields; before its first watermark it has none. ``now``: microseconds."""
    from streamgauge.clock import to_datetime

    row: dict[str, Any] = {
        "input_rate": measured["inputRate_total"],
        "processing_rate": measured["processingRate_total"],
        "batch_seconds": measured["latency"] / 1000,
        "state_rows": int(measured["states_rowsTotal"]),
        "state_bytes": int(measured["states_usedBytes"]),
    }
    watermark = int(measured["eventTime_watermark"])
    if watermark > 0:
        row |= {"watermark": to_datetime(watermark * 1000), "watermark_lag": now / 1e6 - watermark / 1000}
    return row


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())
