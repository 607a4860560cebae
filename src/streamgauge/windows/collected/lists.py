"""``collect_list``, ``collect_set``, ``first(x, n)`` and ``last(x, n)``: values in the order of their offsets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec

from streamgauge.batch import ColumnKind
from streamgauge.clock import iso
from streamgauge.windows.collected.contract import Told

MOST = 1_000
"""So many values a list, set or histogram holds; as ksqlDB."""

CHARACTERS = 256 * 1024
"""And so many characters of texts."""


@dataclass(slots=True)
class Listed:
    """Values collected so far, how many were left out, and the characters in those that were not."""

    items: dict[Any, None] | list[Any]
    left_out: int = 0
    characters: int = 0

    def has_room(self, value: Any) -> bool:
        """Whether ``value`` still goes in; else it is counted as left out."""
        length = len(value) if isinstance(value, str) else 0
        if len(self.items) >= MOST or self.characters + length > CHARACTERS:
            self.left_out += 1
            return False
        self.characters += length
        return True


@dataclass(frozen=True, slots=True)
class CollectList:
    """All values, missing ones too, up to :data:`MOST`."""

    kind: ColumnKind
    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {"left_out": "int"}

    def start(self) -> Listed:
        """An empty list."""
        return Listed([])

    def add(self, held: Listed, values: Sequence[Any]) -> None:
        """Append what fits."""
        assert isinstance(held.items, list)
        for place, value in enumerate(values):
            if len(held.items) >= MOST:
                held.left_out += len(values) - place
                return
            if held.has_room(value):
                held.items.append(value)

    def merge(self, held: Listed, other: Listed) -> None:
        """Append the other's values."""
        self.add(held, list(other.items))
        held.left_out += other.left_out

    def tell(self, held: Listed, number: float | None) -> Told:
        """The list, and how many values it lacks."""
        return told(held.items, self.kind, held.left_out)

    def pack(self, held: Listed) -> bytes:
        """As MessagePack."""
        return msgspec.msgpack.encode((list(held.items), held.left_out, held.characters))

    def unpack(self, data: bytes) -> Listed:
        """What :meth:`pack` wrote."""
        items, left_out, characters = msgspec.msgpack.decode(data)
        return Listed(items, left_out, characters)


@dataclass(frozen=True, slots=True)
class CollectSet(CollectList):
    """Each value once, a missing one too, in the order in which they first came."""

    def start(self) -> Listed:
        """An empty set that knows its order."""
        return Listed({})

    def add(self, held: Listed, values: Sequence[Any]) -> None:
        """Add the new ones."""
        assert isinstance(held.items, dict)
        for value in values:
            if value not in held.items and held.has_room(value):
                held.items[value] = None

    def unpack(self, data: bytes) -> Listed:
        """What :meth:`pack` wrote."""
        items, left_out, characters = msgspec.msgpack.decode(data)
        return Listed(dict.fromkeys(items), left_out, characters)


@dataclass(slots=True)
class Kept:
    """Some values in their order."""

    items: list[Any] = field(default_factory=list)


class Few(ABC):
    """What keeps a few values of those that are not missing, and tells them as a list."""

    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}
    kind: ColumnKind

    @abstractmethod
    def add(self, held: Kept, values: Sequence[Any]) -> None:
        """Keep those that count."""

    def start(self) -> Kept:
        """No value yet."""
        return Kept()

    def merge(self, held: Kept, other: Kept) -> None:
        """As if the other's came after."""
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


@dataclass(frozen=True)
class Ends(Few):
    """The first or last ``count`` values that are not missing, the oldest first."""

    kind: ColumnKind
    count: int
    last: bool

    def add(self, held: Kept, values: Sequence[Any]) -> None:
        """Keep those at the end that counts."""
        if self.last:
            known = [value for value in values if value is not None]
            held.items = (held.items + known)[-self.count :]
        elif len(held.items) < self.count:
            known = [value for value in values if value is not None]
            held.items = (held.items + known)[: self.count]


def told(items: Any, kind: ColumnKind, left_out: int = 0) -> Told:
    """A list for people: moments as ISO 8601, and how many values are left out."""
    if not items:
        return Told(None)
    shown = [iso(item) for item in items] if kind == "timestamp" else list(items)
    return Told(shown, {"left_out": left_out} if left_out else {})
