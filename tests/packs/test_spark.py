"""The pack `spark`: each fault has its name, and an hour in which all is well has none."""

from __future__ import annotations

from typing import Any

import pytest

from streamgauge import packs
from tests.packs.playing import EVERY, START, Told, played

EXECUTOR = {"kind": "executor", "executor": "1", "address": "a:1", "cores": 2, "tasks_failed": 1}
QUERY = {"kind": "query", "query": "per_minute", "input_rate": 90.0, "processing_rate": 200.0, "batch_seconds": 4.0,
         "running_seconds": 1.0, "failures": 0, "state_bytes": 5000}  # fmt: skip
IDLE = {"kind": "query", "query": "idle", "input_rate": 0.0, "processing_rate": 0.0, "batch_seconds": 0.1,
        "running_seconds": 0.0, "failures": 0, "state_rows": 0, "watermark": START / 1e6, "watermark_lag": 4e3}  # fmt: skip
BEGINS = 60


def at(
    i: int, query: dict[str, Any] | None = None, executor: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The ``i``-th answer of an application that is well, but for changes; an idle query is always beside it."""
    moving = {
        "watermark": START / 1e6 + 10 * i - 60,
        "watermark_lag": 60.0,
        "state_rows": 200_000 + 50 * (i % 30),
    }
    working = {"busy_seconds": 8.0 * i, "gc_seconds": 0.2 * i, "tasks_done": 20 * i}
    rows = [IDLE]
    if executor is None or executor:
        rows.append({**EXECUTOR, **working, **(executor or {})})
    if query is None or query:
        rows.append({**QUERY, **moving, **(query or {})})
    return rows


def told(rounds: list[list[dict[str, Any]]]) -> list[Told]:
    return played(packs.load_with(["spark"], given={"SPARK_TRIGGER": "10"}), spark_driver=rounds)


def test_an_hour_in_which_all_is_well():
    assert told([at(i) for i in range(360)]) == []


@pytest.mark.parametrize(
    ("fault", "monitor", "within"),
    [
        (lambda _: {"query": {"batch_seconds": 25.0}}, "spark-slow-batches", 120),
        (lambda i: {"query": {"running_seconds": 10.0 * i}}, "spark-batch-hangs", 610),
        (lambda i: {"query": {"watermark_lag": 60 + 60.0 * i}}, "spark-behind", 240),
        (lambda _: {"query": {"watermark": START / 1e6}}, "spark-watermark-stands", 300),
        (lambda i: {"query": {"state_rows": 200_000 + 20_000 * i}}, "spark-state-grows", 1200),
        (lambda _: {"query": {"failures": 1}}, "spark-failed", 20),
        (lambda _: {"executor": {"tasks_failed": 4}}, "spark-tasks-failed", 20),
        (lambda _: {"query": {}}, "spark-query-gone", 60),
        (lambda _: {"executor": {}}, "spark-executor-gone", 60),
        (lambda i: {"executor": {"gc_seconds": 12.0 + 5.0 * i}}, "spark-gc", 120),
    ],
)
def test_a_fault_has_its_name(fault, monitor, within):
    rounds = [at(i) for i in range(BEGINS)] + [at(BEGINS + i, **fault(i)) for i in range(66)]
    found = told(rounds)
    assert {one.monitor for one in found} == {monitor}
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_a_failed_job_that_spark_forgets_is_no_new_failure():
    """The driver keeps a thousand jobs, and a new one none."""
    assert told([at(i, query={"failures": 2 if i < BEGINS else 1}) for i in range(60)]) == []


def test_an_executor_that_was_started_anew_has_failed_no_task():
    assert told([at(i, executor={"tasks_failed": 7 if i < BEGINS else 0}) for i in range(2 * BEGINS)]) == []
