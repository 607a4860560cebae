"""``topk(x, n)`` and ``topk_distinct(x, n)``: the largest values, the largest first."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec

from streamgauge.batch import ColumnKind
from streamgauge.windows.collected.contract import Told
from streamgauge.windows.collected.lists import Kept, told


@dataclass(frozen=True, slots=True)
class Largest:
    """The ``count`` largest values that are not missing; texts by their characters' numbers."""

    kind: ColumnKind
    count: int
    distinct: bool
    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    def start(self) -> Kept:
        """No value yet."""
        return Kept()

    def add(self, held: Kept, values: Sequence[Any]) -> None:
        """Keep the largest."""
        known = [value for value in values if value is not None]
        if not known:
            return
        everyone = held.items + known
        held.items = heapq.nlargest(self.count, dict.fromkeys(everyone) if self.distinct else everyone)

    def merge(self, held: Kept, other: Kept) -> None:
        """Keep the largest of both."""
        self.add(held, other.items)

    def tell(self, held: Kept, number: float | None) -> Told:
        """The list; missing without values."""
        return told(held.items, self.kind)

    def pack(self, held: Kept) -> bytes:
        """As MessagePack."""
        return msgspec.msgpack.encode(held.items)

    def unpack(self, data: bytes) -> Kept:
        """What :meth:`pack` wrote."""
        return Kept(msgspec.msgpack.decode(data))
