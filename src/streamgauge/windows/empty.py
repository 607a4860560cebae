"""Windows without records: results of their own for known keys, or judged only where an incident is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from streamgauge.batch import NEVER, BoolArray, Column, IntArray, SlotArray
from streamgauge.windows.contract import Rows, Window, WindowResults

MOST = 10_000
"""Of so many windows passed over by a single record, only the first and the last half are made up."""

AT_ONCE = 512
"""Windows per piece of :func:`closed_numbers`, at least."""


def closed_numbers(window: Window, rows: Rows, judged: int) -> Iterator[IntArray]:
    """The windows that closed in this step, with or without records, as numbers: ``start = number * hop``.

    Ascending, in pieces of at least :data:`AT_ONCE` (but the last): the first ones may be all that is needed.

    Args:
        window: has a grid (``hop > 0``).
        rows: the step's records: they say when each window closed.
        judged: the closing watermark before this step.
    """
    marks = np.maximum.accumulate(np.concatenate(([judged, rows.opening], rows.closing, [rows.watermark])))
    closed = np.unique((marks[marks != NEVER] - window.reach) // window.hop)
    held: list[IntArray] = []
    for before, last in zip(closed[:-1].tolist(), closed[1:].tolist(), strict=True):
        spans = [(before + 1, last + 1)]
        if last - before > MOST:
            spans = [(before + 1, before + 1 + MOST // 2), (last + 1 - MOST // 2, last + 1)]
        held += [np.arange(first, stop, dtype=np.int64) for first, stop in spans]
        if sum(map(len, held)) >= AT_ONCE:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def empty_results(
    window: Window, rows: Rows, results: WindowResults, numbers: IntArray, wanted: tuple[SlotArray, IntArray]
) -> WindowResults | None:
    """Results for those of the windows ``numbers`` that hold no record; None where there are none.

    Args:
        window: whose grid it is.
        rows: the step's records.
        results: what the step reported; its closed windows are left out.
        numbers: int64[k], ascending; see :func:`closed_numbers`.
        wanted: int32[m] and int64[m]: whose windows are wanted, and only those that end after.
    """
    slots, since = wanted
    number = np.repeat(numbers, len(slots))
    slot = np.tile(slots, len(numbers)).astype(np.int64)
    end = number * window.hop + window.reach
    keep = (end > np.tile(since, len(numbers))) & ~_held(window, results, number, slot)
    if not keep.any():
        return None
    number, slot, end = number[keep], slot[keep], end[keep]
    order = np.lexsort((slot, number))
    slot, start, end = slot[order], number[order] * window.hop, end[order]
    columns = window.empty(len(slot))
    no = np.zeros(len(slot), np.bool_)
    none = np.full(len(slot), -1, np.int64)
    return WindowResults(
        rows.keys, slot.astype(np.int32), start, end, end, none, no, start <= rows.partial_until, columns,
        columns, rows.decided(end), rows.watermark, none,
    )  # fmt: skip


def _held(window: Window, results: WindowResults, number: IntArray, slot: IntArray) -> BoolArray:
    """bool[n]: which of these windows closed with records."""
    # A step may close windows of a hundred thousand keys where a few keys are asked for: only those are compared.
    asked = np.zeros(max(int(slot.max(initial=0)), int(results.slots.max(initial=0))) + 1, np.bool_)
    asked[slot] = True
    closed = np.flatnonzero(~results.early & asked[results.slots])
    first, span = int(number.min(initial=0)), int(number.max(initial=0) - number.min(initial=0)) + 1
    taken = results.starts[closed] // window.hop - first
    inside = (taken >= 0) & (taken < span)
    codes = results.slots[closed][inside].astype(np.int64) * span + taken[inside]
    return np.isin(slot * span + number - first, codes)


def together(results: WindowResults, more: WindowResults) -> WindowResults:
    """Both in the order in which they were decided; ``more`` holds closed windows only."""
    early = np.concatenate([results.early, more.early])
    position = np.concatenate([results.positions, more.positions])
    starts, slots = np.concatenate([results.starts, more.starts]), np.concatenate([results.slots, more.slots])
    order = np.lexsort((slots, starts, ~early, position))
    lengths = len(results), len(more)
    columns = _joined(results.columns, more.columns, order, lengths)
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
        previous=columns if not early.any() else _joined(results.previous, more.previous, order, lengths),
        positions=position[order],
        rows=np.concatenate([results.rows, more.rows])[order],
    )


def _joined(
    first: Mapping[str, Column], second: Mapping[str, Column], order: IntArray, lengths: tuple[int, int]
) -> dict[str, Column]:
    """The columns of both; an aside that one of them lacks is missing there."""
    joined = {}
    for name, column in {**second, **first}.items():
        parts = [
            table[name] if name in table else type(column)(column.kind, values=[None] * length)
            for table, length in ((first, lengths[0]), (second, lengths[1]))
        ]
        joined[name] = type(column).join(parts).take(order)
    return joined
