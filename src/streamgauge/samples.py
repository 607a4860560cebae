"""The last few records of a key, to show with an incident."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from streamgauge.batch import Partition
from streamgauge.clock import iso
from streamgauge.formats.shapes import every_of
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Rows

REACH = 4096
"""How many records (that have a key) back samples are looked for; fixed, so that batches make no difference."""

_ALL = np.iinfo(np.int64).max


class Recent:
    """Remembers the last :data:`REACH` records of a lane, as the columns they came in."""

    def __init__(self, masked: frozenset[str] = frozenset()) -> None:
        self._masked = masked
        self._batches: deque[tuple[Rows, int]] = deque()  # with how many rows have a key
        self._held = 0
        self._present = 0

    def add(self, rows: Rows) -> None:
        """Remember a batch, and forget what lies more than :data:`REACH` records before it."""
        self._present = keyed = int(np.count_nonzero(rows.slots >= 0))
        if not keyed:
            return
        self._batches.append((rows, keyed))
        self._held += keyed
        while len(self._batches) > 1 and self._held - self._batches[0][1] - keyed >= REACH:
            self._held -= self._batches.popleft()[1]

    def find(
        self, verdicts: Verdicts, row: int, most: int, *, with_end: bool = False
    ) -> list[dict[str, Any]]:
        """At most ``most`` records of that verdict's key and window, the newest last; masked fields masked.

        ``with_end``: the window holds its end, as sessions do.
        """
        start, end = int(verdicts.starts[row]), int(verdicts.ends[row])
        found: list[dict[str, Any]] = []
        for batch, i in self._back(verdicts, row):
            if len(found) == most:
                break
            time = batch.times[i]
            if start <= time < end or (time == end and (with_end or start == end)):
                found.append(self._show(batch, i))
        return found[::-1]

    def partition(self, verdicts: Verdicts, row: int) -> Partition | None:
        """Where the record lies that decided, if it is found."""
        for batch, i in self._back(verdicts, row):
            if batch.offsets[i] == verdicts.offsets[row] and batch.times[i] == verdicts.at[row]:
                return batch.partitions[int(batch.parts[i])]
        return None

    def _back(self, verdicts: Verdicts, row: int) -> Iterator[tuple[Rows, int]]:
        """The key's records read before the verdict, the newest first."""
        slot, left = int(verdicts.slots[row]), REACH
        upto = int(verdicts.positions[row]) if self._present else _ALL
        for batch, _ in reversed(self._batches):
            keyed = np.nonzero(batch.slots >= 0)[0]
            read = keyed[: np.searchsorted(keyed, upto)][-left:]
            for i in read[batch.slots[read] == slot][::-1].tolist():
                yield batch, i
            left -= len(read)
            if left <= 0:
                break
            upto = _ALL

    def _show(self, batch: Rows, i: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, column in batch.columns.items():
            if every_of(name) is not None:
                continue  # for a detector alone
            value = column.at(i)
            if value is not None and name in self._masked:
                value = "***"
            elif value is not None and column.kind == "timestamp":
                value = iso(int(value))
            shown[name] = value
        return shown
