"""Monitors that watch the rows of another monitor: run beside it, lane by lane, and saved in its own block.

A monitor's row is a record of the stream that bears the monitor's name; its event time is the window's end. As
rows come of one lane only, that lane's watchers need no source, no positions and no block of their own: what the
lane's block stands for, they stand for too, after a kill as after a damage.

Rows of windows that time closes come in the order of their ends, so none is ever late. Those of count windows come in
the order of the records that made them, and a row is late where its record was behind the watermark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamgauge.batch import NEVER, Batch, Column, IntArray, Partition
from streamgauge.pipeline import Lane
from streamgauge.state import Table, Tables
from streamgauge.stores.contract import Position
from streamgauge.windows.contract import Rows, WindowResults
from streamgauge.windows.count_window import CountWindow
from streamgauge.windows.session_window import SessionWindow

if TYPE_CHECKING:
    from streamgauge.engines.running.stream_runner import StreamRunner
    from streamgauge.plan import StreamPlan


class Watching:
    """What watches one monitor's rows of one lane.

    Args:
        monitor: whose rows.
        lane: which closes the windows.
        run: makes a runner for a stream.

    Attributes:
        lane: see above.
        runner: of the stream of rows.
    """

    def __init__(self, monitor: str, lane: Lane, run: Callable[[StreamPlan], StreamRunner]) -> None:
        self.runner = run(lane.group.watched[monitor])
        self._monitor = monitor
        self.lane = lane
        of = lane.partition
        self._place = Partition(monitor) if of is None else Partition(f"{monitor}/{of.name}", of.number)
        self._prefix = f"rows/{monitor}/{lane.group.shape}"
        window = lane.group.window
        self._behind = window.gap if isinstance(window, SessionWindow) else 0
        self._by_record = isinstance(window, CountWindow)
        self._count = 0
        self._began = False

    def take(self, results: WindowResults | None, rows: Rows) -> None:
        """``rows`` were counted, and windows have closed (None: nothing is known of any)."""
        if self._monitor not in self.lane.states:
            return  # paused: nobody knows its rows
        self._begin(None, from_start=True)
        if results is not None:
            self._rows(results, rows)
        if rows.watermark != NEVER:
            # A session that ended `gap` before the watermark may be open still.
            self.runner.clock.lift(self._place, rows.watermark - self._behind)
            self.runner.pass_time()

    def finish(self) -> None:
        """No row will come any more."""
        self._begin(None, from_start=True)
        self.runner.finish()

    def tables(self) -> dict[str, Table]:
        """What is remembered, each table under this one's prefix."""
        largest = self.runner.clock.largest(self._place)
        made: dict[str, Table] = {
            f"{self._prefix}/place": {"at": np.array([self._count, largest, self._began], np.int64)}
        }
        for (by, _), bundle in self.runner.bundles.items():
            for name, table in bundle.tables().items():
                made[f"{self._prefix}/{','.join(by)}/{name}"] = table
        return made

    def restore(self, tables: Tables) -> None:
        """Take over what was saved; without any, this began to watch later than the lane."""
        place = tables.get(f"{self._prefix}/place")
        if place is None:
            self._begin(None, from_start=False)
            return
        self._count, largest, began = (int(number) for number in place["at"])
        if not began:
            return
        self._begin(Position(self._count, largest, NEVER), from_start=False, saved=tables)

    def _begin(self, position: Position | None, *, from_start: bool, saved: Tables | None = None) -> None:
        if self._began:
            return
        self._began = True
        for bundle in self.runner.attach(self._place, position, from_start=from_start):
            prefix = f"{self._prefix}/{','.join(bundle.by)}/"
            own = {
                name[len(prefix) :]: table for name, table in (saved or {}).items() if name.startswith(prefix)
            }
            if own:
                bundle.restore(own)
        self.runner.begin(self._place)

    def _rows(self, results: WindowResults, rows: Rows) -> None:
        closed = np.nonzero(~results.early)[0]
        if not len(closed):
            return
        marks = None
        if self._by_record:
            marks = np.concatenate(([rows.opening], rows.closing))[results.rows[closed]]
        else:
            closed = closed[np.argsort(results.ends[closed], kind="stable")]
        partial = results.ends[closed[results.partial[closed]]]
        if len(partial):
            self.runner.incomplete(self._place, int(partial.max()))
        first, self._count = self._count, self._count + len(closed)
        batch = Batch(
            self._monitor,
            self._place,
            np.arange(first, self._count, dtype=np.int64),
            results.ends[closed],
            row_columns(self.lane, results, closed, results.columns),
            self._count,
        )
        self.runner.take([batch], marks=marks)


def row_columns(
    lane: Lane, results: WindowResults, index: IntArray, values: Mapping[str, Column]
) -> dict[str, Column]:
    """The columns of some rows: what the lane groups by, ``values`` at those results, and the window's bounds."""
    by = lane.group.by
    keys = [results.keys.key(slot) for slot in results.slots[index].tolist()]
    parts = [keys] if len(by) == 1 else list(zip(*keys, strict=True)) if by and keys else [[] for _ in by]
    columns = {
        name: Column(kind, values=list(part))
        for (name, kind), part in zip(lane.group.key_kinds.items(), parts, strict=True)
    }
    columns |= {name: column.take(index) for name, column in values.items()}
    columns["window_start"] = Column("timestamp", values=results.starts[index].tolist())
    columns["window_end"] = Column("timestamp", values=results.ends[index].tolist())
    return columns
