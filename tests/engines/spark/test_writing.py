"""``write:`` of a monitor on Spark: the rows that wait for the sink are those of the embedded engine, under the same ids."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from streamgauge.batch import Partition
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.stores.sql import SqlStore
from tests.engines.spark.both import Notified, Records, embedded, judged
from tests.engines.spark.test_forwarding import lines_of
from tests.engines.spark.test_merging import interleaved, rows
from tests.replaying import config

SINK = {"type": "kafka", "brokers": "x:9092", "topic": "rows"}
WINDOW: dict[str, Any] = {"type": "tumbling", "size": "5s", "by": "k", "early": False}
QUIET = {"type": "threshold", "when": "n > 999"}
ALIGNED: dict[str, Any] = {
    "plain": {
        "window": {**WINDOW, "compute": {"n": "count(*)", "mean": "avg(v)", "last": "last(w)", "p": "quantile(v, 0.9)"}},
        "detect": QUIET,
        "write": SINK,
    },
    "some": {
        "window": {**WINDOW, "compute": {"n": "count(*)", "who": "collect_set(w)"}},
        "detect": QUIET,
        "write": {**SINK, "where": "n > 1", "columns": {"k": "k", "twice": "n * 2"}, "key": ["k"]},
    },
    "last-ones": {
        "window": {"type": "count", "size": 4, "every": 3, "by": "k", "compute": {"n": "count(*)", "s": "sum(v)"}},
        "detect": QUIET,
        "write": SINK,
    },
    "visits": {"window": {"type": "session", "gap": "3s", "by": "k", "compute": {"n": "count(*)"}}, "detect": QUIET, "write": SINK},
    "told-of": {
        "stream": "plain",
        "window": {"type": "tumbling", "size": "20s", "by": "k", "compute": {"n": "sum(n)"}},
        "detect": QUIET,
        "write": SINK,
    },
}  # fmt: skip
SPANNING: dict[str, Any] = {
    "merged": {
        "window": {"type": "tumbling", "size": "5s", "by": "w", "compute": {"n": "count(*)", "mean": "avg(v)"}},
        "detect": QUIET,
        "write": SINK,
    },
    "sent": {"window": {"type": "session", "gap": "2s", "by": "w", "compute": {"n": "count(*)"}}, "detect": QUIET, "write": SINK},
}  # fmt: skip
SOON = timedelta(seconds=1)
RECORDS: Records = {0: rows(3), 1: rows(5, more=0.15), 2: rows(11, more=0.25)}


def waiting(store: SqlStore, monitors: Any) -> dict[str, list[tuple[Any, ...]]]:
    """What lies in the spool, by monitor."""
    found = {name: store.spooled(f"monitor {name}", 100_000) for name in monitors}
    return {
        name: sorted((row.id, row.key or "", row.body) for row in spooled) for name, spooled in found.items()
    }


def sinking(store: SqlStore) -> Sinking:
    """Never started: rows stay where they wait."""
    return Sinking(store, {})


def test_rows_of_what_executors_judge(tmp_path: Path):
    configured = config(ALIGNED, lateness="1s", partitioned_by="k")
    wanted = waiting(embedded(configured, RECORDS, tmp_path / "e.db", sinking=sinking), ALIGNED)
    told = Notified(configured, tmp_path / "n.db", sinking=sinking)
    told.hear(judged(configured, RECORDS, cuts=range(7, 110, 19), forgetful=True))
    assert all(wanted.values())
    assert waiting(told.store, ALIGNED) == wanted


def test_rows_of_what_notify_judges_in_any_order_and_after_a_kill(tmp_path: Path):
    configured = config(SPANNING, lateness="1s")
    wanted = waiting(embedded(configured, RECORDS, tmp_path / "e.db", sinking=sinking), SPANNING)
    told = Notified(configured, tmp_path / "n.db", sinking=sinking)
    lines = interleaved(lines_of(configured, 23), 5)
    told.hear(lines[: len(lines) // 2])
    told.started()
    told.hear(lines[len(lines) // 3 :])
    assert all(wanted.values())
    assert waiting(told.store, SPANNING) == wanted


def test_a_full_spool_that_is_to_lose_nothing_makes_notify_wait(tmp_path: Path):
    write = {**SINK, "spool": 5, "when_full": "wait"}
    configured = config({"plain": {**ALIGNED["plain"], "write": write}}, lateness="1s", partitioned_by="k")
    told = Notified(configured, tmp_path / "n.db", sinking=sinking)
    lines = judged(configured, {0: RECORDS[0]}, cuts=range(5, 110, 5))
    half = len(lines) // 2
    store = told.hear(lines[:half])
    assert store.spool_depth()["monitor plain"] >= 5
    told.clock.push(SOON)
    told.engine.turn()
    told.add(lines[half:])
    for _ in range(3):
        told.engine.turn()
    assert told.engine._next[Partition("verdicts", 0)] == half
    store.left([row.sequence for row in store.spooled("monitor plain", 10_000)])
    told.clock.push(SOON)
    told.hear([])
    assert told.engine._next[Partition("verdicts", 0)] == len(lines)
    (row, *_) = store.spooled("monitor plain")
    assert set(msgspec.json.decode(row.body)) >= {"k", "n", "window_start", "window_end"}
