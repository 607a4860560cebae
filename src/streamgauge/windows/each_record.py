"""No window: every record is a result of its own, for detectors that judge single records."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamgauge.batch import NEVER, NO_KEY, Column, SlotArray
from streamgauge.state import NoState, State
from streamgauge.windows.contract import Rows, WindowResults


class EachRecord:
    """Passes records on as they are: what a monitor without ``window:`` gets."""

    @property
    def reach(self) -> int:
        """Time closes nothing."""
        return 0

    @property
    def hop(self) -> int:
        """There is no grid in time."""
        return 0

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

    def last_end(self, state: State) -> int:
        """Records have no end to wait for."""
        return NEVER

    def filling(self, state: State) -> int:
        """None."""
        return 0

    def renumber(self, state: State, places: SlotArray) -> None:
        """Nothing is kept by partition."""

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is kept."""
