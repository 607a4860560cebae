"""What is read again after a damage: it is judged anew, and neither kept nor counted a second time.

When a block of a state is damaged, reading starts again at the last good one. Incidents have names by which
what was decided before is known again. Windows in the history and counts of late records have none, so those
that were in a commit already are left out here. Only until the next commit is that known: killed while it
reads again, what it had not come to by then is kept a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from streamgauge.batch import NEVER, BoolArray, IntArray, Partition
from streamgauge.engines.bundle import moved
from streamgauge.pipeline import Lane
from streamgauge.stores.contract import Position
from streamgauge.windows.contract import LateRows, Rows, WindowResults


class Told:
    """How far the last commit of a stream had come.

    Args:
        stored: its positions, of all partitions.
        lateness: the stream's, in microseconds.
        replay: whether partitions came in one merged order, which closes windows at the newest of them.
    """

    def __init__(self, stored: Mapping[Partition, Position], lateness: int, *, replay: bool) -> None:
        self._offsets = {partition: position.next_offset for partition, position in stored.items()}
        self._largest = {partition: position.largest_time for partition, position in stored.items()}
        self._lateness = lateness
        self._over_all = max if replay else min

    def mark(self, partition: Partition | None) -> int:
        """The watermark that had closed windows: of one partition, or (None) of what spans them."""
        if partition is None:
            largest = self._over_all(self._largest.values(), default=NEVER)
        else:
            largest = self._largest.get(partition, NEVER)
        return NEVER if largest == NEVER else largest - self._lateness

    def late(self, rows: Rows, late: LateRows) -> LateRows:
        """Those late records that were not counted before."""
        keep = self._is_new(rows, late.rows)
        return late if keep.all() else LateRows(late.rows[keep], late.starts[keep])

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> WindowResults:
        """Those results that were not kept before: windows that ended later, or that later records reported."""
        mark = moved(self.mark(lane.partition), lane.group.shift)
        keep = results.early | (results.ends > mark)
        if lane.group.sessions:
            keep = results.early | (results.at >= mark)
        elif not lane.group.window.hop:
            known = results.rows >= 0  # the others waited for their turn in the order of time
            keep[known] = self._is_new(rows, results.rows[known])
        return results if keep.all() else _only(results, np.nonzero(keep)[0])

    def _is_new(self, rows: Rows, index: IntArray) -> BoolArray:
        known = np.array([self._offsets.get(partition, 0) for partition in rows.partitions], np.int64)
        fresh: BoolArray = rows.offsets[index] >= known[rows.parts[index]]
        return fresh


def _only(results: WindowResults, index: IntArray) -> WindowResults:
    names = ("slots", "starts", "ends", "at", "offsets", "early", "partial", "positions", "rows")
    return replace(
        results,
        columns={name: column.take(index) for name, column in results.columns.items()},
        previous={name: column.take(index) for name, column in results.previous.items()},
        retracted=None if results.retracted is None else results.retracted[index],
        **{name: getattr(results, name)[index] for name in names},
    )
