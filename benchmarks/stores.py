"""What a commit takes in a file and in PostgreSQL: ``python -m benchmarks.stores [--no-fsync]``.

One JSON object per kind of commit and store: medians of the clock and of this process's processor, in milliseconds. Ten
monitors of 1,000 keys, 300 of them changed. The server is the tests' own, on this machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
from tests.services.postgresql import PostgresServer

from streamgauge.batch import Column, Partition
from streamgauge.clock import SystemClock
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, DecidedRow, HistoryBlock, Position, StateKey, StateWrite
from streamgauge.stores.sql import SqlStore

MONITORS, KEYS, CHANGED = 10, 1_000, 300
PLACE = Partition("payments", 0)


class Work:
    """States that change, and what else a commit may bring."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)
        self._tables = {
            StateKey(f"m{n}", "shape", PLACE): {
                "w": {"count": np.zeros(KEYS, np.int64), "sum": np.zeros(KEYS)}
            }
            for n in range(MONITORS)
        }
        self._at = 0

    def states(self) -> Commit:
        self._at += 1
        for tables in self._tables.values():
            rows = self._chance.integers(0, KEYS, CHANGED)
            tables["w"]["count"][rows] += 1
            tables["w"]["sum"][rows] = self._chance.random(CHANGED)
        here = {PLACE: Position(self._at, self._at, 0)}
        states = {key: StateWrite(tables, 1, here) for key, tables in self._tables.items()}
        return Commit(positions={("payments", PLACE): here[PLACE]}, states=states)

    def incidents(self) -> Commit:
        some = [_incident(f"k{n}", self._at) for n in range(10)]
        return _with(self.states(), incidents=some, notices=[Notice(one, 1, "ops") for one in some])

    def results(self) -> Commit:
        ends = np.full(64, self._at, np.int64)
        keys = Column("string", values=[f'"k{n}"' for n in range(64)])
        columns = {"key": keys, "window_start": ends - 5, "window_end": ends, "events": ends}
        blocks = [HistoryBlock(f"m{n}", self._at, self._at, columns) for n in range(MONITORS)]
        return _with(self.states(), history=blocks)

    def rows(self) -> Commit:
        body = b'{"account": "a-1", "amount": 12.5, "country": "CH"}'
        rows = [DecidedRow("stream payments", f"{self._at}-{n}", "a-1", body) for n in range(10_000)]
        return _with(self.states(), rows=rows)


def main() -> None:
    """Measure both, one after the other."""
    fsync = "off" if "--no-fsync" in sys.argv else "on"
    server = PostgresServer(fsync=fsync, full_page_writes=fsync, autovacuum="on")
    with server, tempfile.TemporaryDirectory() as folder:
        places = {"sqlite": f"sqlite:///{folder}/store.db", "postgresql": server.new_database().url()}
        for name, url in places.items():
            for row in measured(url):
                print(json.dumps({"store": name, **row}))


def measured(url: str) -> Iterator[dict[str, Any]]:
    """One row per kind of commit."""
    work = Work()
    with closing(open_store(url, owner=Owner.this_process(), clock=SystemClock())) as store:
        store.commit(work.results())  # what is loaded and made once
        for what, make, rounds in (
            ("states", work.states, 60),
            ("and 10 incidents, 10 notices", work.incidents, 60),
            ("and results of ten monitors", work.results, 100),
            ("and 10,000 rows for a sink", work.rows, 6),
        ):
            clock, processor = zip(*(_timed(store, make) for _ in range(rounds)), strict=True)
            yield {"commit": what, "ms": _median(clock), "cpu_ms": _median(processor)}


def _timed(store: SqlStore, make: Callable[[], Commit]) -> tuple[float, float]:
    commit = make()
    began, used = time.perf_counter(), time.process_time()
    store.commit(commit)
    return time.perf_counter() - began, time.process_time() - used


def _median(seconds: tuple[float, ...]) -> float:
    return round(1000 * statistics.median(seconds), 1)


def _with(commit: Commit, **more: Any) -> Commit:
    return replace(commit, **more)


def _incident(key: str, episode: int) -> Incident:
    title = f"burst of {key}"
    return Incident("m1", key, "verdict", episode, IncidentState.FIRING, "critical", episode, title)


if __name__ == "__main__":
    main()
