"""The last N values of each key, for the objects of count windows: made anew at each report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from streamgauge.batch import ColumnKind, IntArray
from streamgauge.windows.collected.contract import Told
from streamgauge.windows.collected.gathering import Collection, values_of
from streamgauge.windows.collected.held import Held, Objects
from streamgauge.windows.collected.tally import BinCounts
from streamgauge.windows.contract import Rows


class LastValues:
    """Values of ``collections`` per slot; at most ``size`` each.

    An object that forgets its oldest value does not exist: each report feeds a new one with N values.
    """

    def __init__(self, collections: Sequence[Collection], size: int) -> None:
        self._collections = collections
        self._own = [
            c
            for c, each in enumerate(collections)
            if each.beyond is None and not isinstance(each.collector, BinCounts)
        ]
        self._size = size
        self.held = Held([_Values() for _ in collections])

    def take_in(self, rows: Rows, reports: IntArray) -> list[Objects]:
        """Take in ``rows``; the objects of each record in ``reports`` (indices, ascending)."""
        if not self._own:
            return [[None] * len(self._collections) for _ in reports]
        columns = {c: values_of(self._collections[c], rows.columns, len(rows)) for c in self._own}
        known = np.nonzero(rows.slots >= 0)[0]
        if not len(known):
            return []
        order = known[np.argsort(rows.slots[known], kind="stable")]
        slots, firsts = np.unique(rows.slots[order], return_index=True)
        told: dict[int, Objects] = {}
        wanted = np.zeros(len(rows), np.bool_)
        wanted[reports] = True
        for slot, index in zip(slots.tolist(), np.split(order, firsts[1:]), strict=True):
            lists = self.held.at((slot, 0, 0))
            before = len(lists[self._own[0]] or ())
            ends = (np.nonzero(wanted[index])[0] + before + 1).tolist()
            records = index[wanted[index]].tolist()
            everyone: Objects = [None] * len(lists)
            for c in self._own:
                everyone[c] = (lists[c] or []) + columns[c][index].tolist()
                lists[c] = everyone[c][-self._size :]
            for record, end in zip(records, ends, strict=True):
                told[record] = self._objects(everyone, max(0, end - self._size), end)
        return [told[record] for record in reports.tolist()]

    def _objects(self, everyone: Objects, start: int, end: int) -> Objects:
        objects: Objects = [None] * len(everyone)
        for c in self._own:
            collector = self._collections[c].collector
            objects[c] = collector.start()
            values = everyone[c][start:end]
            collector.add(objects[c], np.array(values) if collector.takes == "numbers" else values)
        return objects


class _Values:
    """A list of values that is only saved: what :class:`Held` wants of a collector."""

    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    def start(self) -> list[Any]:
        """No value yet."""
        return []

    def add(self, held: list[Any], values: Sequence[Any]) -> None:
        """Append them."""
        held.extend(values)

    def merge(self, held: list[Any], other: list[Any]) -> None:
        """Append the other's."""
        held.extend(other)

    def tell(self, held: list[Any], number: float | None) -> Told:
        """The list."""
        return Told(held)

    def pack(self, held: list[Any]) -> bytes:
        """As MessagePack."""
        return msgspec.msgpack.encode(held)

    def unpack(self, data: bytes) -> list[Any]:
        """What :meth:`pack` wrote."""
        values: list[Any] = msgspec.msgpack.decode(data)
        return values
