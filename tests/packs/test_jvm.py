"""The pack `jvm`, on the page of a real broker's JMX agent with its numbers moved on: each fault has its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from streamgauge import packs
from streamgauge.sources.exposition import series
from tests.packs.playing import Told, played

PAGE = (Path(__file__).parents[1] / "sources" / "pages" / "jvm-jmx.prom").read_text("utf-8")
"""Of a Kafka 4.3.1 with jmx_prometheus_javaagent 1.0.1, the part about its JVM."""
SOURCE: Any = packs.load_with(["jvm"]).streams["jvm-metrics"].source
ME = "broker:9404"
ROWS = [{**row, "instance": ME} for row in series(PAGE, re.compile(str(SOURCE.metrics)))]
OLD = "Tenured Gen"
BEGINS = 30


def name(row: dict[str, Any]) -> str:
    """A series, as a change names it: its metric, and the label that tells it apart."""
    return " ".join([row["metric"], *(str(row[k]) for k in ("pool", "gc", "state", "area") if k in row)])


def page(i: int, **changes: float) -> list[dict[str, Any]]:
    """What is read in the ``i``-th round: a collection of 20 ms in each, and ``changes`` by :func:`name`."""
    moving = {
        "jvm_gc_collection_seconds_sum Copy": 0.02 * i,
        "jvm_gc_collection_seconds_count Copy": float(i),
        "jvm_memory_used_bytes heap": 1.4e8 + (i % 5) * 8e7,
        "process_cpu_seconds_total": 3.0 * i,
    } | changes
    return [{**row, "value": moving.get(name(row), row["value"])} for row in ROWS]


def told(rounds: list[list[dict[str, Any]]], **given: str) -> list[Told]:
    return played(packs.load_with(["jvm"], given=given), jvm_metrics=rounds)


def test_the_page_has_every_series_that_a_check_asks_for():
    config = packs.load_with(["jvm"])
    asked = {
        word
        for monitor in config.monitors.values()
        for word in re.findall(r"'((?:jvm|process)_\w+)'", f"{monitor.where} {monitor.window} {monitor.detect}")
    }  # fmt: skip
    assert len(asked) > 5
    assert {word for word in asked if not word.endswith("_")} <= {row["metric"] for row in ROWS}


def test_an_hour_in_which_all_is_well():
    assert told([page(i) for i in range(360)], JVM_CPUS="1") == []


@pytest.mark.parametrize(
    ("fault", "monitors", "within"),
    [
        # A collection leaves 95 % of the old generation.
        (lambda _: {f"jvm_memory_pool_collection_used_bytes {OLD}": 3.4e8}, {"jvm-heap-after-gc"}, 60),
        (lambda _: {"jvm_memory_used_bytes heap": 5.1e8}, {"jvm-heap-full"}, 300),
        # 4 s of each 10 s, in collections of half a second.
        (
            lambda i: {
                "jvm_gc_collection_seconds_sum MarkSweepCompact": 4.0 * i,
                "jvm_gc_collection_seconds_count MarkSweepCompact": 8.0 * i,
            },
            {"jvm-gc"},
            60,
        ),
        # One collection each ten seconds, of one second and a half.
        (
            lambda i: {
                "jvm_gc_collection_seconds_sum MarkSweepCompact": 1.5 * i,
                "jvm_gc_collection_seconds_count MarkSweepCompact": 1.0 * i,
            },
            {"jvm-gc-pause"},
            60,
        ),
        (lambda _: {"jvm_threads_deadlocked": 2.0}, {"jvm-deadlock"}, 0),
        (lambda _: {"jvm_threads_current": 9000.0}, {"jvm-threads"}, 0),
        (lambda _: {"jvm_threads_state BLOCKED": 40.0}, {"jvm-threads-blocked"}, 60),
        (lambda i: {"process_cpu_seconds_total": 90 + 9.9 * i}, {"jvm-cpu"}, 600),
    ],
)
def test_a_fault_has_its_name(fault, monitors, within):
    rounds = [page(i) for i in range(BEGINS)] + [page(BEGINS + i, **fault(BEGINS + i)) for i in range(66)]
    if monitors == {"jvm-cpu"}:
        rounds[BEGINS:] = [page(BEGINS + i, **fault(i)) for i in range(66)]
    found = told(rounds, JVM_CPUS="1")
    assert {one.monitor for one in found} == monitors
    assert 0 <= found[0].after - BEGINS * 10 <= within


def test_a_process_that_was_started_again_is_no_fault():
    long_ago = {"jvm_gc_collection_seconds_sum Copy": 500.0, "jvm_gc_collection_seconds_count Copy": 9e4}
    rounds = [page(i, **long_ago) for i in range(BEGINS + 3)] + [page(i) for i in range(60)]
    assert told(rounds) == []


def test_each_of_several_has_its_own_verdict():
    """What one process has left over says nothing of the other, and one that is away has its name."""
    well, full = [page(i) for i in range(60)], f"jvm_memory_pool_collection_used_bytes {OLD}"
    other = [[{**row, "instance": "other:9404"} for row in page(i, **{full: 3.4e8})] for i in range(60)]
    (found,) = told([[*mine, *theirs] for mine, theirs in zip(well, other, strict=True)])
    assert (found.monitor, found.key) == ("jvm-heap-after-gc", ["other:9404", OLD])
    gone = {"metric": "up", "value": 0.0, "instance": "other:9404", "trouble": "cannot be reached"}
    (away,) = told([[*rows, gone] for rows in well])
    assert (away.monitor, away.key) == ("jvm-unanswered", "other:9404")


def test_cpu_is_judged_once_it_is_said_how_much_there_is():
    rounds = [page(i, process_cpu_seconds_total=39.0 * i) for i in range(90)]
    assert told(rounds) == []
    assert {one.monitor for one in told(rounds, JVM_CPUS="4")} == {"jvm-cpu"}
