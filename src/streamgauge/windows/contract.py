"""The contract of a window: rows of one or more partitions in, results out.

A window knows no clock and no source. Time passes only by the watermarks it is given; an empty batch with a
later watermark is how it learns that time went on. Where one batch ends changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from streamgauge.batch import NEVER, BoolArray, Column, IntArray, Partition, SlotArray
from streamgauge.keys import KeySlots
from streamgauge.state import State


@dataclass(frozen=True, slots=True)
class Rows:
    """The records that reach one window, in the order in which they count; columns of one length n.

    Attributes:
        keys: what ``slots`` point into.
        slots: int32[n]; :data:`~streamgauge.batch.NO_KEY` rows are skipped.
        times: int64[n] event times.
        offsets: int64[n] offsets in their own partition.
        before: int64[n], the watermark of each record's own partition *before* that record: it decides
            what is late.
        closing: int64[n], the watermark that closes windows *after* each record: the same partition's
            for an aligned monitor, else the minimum over partitions.
        watermark: the closing watermark at the end of the batch (≥ ``closing[-1]``).
        opening: the closing watermark just before the first of these records. Both count what ``where``
            left out: ``closing[i]`` is how far time had come before record i + 1 of these.
        columns: the inputs of the aggregates, by name.
        partitions: the partitions that may occur, in partition order.
        parts: int32[n], index into ``partitions`` per record.
        partial_until: windows that start at or before this are partial; per partition.
    """

    keys: KeySlots
    slots: SlotArray
    times: IntArray
    offsets: IntArray
    before: IntArray
    closing: IntArray
    watermark: int
    columns: Mapping[str, Column]
    partitions: Sequence[Partition]
    parts: SlotArray
    partial_until: int = NEVER
    opening: int = NEVER

    def __len__(self) -> int:
        return len(self.slots)

    def decided(self, moments: IntArray) -> IntArray:
        """int64[m]: how many of these records were read when the closing watermark reached each moment."""
        marks = np.concatenate(([self.opening], self.closing))
        return np.searchsorted(marks, moments, "left").astype(np.int64)


@dataclass(frozen=True, slots=True)
class WindowResults:
    """What windows report, in the order in which it was decided; columns of one length n.

    Early rows (``early``) are window states at the record that crossed a watched limit, or, where the window
    reports changes, at every record that counted; ``previous`` holds the values just before that record. All
    others are windows that closed (or, for count and running windows, reported).

    Attributes:
        keys: what ``slots`` point into.
        slots, starts, ends: int32[n], int64[n], int64[n]: key and window.
        at: int64[n]: the deciding record's event time where early, else the window's end.
        offsets: int64[n]: the deciding record where early, else the window's last record; -1 = none.
        partial: bool[n]: the window was not seen whole from its start.
        columns: the computed values by name; missing where there was nothing to compute from.
        previous: as ``columns``, for early rows; other rows hold the same as in ``columns``.
        positions: int64[n]: how many rows of the batch were read before it was decided.
        watermark: how far time has gone.
        rows: int64[n]: index into the batch of the record named by ``offsets``; -1 if it is not in it.
        before, closing: int64[n] each, only where the rows are single records: the watermark of each
            record's own partition, and the judging one, both before it.
        marks: int64, where the rows are single records: the judging watermark after 0, 1, 2 … records of the
            batch, those without a key included, and at its end.
        late: records that came after their window had closed.
        unheard: set while a stream has never brought a record: for how long (microseconds of wall clock,
            all partitions caught up), and the wall clock.
        retracted: bool[n], only where there are such rows: early rows of windows that are no more, since the
            deciding record changed their bounds or merged them into another one, whose row follows. They hold
            what was last reported of them, in ``columns`` as in ``previous``.
        apart: bool[n], only where there are such rows: those within a span marked as maintenance. They are judged,
            and teach no baseline.
    """

    keys: KeySlots
    slots: SlotArray
    starts: IntArray
    ends: IntArray
    at: IntArray
    offsets: IntArray
    early: BoolArray
    partial: BoolArray
    columns: Mapping[str, Column]
    previous: Mapping[str, Column]
    positions: IntArray
    watermark: int
    rows: IntArray
    before: IntArray | None = None
    closing: IntArray | None = None
    marks: IntArray | None = None
    late: LateRows | None = None
    unheard: tuple[int, int] | None = None
    retracted: BoolArray | None = None
    apart: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.slots)

    def without(self, names: frozenset[str]) -> WindowResults:
        """The same without some columns."""
        if not names:
            return self
        columns = {name: column for name, column in self.columns.items() if name not in names}
        previous = {name: column for name, column in self.previous.items() if name not in names}
        return replace(self, columns=columns, previous=previous)


@dataclass(frozen=True, slots=True)
class LateRows:
    """Records that came after their window had closed; int64[n] each.

    ``rows`` are indices into the batch; a record that is late for several hopping windows occurs once per
    window.
    """

    rows: IntArray
    starts: IntArray


@dataclass(frozen=True, slots=True)
class Watch:
    """A limit that can only be crossed once in a window: ``column > limit`` (``limit`` may be -inf).

    The window reports an early row at the first record after which the running value of ``column``
    exceeds ``limit``. Only for aggregates that never fall: count, distinct, max, and sum over a field that
    is declared ``min: 0``.
    """

    column: str
    limit: float


class Window(Protocol):
    """One way of cutting, for all monitors that share it."""

    @property
    def reach(self) -> int:
        """Microseconds after a record during which its window may still be open; 0 where time closes none."""
        ...

    @property
    def hop(self) -> int:
        """Microseconds between the ends of windows on a grid; 0 where windows have no grid."""
        ...

    def initial(self) -> State:
        """A fresh state."""
        ...

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Count ``rows`` in; report what crossed a watched limit and what closed, in order."""
        ...

    def empty(self, count: int) -> Mapping[str, Column]:
        """What ``count`` windows without records hold: counts and sums 0, all else missing."""
        ...

    def last_end(self, state: State) -> int:
        """The latest end of an open window; NEVER where none is open."""
        ...

    def filling(self, state: State) -> int:
        """How many windows are open now, over all keys; for people."""
        ...

    def renumber(self, state: State, places: SlotArray) -> None:
        """A partition joined that comes before others: number p of ``parts`` is ``places[p]`` from now on."""
        ...

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget what is held under ``slots``: their keys were forgotten."""
        ...
