"""Drives a stream as a live engine would: batches, time that passes, partitions that begin in the middle."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Batch, Column, Partition
from streamgauge.config.models import Config
from streamgauge.config.telling import rules_of
from streamgauge.engines.replay.records import Records
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.plan import make_plan
from tests.replaying import STREAM, S, Told


class Driven:
    """One stream's runner with everything that it says."""

    def __init__(self, configured: Config) -> None:
        self._rules = rules_of(configured)
        self.plan = make_plan(configured)
        self.board = Board()
        self.records = Records(self.plan)
        self.runner = StreamRunner(self.plan.streams[STREAM], self.board, self.records)
        self._next: dict[int, int] = {}

    def attach(self, *parts: int, from_start: bool = True, at: int = 0) -> None:
        for part in parts:
            self.runner.attach(Partition(STREAM, part), None, from_start=from_start)
            self.runner.begin(Partition(STREAM, part))
            self._next[part] = at

    def take(self, rows: Sequence[Mapping[str, Any]], part: int = 0, *, at: float | None = None) -> None:
        fields = self.plan.streams[STREAM].layout.fields
        first = self._next[part]
        self._next[part] = first + len(rows)
        columns = {
            name: Column(spec.kind, values=[row.get(name) for row in rows]) for name, spec in fields.items()
        }
        times = np.array([row["at"] for row in rows], np.int64)
        offsets = np.arange(first, first + len(rows), dtype=np.int64)
        batch = Batch(STREAM, Partition(STREAM, part), offsets, times, columns, first + len(rows))
        self.runner.take([batch], at=at)

    def pass_to(self, seconds: float, *parts: int) -> None:
        """Let the wall pass until these partitions' event time has come that far."""
        for part in parts or sorted(self._next):
            progress = self.runner.clock._progress[Partition(STREAM, part)]
            progress.largest = max(progress.largest, round(seconds * S))
        self.runner.pass_time()

    def told(self, monitor: str = "m") -> Told:
        self.records.changes(self.board)
        self.records.tell(self._rules)
        return Told([line for line in self.records.lines(0) if line["monitor"] == monitor])
