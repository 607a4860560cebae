"""Windows without records: results of their own for known keys, or judged only where an incident is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from streamgauge.batch import NEVER, Column, IntArray, SlotArray
from streamgauge.windows.contract import Rows, Window, WindowResults

MOST = 10_000
"""At most so many windows are made up at once after a jump in time; the latest ones count."""


def empty_results(
    window: Window, rows: Rows, results: WindowResults, judged: int, slots: SlotArray, since: IntArray
) -> WindowResults | None:
    """Results for the windows that closed without records of ``slots``; None where there are none.

    Args:
        window: whose grid it is.
        rows: the step's records: they say when each window closed.
        results: what the step reported; its closed windows are left out.
        judged: the closing watermark before this step.
        slots: int32[m], whose windows are wanted.
        since: int64[m], only windows that end after this count, per slot.
    """
    if judged == NEVER:
        judged = int(rows.times.min()) if len(rows) else rows.watermark
    if not len(slots) or rows.watermark <= judged:
        return None
    starts, ends = window.grid(judged, rows.watermark)
    starts, ends = starts[-MOST:], ends[-MOST:]
    closed = ~results.early
    taken = set(zip(results.slots[closed].tolist(), results.starts[closed].tolist(), strict=True))
    wanted = [
        (end, start, slot)
        for slot, first in zip(slots.tolist(), since.tolist(), strict=True)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if end > first and (slot, start) not in taken
    ]
    if not wanted:
        return None
    table = np.array(sorted(wanted), np.int64)
    end, start = table[:, 0], table[:, 1]
    columns = window.empty(len(table))
    no = np.zeros(len(table), np.bool_)
    none = np.full(len(table), -1, np.int64)
    return WindowResults(
        rows.keys, table[:, 2].astype(np.int32), start, end, end, none, no, start <= rows.partial_until, columns,
        columns, rows.decided(end), rows.watermark, none,
    )  # fmt: skip


def together(results: WindowResults, more: WindowResults) -> WindowResults:
    """Both in the order in which they were decided; ``more`` holds closed windows only."""
    early = np.concatenate([results.early, more.early])
    position = np.concatenate([results.positions, more.positions])
    starts, slots = np.concatenate([results.starts, more.starts]), np.concatenate([results.slots, more.slots])
    order = np.lexsort((slots, starts, ~early, position))
    columns = _joined(results.columns, more.columns, order)
    return replace(
        results,
        slots=slots[order],
        starts=starts[order],
        ends=np.concatenate([results.ends, more.ends])[order],
        at=np.concatenate([results.at, more.at])[order],
        offsets=np.concatenate([results.offsets, more.offsets])[order],
        early=early[order],
        partial=np.concatenate([results.partial, more.partial])[order],
        columns=columns,
        previous=columns if not early.any() else _joined(results.previous, more.previous, order),
        positions=position[order],
        rows=np.concatenate([results.rows, more.rows])[order],
    )


def _joined(first: Mapping[str, Column], second: Mapping[str, Column], order: IntArray) -> dict[str, Column]:
    return {name: Column.join([column, second[name]]).take(order) for name, column in first.items()}
