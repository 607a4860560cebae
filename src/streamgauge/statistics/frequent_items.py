"""Which texts occur most often, and how often: frequent items of the ``datasketches`` package.

Misra and Gries (1982); Anderson et al., "A High-Performance Algorithm for Identifying Frequent Items in Data
Streams" (2017). Up to :data:`TRACKED` different texts are counted exactly. Beyond, the rarest are dropped, and
each count has a lower and an upper bound that always hold; they are at most 0.35 % of all records apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datasketches import frequent_strings_sketch

TRACKED = 768
"""Different texts that are tracked at once."""

_LG_SIZE = 10
"""With so small a table every purge looks at all counters, so that it does not depend on where they lie."""

_HEAD = struct.Struct("<q")


class Frequent(NamedTuple):
    """One text: surely seen ``lower`` times or more, and ``upper`` times or less."""

    text: str
    lower: int
    upper: int


class FrequentItems:
    """The texts seen so far, in their order: feed it with :meth:`add`, or with others by :meth:`merge`."""

    __slots__ = ("_missed", "_sketch")

    def __init__(self) -> None:
        from datasketches import frequent_strings_sketch

        self._sketch: frequent_strings_sketch = frequent_strings_sketch(_LG_SIZE)
        self._missed = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count ``texts``, one after the other: what is dropped depends on their order."""
        update = self._sketch.update
        for text in texts:
            update(text)

    def merge(self, other: FrequentItems) -> None:
        """Count what ``other`` has counted; in the order of the texts, so that a restart changes nothing."""
        missed = other._missed + _offset(other._sketch)
        for item in sorted(other._items()):
            self._sketch.update(item.text, item.lower)
        self._missed += missed

    def most(self, count: int) -> list[Frequent]:
        """The ``count`` most frequent texts, the most frequent first; equals by text."""
        ranked = sorted(self._items(), key=lambda item: (-item.upper, item.text))
        return ranked[:count]

    def _items(self) -> list[Frequent]:
        from datasketches import frequent_items_error_type

        found = self._sketch.get_frequent_items(frequent_items_error_type.NO_FALSE_NEGATIVES, 0)
        missed = self._missed
        return [Frequent(text, lower, upper + missed) for text, _, lower, upper in found]

    def pack(self) -> bytes:
        """As bytes that :meth:`unpack` reads."""
        packed: bytes = self._sketch.serialize()
        return _HEAD.pack(self._missed) + packed

    @classmethod
    def unpack(cls, data: bytes) -> FrequentItems:
        """What :meth:`pack` wrote."""
        from datasketches import frequent_strings_sketch

        made = cls()
        (made._missed,) = _HEAD.unpack_from(data)
        made._sketch = frequent_strings_sketch.deserialize(data[_HEAD.size :])
        return made


def _offset(sketch: frequent_strings_sketch) -> int:
    """How often a text that is not tracked may have occurred."""
    bound: int = sketch.get_upper_bound("\x00 no text of anybody \x00")
    return bound
