"""An hour of a whole pipeline that is well but not smooth, played fast through all packs at once: nobody is told anything.

Traffic comes in bursts and lulls, consumers commit in their own rhythms, a job's back-pressure and checkpoints waver, the heap is
a saw, and rows reach their table in batches.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from streamgauge import packs
from tests.packs.playing import EVERY, START, played

ROUNDS = 360
PARTITIONS = 3
RHYTHMS = {"autocommit": 5.0, "each-batch": 0.5, "checkpoints": 30.0}
"""The groups, and the seconds between two of their commits: the last one's are as far apart as the answers of three rounds."""


class Hour:
    """What each system answers, round by round, from one seed."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._ends = [1_000.0 * (p + 1) for p in range(PARTITIONS)]
        self._committed = {group: list(self._ends) for group in RHYTHMS}
        self._inserted = 5_000

    def round(self, i: int) -> dict[str, list[dict[str, Any]]]:
        rate = 40.0 * self._draw.lognormvariate(0, 0.4) * (1 + 0.5 * (i % 90 > 45))
        self._ends = [end + self._draw.uniform(0.3, 1.7) * rate for end in self._ends]
        self._inserted += int(rate) if i % 3 else int(2 * rate)
        return {
            "kafka_cluster": self._kafka(i),
            "flink_cluster": self._flink(i),
            "jvm_metrics": self._jvm(i),
            "database_tables": self._tables(),
            "database_newest": [{"table": "counted", "newest": self._moment(i, self._draw.uniform(1, 40))}],
            "connect_cluster": [
                {"kind": "connector", "connector": "out", "state": "RUNNING", "failed": False, "tasks": 1},
                {"kind": "task", "connector": "out", "task": 0, "state": "RUNNING", "failed": False},
            ],
        }

    def _kafka(self, i: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"kind": "cluster", "brokers": 3}]
        rows += [{"kind": "broker", "broker": number} for number in (1, 2, 3)]
        for p, end in enumerate(self._ends):
            about = {"topic": "payments", "partition": p}
            rows.append({"kind": "partition", **about, "leader": 1, "missing_replicas": 0})
            for group, seconds in RHYTHMS.items():
                if (i * EVERY) % max(EVERY, seconds) == 0:
                    ago = self._draw.uniform(0, seconds) / EVERY
                    behind = (end - self._committed[group][p]) * min(1.0, ago) / 3
                    self._committed[group][p] = max(self._committed[group][p], end - behind)
                rows.append(
                    {"kind": "group", "group": group, **about, "members": 1, "owner": "c", "state": "STABLE",
                     "offset": int(self._committed[group][p]), "end": int(end), "start": 0}
                )  # fmt: skip
        return rows

    def _flink(self, i: int) -> list[dict[str, Any]]:
        about = {"job": "count", "job_id": "j"}
        at = START / 1e6 + i * EVERY
        return [
            {"kind": "cluster", "taskmanagers": 1, "slots": 2, "slots_free": 0, "jobs_running": 1, "jobs_failed": 0},
            {"kind": "taskmanager", "taskmanager": "a:1", "cpu": self._draw.uniform(0.1, 0.95),
             "heap": self._draw.uniform(100, 960), "heap_most": 1000},
            {"kind": "job", **about, "state": "RUNNING", "latest": True, "restarts": 2, "seconds": 900.0 + i * EVERY,
             "checkpoint_every": 30.0, "checkpoint_age": self._draw.uniform(0, 70)},
            {"kind": "vertex", **about, "vertex": "window", "back_pressure": self._draw.betavariate(2, 3),
             "watermark": at - self._draw.uniform(1, 20), "records_in": 1_000 * i},
        ]  # fmt: skip

    def _jvm(self, i: int) -> list[dict[str, Any]]:
        used = {"area": "heap", "value": 2e8 + 7e8 * (i % 7) / 6}
        kept = {"pool": "G1 Old Gen", "value": 3e8 * self._draw.uniform(0.8, 1.2)}
        return [
            {"metric": "jvm_memory_used_bytes", **used},
            {"metric": "jvm_memory_max_bytes", "area": "heap", "value": 1e9},
            {"metric": "jvm_memory_pool_collection_used_bytes", **kept},
            {"metric": "jvm_memory_pool_collection_max_bytes", "pool": "G1 Old Gen", "value": 1e9},
            {"metric": "jvm_gc_collection_seconds_sum", "gc": "G1 Young Generation", "value": 0.08 * i},
            {"metric": "jvm_gc_collection_seconds_count", "gc": "G1 Young Generation", "value": 2.0 * i},
            {"metric": "jvm_threads_current", "value": self._draw.randrange(60, 140)},
            {"metric": "jvm_threads_deadlocked", "value": 0},
            {"metric": "jvm_threads_state", "state": "BLOCKED", "value": self._draw.randrange(4)},
        ]

    def _tables(self) -> list[dict[str, Any]]:
        return [
            {"table": "public.counted", "rows": self._inserted, "inserted": self._inserted, "updated": 0, "deleted": 0},
            {"table": "public.settings", "rows": 12, "inserted": 12, "updated": 0, "deleted": 0},
            {"table": "public.counted_rejected", "rows": 3, "inserted": 3, "updated": 0, "deleted": 0},
        ]  # fmt: skip

    def _moment(self, i: int, age: float) -> str:
        return datetime.fromtimestamp(START / 1e6 + i * EVERY - age, UTC).isoformat()


@pytest.mark.parametrize("seed", range(3))
def test_an_hour_in_which_all_is_well(seed):
    hour = Hour(seed)
    rounds = [hour.round(i) for i in range(ROUNDS)]
    given = {"KAFKA_BROKER_COUNT": "3", "FLINK_JOBS_RUNNING": "1", "DATABASE_QUIET": "2m"}
    config = packs.load_with(["kafka", "flink", "jvm", "database", "connect"], given=given)
    assert played(config, **{name: [one[name] for one in rounds] for name in rounds[0]}) == []


def test_the_same_hour_with_one_fault_is_told():
    """So that the quiet is not the silence of checks that hear nothing."""
    hour = Hour(0)
    rounds = [hour.round(i) for i in range(ROUNDS)]
    for one in rounds[200:]:
        one["kafka_cluster"] = [
            {**row, "offset": 900, "owner": None, "members": 0} if row.get("group") == "autocommit" else row
            for row in one["kafka_cluster"]
        ]
    config = packs.load_with(["kafka"], given={"KAFKA_BROKER_COUNT": "3"})
    told = played(config, kafka_cluster=[one["kafka_cluster"] for one in rounds])
    assert {(one.monitor, one.key) for one in told} == {("kafka-lag", "autocommit")}
