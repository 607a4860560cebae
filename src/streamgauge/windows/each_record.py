"""No window: every record is a result of its own, for detectors that judge single records."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamgauge.batch import NO_KEY, Column
from streamgauge.state import NoState, State
from streamgauge.windows.contract import Rows, WindowResults
from streamgauge.windows.holding_nothing import HoldsNothing


class EachRecord(HoldsNothing):
    """Passes records on as they are: what a monitor without ``window:`` gets."""

    def initial(self) -> NoState:
        """Nothing is kept."""
        return NoState()

    def step(self, state: State, rows: Rows) -> WindowResults:
        """One result per record that has a key; its window is the moment itself."""
        keep = np.nonzero(rows.slots != NO_KEY)[0]
        whole = len(keep) == len(rows)
        columns = (
            rows.columns if whole else {name: column.take(keep) for name, column in rows.columns.items()}
        )
        times = rows.times[keep]
        marks = np.maximum.accumulate(np.concatenate(([rows.opening], rows.closing, [rows.watermark])))
        closing = marks[keep]
        no = np.zeros(len(keep), np.bool_)
        return WindowResults(
            rows.keys, rows.slots[keep], times, times, times, rows.offsets[keep], no, no, columns, columns,
            keep + 1, rows.watermark, keep, before=rows.before[keep], closing=closing, marks=marks,
        )  # fmt: skip

    def empty(self, count: int) -> Mapping[str, Column]:
        """There is no empty record."""
        return {}
