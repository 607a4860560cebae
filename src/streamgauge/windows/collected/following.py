"""Objects of windows that report at every record: after each one, a copy as it is then.

That costs a copy per record: it is what was asked for (``emit: changes``), and nothing else pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import FloatArray, IntArray, SlotArray
from streamgauge.windows.collected.gathering import Collection, copied, feed, join
from streamgauge.windows.collected.held import Held, Objects


class Following:
    """Feeds records one by one and keeps what each changed.

    Attributes:
        finished: the copies, which results point at.
    """

    def __init__(
        self,
        held: Held,
        collections: Sequence[Collection],
        plain: Mapping[int, NDArray[Any]],
        partitions: int,
    ) -> None:
        self._held = held
        self._collections = collections
        self._plain = plain
        self._partitions = partitions
        self._last: dict[tuple[int, int], int] = {}
        self.finished: list[Objects] = []

    def take_in(
        self,
        records: IntArray,
        places: tuple[SlotArray, SlotArray, IntArray],
        now: FloatArray,
        before: FloatArray,
    ) -> None:
        """Count ``records`` into their windows, and let ``now`` and ``before`` point at what these held.

        ``places``: slots, parts and starts, one per record; accumulators float64[n, C].
        """
        columns = [self._collections[c].column for c in self._plain]
        slots, parts, starts = (column.tolist() for column in places)
        for row, record in enumerate(records.tolist()):
            slot, start = slots[row], starts[row]
            if (slot, start) not in self._last:
                self._note(slot, start)
            before[row, columns] = self._last[slot, start]
            feed(self._held, self._collections, (slot, parts[row], start), self._plain, np.array([record]))
            self._note(slot, start)
            now[row, columns] = self._last[slot, start]

    def _note(self, slot: int, start: int) -> None:
        """Keep a copy of the window over all its parts."""
        whole: Objects = [
            each.collector.start() if each.beyond is None else None for each in self._collections
        ]
        for part in range(self._partitions):
            objects = self._held.find((slot, part, start))
            if objects is not None:
                join(whole, copied(objects, self._collections), self._collections)
        self._last[slot, start] = len(self.finished)
        self.finished.append(whole)
