"""``histogram(x)`` and ``frequent(x, n)``: which values occurred, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from streamgauge.batch import ColumnKind
from streamgauge.clock import iso
from streamgauge.windows.collected.contract import Told
from streamgauge.windows.collected.lists import CHARACTERS, MOST

if TYPE_CHECKING:
    from streamgauge.statistics.frequent_items import FrequentItems


@dataclass(slots=True)
class Counts:
    """How often each value came, how many records were left out, and the characters of the values."""

    counts: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Each value that is not missing, as text, with how often it came; up to 1,000 values, as in ksqlDB."""

    kind: ColumnKind
    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {"left_out": "int"}

    def start(self) -> Counts:
        """No value yet."""
        return Counts()

    def add(self, held: Counts, values: Sequence[Any]) -> None:
        """Count each; of new ones, those that fit."""
        for value, count in Counter(values).items():  # in the order in which they first came
            if value is not None:
                _count(held, as_text(value, self.kind), count)

    def merge(self, held: Counts, other: Counts) -> None:
        """Count the other's."""
        for text, count in other.counts.items():
            _count(held, text, count)
        held.left_out += other.left_out

    def tell(self, held: Counts, number: float | None) -> Told:
        """The map, the most frequent first, equals by text; and how many records it lacks."""
        if not held.counts:
            return Told(None)
        ranked = sorted(held.counts.items(), key=lambda item: (-item[1], item[0]))
        return Told(dict(ranked), {"left_out": held.left_out} if held.left_out else {})

    def pack(self, held: Counts) -> bytes:
        """As MessagePack."""
        return msgspec.msgpack.encode((held.counts, held.left_out, held.characters))

    def unpack(self, data: bytes) -> Counts:
        """What :meth:`pack` wrote."""
        return Counts(*msgspec.msgpack.decode(data))


@dataclass(frozen=True, slots=True)
class MostFrequent:
    """The most frequent values that are not missing, each with its count and the count's bounds."""

    kind: ColumnKind
    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    def start(self) -> FrequentItems:
        """No value yet."""
        from streamgauge.statistics.frequent_items import FrequentItems

        return FrequentItems()

    def add(self, held: FrequentItems, values: Sequence[Any]) -> None:
        """Count each."""
        if self.kind == "string":
            held.add([value for value in values if value is not None])
        else:
            held.add([as_text(value, self.kind) for value in values if value is not None])

    def merge(self, held: FrequentItems, other: FrequentItems) -> None:
        """Count the other's."""
        held.merge(other)

    def tell(self, held: FrequentItems, number: float | None) -> Told:
        """``[{"value": …, "count": …}]``; with ``lower`` and ``upper`` where a count is an estimate."""
        found = [
            {"value": self._value(text), "count": upper}
            | ({} if lower == upper else {"lower": lower, "upper": upper})
            for text, lower, upper in held.most(int(number or 1))
        ]
        return Told(found or None)

    def pack(self, held: FrequentItems) -> bytes:
        """As the library writes it."""
        return held.pack()

    def unpack(self, data: bytes) -> FrequentItems:
        """What :meth:`pack` wrote."""
        from streamgauge.statistics.frequent_items import FrequentItems

        return FrequentItems.unpack(data)

    def _value(self, text: str) -> Any:
        """The value that :func:`as_text` wrote; a moment stays text."""
        if self.kind == "int":
            return int(text)
        if self.kind == "float":
            return float(text)
        return text == "true" if self.kind == "bool" else text


def as_text(value: Any, kind: ColumnKind) -> str:
    """A value as a key of JSON: moments as ISO 8601, booleans as true and false."""
    if kind == "timestamp":
        return str(iso(value))
    if kind == "bool":
        return "true" if value else "false"
    return str(value)


def _count(held: Counts, text: str, count: int) -> None:
    if text in held.counts:
        held.counts[text] += count
    elif len(held.counts) < MOST and held.characters + len(text) <= CHARACTERS:
        held.counts[text] = count
        held.characters += len(text)
    else:
        held.left_out += count
