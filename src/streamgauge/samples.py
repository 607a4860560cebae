"""The last few records of a key, to show with an incident."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from streamgauge.clock import iso
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Rows

REACH = 4096
"""How many records back samples are looked for. A fixed number, so that batches make no difference."""


class Recent:
    """Remembers the last :data:`REACH` records of a lane, as the columns they came in."""

    def __init__(self, masked: frozenset[str] = frozenset()) -> None:
        self._masked = masked
        self._batches: deque[Rows] = deque()
        self._held = 0

    def add(self, rows: Rows) -> None:
        """Remember a batch, and forget what lies more than :data:`REACH` records before it."""
        self._batches.append(rows)
        self._held += len(rows)
        while len(self._batches) > 1 and self._held - len(self._batches[0]) - len(rows) >= REACH:
            self._held -= len(self._batches.popleft())

    def find(self, verdicts: Verdicts, row: int, most: int) -> list[dict[str, Any]]:
        """At most ``most`` records of that verdict's key and window, the newest last; masked fields masked."""
        found: list[dict[str, Any]] = []
        slot, start, end = int(verdicts.slots[row]), int(verdicts.starts[row]), int(verdicts.ends[row])
        left, upto = REACH, int(verdicts.positions[row])
        for batch in reversed(self._batches):
            upto = min(upto, len(batch))
            first = max(0, upto - left)
            times = batch.times[first:upto]
            inside = (times >= start) & ((times < end) | (start == end) & (times == end))
            at = np.nonzero((batch.slots[first:upto] == slot) & inside)[0] + first
            for i in at[::-1].tolist():
                if len(found) == most:
                    return found[::-1]
                found.append(self._show(batch, i))
            left -= upto - first
            if left <= 0:
                break
            upto = np.iinfo(np.int64).max
        return found[::-1]

    def _show(self, batch: Rows, i: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, column in batch.columns.items():
            value = column.at(i)
            if value is not None and name in self._masked:
                value = "***"
            elif value is not None and column.kind == "timestamp":
                value = iso(int(value))
            shown[name] = value
        return shown
