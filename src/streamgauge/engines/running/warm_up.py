"""Before the first record: every kernel of a plan compiled by invented records, and Arrow loaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import structlog

from streamgauge.arrow import pyarrow
from streamgauge.batch import Batch, Column, Partition
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, Plan, StreamPlan
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults

SLOW = timedelta(seconds=3)
"""A warm-up that takes longer is told, so that nobody takes a first start for one that hangs."""

_log = structlog.get_logger("streamgauge.engine")
_VALUES = {"string": "a", "int": 1, "float": 1.0, "bool": True, "timestamp": 0}


def warm_up(plan: Plan) -> None:
    """Run every stream's monitors over two records on a board that nobody sees."""
    for stream in plan.streams.values():
        runner = StreamRunner(stream, Board(), _Nobody())
        partition = Partition("warm-up")
        runner.attach(partition, None, from_start=True)
        runner.take([_batch(stream, partition, 0)])
        runner.take([_batch(stream, partition, 10**15)])
        runner.finish()


@contextmanager
def told_if_slow(after: timedelta = SLOW) -> Iterator[None]:
    """Say in the log what a start waits for, once it has waited for ``after``."""
    why = "kernels are being compiled before the first record is read; they are kept, so the next start is quick"
    timer = threading.Timer(after.total_seconds(), _log.info, [why])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def load_arrow() -> None:
    """Make one array: with the first, Arrow loads what else it needs."""
    pyarrow().array(np.zeros(1))


def _batch(stream: StreamPlan, partition: Partition, at: int) -> Batch:
    times = np.array([at, at + 1], np.int64)
    columns = {
        name: Column(spec.kind, values=[_VALUES[spec.kind]] * 2)
        for name, spec in stream.layout.fields.items()
    }
    return Batch(stream.name, partition, np.array([0, 1]), times, columns, 2)


class _Nobody:
    """Sees nothing."""

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Nothing."""

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Nothing."""

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Nothing."""
