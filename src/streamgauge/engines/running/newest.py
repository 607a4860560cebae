"""The newest records of a stream as they came, for people who want to see some."""

from __future__ import annotations

from collections import deque

from streamgauge.batch import Batch

KEPT = 100
"""Records that can surely be shown, if so many came."""


class Newest:
    """Whole batches are remembered, since to cut them would cost more than to keep them."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._rows = 0

    def note(self, batch: Batch) -> None:
        """Remember it, and forget what is not needed any more."""
        self._batches.append(batch)
        self._rows += len(batch)
        while self._rows - len(self._batches[0]) >= KEPT:
            self._rows -= len(self._batches.popleft())

    @property
    def batches(self) -> tuple[Batch, ...]:
        """Oldest first."""
        return tuple(self._batches)
