"""Flink's jobs as its REST interface tells them, again and again: checkpoints, restarts, back-pressure, watermarks.

A record for the cluster, one per TaskManager, one per job, and one per vertex (a task with all its parallel parts) of a job
that runs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from streamgauge.batch import FieldKind
from streamgauge.sources.polling.settings import NamePattern, WebPollerConfig
from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.polling.web import NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "job": "string",
    "job_id": "string",
    "state": "string",
    "latest": "bool",
    "seconds": "float",
    "restarts": "int",
    "checkpoints": "int",
    "checkpoints_failed": "int",
    "checkpoint_every": "float",
    "checkpoint_at": "timestamp",
    "checkpoint_seconds": "float",
    "checkpoint_bytes": "int",
    "checkpoint_age": "float",
    "vertex": "string",
    "vertex_id": "string",
    "parallelism": "int",
    "back_pressure": "float",
    "back_pressure_level": "string",
    "busy": "float",
    "watermark": "timestamp",
    "watermark_lag": "float",
    "watermark_missing": "int",
    "records_in": "int",
    "records_out": "int",
    "taskmanager": "string",
    "cpu": "float",
    "heap": "int",
    "heap_most": "int",
    "taskmanagers": "int",
    "slots": "int",
    "slots_free": "int",
    "jobs_running": "int",
    "jobs_failed": "int",
}
"""What its records hold; see docs/sources/flink.md."""


class Config(WebPollerConfig):
    """``source: {type: flink, url: "http://localhost:8082"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["flink"] = "flink"
    jobs: NamePattern = ".*"
    """A regular expression that a job's whole name must match."""


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, JobManager(config), store_url)


class JobManager:
    """One JobManager; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config) -> None:
        from streamgauge.sources.polling.web import opened

        self._config = config
        self._wanted = re.compile(config.jobs)
        self._web = opened(config)

    def ask(self, seconds: float) -> Sequence[bytes]:
        """The cluster's record, each TaskManager's, then each job's, followed by those of its vertices.

        Raises:
            TargetError: no answer, a refusal, or one that is not Flink's; a job that ends meanwhile is asked again.
        """
        from streamgauge.sources.polling.source import as_records

        until = time.monotonic() + seconds
        try:
            return as_records(list(self._rows(until)))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise TargetError(f"{self._config.url} answers otherwise than Flink: {error!r}") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _rows(self, until: float) -> Iterable[dict[str, Any]]:
        yield cluster(self._get("/overview", until))
        for one in self._get("/taskmanagers", until)["taskmanagers"]:
            metrics = f"/taskmanagers/{one['id']}/metrics?get={','.join(_OF_TASKMANAGERS)}"
            yield taskmanager(one["id"], self._get(metrics, until))
        jobs = self._get("/jobs/overview", until)["jobs"]
        newest: dict[str, int] = {}
        for told in jobs:
            newest[told["name"]] = max(told["start-time"], newest.get(told["name"], 0))
        for told in jobs:
            if self._wanted.fullmatch(told["name"]):
                yield from self._job(told, until, latest=told["start-time"] == newest[told["name"]])

    def _job(self, told: Mapping[str, Any], until: float, *, latest: bool) -> Iterable[dict[str, Any]]:
        about = {"job": told["name"], "job_id": told["jid"]}
        state = {"state": told["state"], "latest": latest, "seconds": told["duration"] / 1000}
        if told["state"] != "RUNNING":
            yield {"kind": "job", **about, **state}
            return
        path = f"/jobs/{told['jid']}"
        job = self._get(path, until)
        restarts = self._get(f"{path}/metrics?get=numRestarts", until)
        saved = self._checkpoints(path, job["now"], until)
        yield {"kind": "job", **about, **state, "restarts": _metric(restarts), **saved}
        for vertex in job["vertices"]:
            below = f"{path}/vertices/{vertex['id']}"
            pressure = back_pressure(self._get(f"{below}/backpressure", until))
            marks = watermarks(self._get(f"{below}/watermarks", until), job["now"])
            yield {"kind": "vertex", **about, **named(vertex), **pressure, **marks}

    def _checkpoints(self, path: str, now: int, until: float) -> dict[str, Any]:
        """Nothing of a job that takes none, of which Flink says so by a refusal: a batch job."""
        try:
            told = self._get(f"{path}/checkpoints", until)
            every = self._get(f"{path}/checkpoints/config", until)["interval"]
        except RefusedError as error:
            if error.status == NOT_FOUND and "checkpointing" in str(error).lower():
                return {}
            raise
        return {**checkpoints(told, now), "checkpoint_every": every / 1000 if every < _NO_TIME else None}

    def _get(self, path: str, until: float) -> Any:
        return self._web.json(max(0.001, until - time.monotonic()), path=path)


def taskmanager(name: str, measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a TaskManager's metrics tell; nothing of those that it does not know yet.

    >>> taskmanager("a:1-2", [{"id": "Status.JVM.CPU.Load", "value": "0.25"}])
    {'kind': 'taskmanager', 'taskmanager': 'a:1-2', 'cpu': 0.25}
    """
    told = {_OF_TASKMANAGERS[one["id"]]: float(one["value"]) for one in measured}
    plain = {field: value if field == "cpu" else int(value) for field, value in told.items()}
    return {"kind": "taskmanager", "taskmanager": name, **plain}


def named(vertex: Mapping[str, Any]) -> dict[str, Any]:
    """What a vertex is called, and how many records went through it, as its job tells it."""
    counted = vertex.get("metrics", {})
    return {
        "vertex": vertex["name"],
        "vertex_id": vertex["id"],
        "parallelism": vertex["parallelism"],
        "state": vertex["status"],
        "records_in": counted.get("read-records"),
        "records_out": counted.get("write-records"),
    }


def cluster(told: Mapping[str, Any]) -> dict[str, Any]:
    """What ``/overview`` tells."""
    return {
        "kind": "cluster",
        "taskmanagers": told["taskmanagers"],
        "slots": told["slots-total"],
        "slots_free": told["slots-available"],
        "jobs_running": told["jobs-running"],
        "jobs_failed": told["jobs-failed"],
    }


def checkpoints(told: Mapping[str, Any], now: int) -> dict[str, Any]:
    """What a job's ``/checkpoints`` tells; ``now``: the JobManager's milliseconds."""
    from streamgauge.clock import to_datetime

    counts = told["counts"]
    row = {"checkpoints": counts["completed"], "checkpoints_failed": counts["failed"]}
    last = told["latest"]["completed"]
    if last is None:
        return row
    return {
        **row,
        "checkpoint_at": to_datetime(last["latest_ack_timestamp"] * 1000),
        "checkpoint_seconds": last["end_to_end_duration"] / 1000,
        "checkpoint_bytes": last["checkpointed_size"],
        "checkpoint_age": max(0, now - last["latest_ack_timestamp"]) / 1000,
    }


def back_pressure(told: Mapping[str, Any]) -> dict[str, Any]:
    """The worst of a vertex' parallel parts; nothing while Flink has not measured yet.

    >>> back_pressure({"status": "ok", "subtasks": [{"ratio": 0.9, "busyRatio": "NaN"}], "backpressureLevel": "high"})
    {'back_pressure': 0.9, 'back_pressure_level': 'high', 'busy': None}
    """
    parts = told.get("subtasks") or []
    if told["status"] != "ok" or not parts:
        return {}
    level = told.get("backpressureLevel") or told.get("backpressure-level")
    busy = [ratio for part in parts if (ratio := float(part.get("busyRatio", "nan"))) == ratio]
    return {
        "back_pressure": max(float(part["ratio"]) for part in parts),
        "back_pressure_level": level,
        "busy": max(busy, default=None),
    }


def watermarks(told: Sequence[Mapping[str, Any]], now: int) -> dict[str, Any]:
    """How far the slowest of a vertex' parallel parts is; parts without a watermark are counted.

    >>> said = [{"id": "0.currentInputWatermark", "value": "1000"}, {"id": "1.x", "value": "-9223372036854775808"}]
    >>> found = watermarks(said, 3_500)
    >>> found["watermark"].isoformat(), found["watermark_lag"], found["watermark_missing"]
    ('1970-01-01T00:00:01+00:00', 2.5, 1)
    """
    from streamgauge.clock import to_datetime

    known = [millis for part in told if abs(millis := int(part["value"])) < _NO_TIME]
    row: dict[str, Any] = {"watermark_missing": len(told) - len(known)} if told else {}
    if not known:
        return row
    return {"watermark": to_datetime(min(known) * 1000), "watermark_lag": (now - min(known)) / 1000, **row}


_OF_TASKMANAGERS: Mapping[str, str] = {
    "Status.JVM.CPU.Load": "cpu",
    "Status.JVM.Memory.Heap.Used": "heap",
    "Status.JVM.Memory.Heap.Max": "heap_most",
}
"""Flink's name of a metric → ours."""

_NO_TIME = 2**62
"""Milliseconds beyond all times: Flink's smallest number before the first watermark, its largest after the last."""


def _metric(told: Sequence[Mapping[str, Any]]) -> int | None:
    """The value of the one metric that was asked for; none before the job has it."""
    return int(float(told[0]["value"])) if told else None
