"""``topk(x, n)`` and ``topk_distinct(x, n)``: the largest values, the largest first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamgauge.batch import ColumnKind
from streamgauge.windows.collected.lists import Few, Kept


@dataclass(frozen=True)
class Largest(Few):
    """The ``count`` largest values that are not missing; texts by their characters' numbers."""

    kind: ColumnKind
    count: int
    distinct: bool

    def add(self, held: Kept, values: Sequence[Any]) -> None:
        """Keep the largest."""
        known = [value for value in values if value is not None]
        if not known:
            return
        everyone = held.items + known
        held.items = heapq.nlargest(self.count, dict.fromkeys(everyone) if self.distinct else everyone)
