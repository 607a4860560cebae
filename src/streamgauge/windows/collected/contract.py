"""The contract of an aggregate that holds an object per window: what it takes in, merges, reports and saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from streamgauge.batch import ColumnKind


@dataclass(frozen=True, slots=True)
class Told:
    """What people see of an object.

    Attributes:
        value: None where nothing was counted.
        asides: what must be said beside it, by the end of the name (``lower``, ``left_out``); empty where the
            value is exact and whole.
    """

    value: Any
    asides: Mapping[str, Any] = field(default_factory=dict)


class Collector(Protocol):
    """One family of such aggregates. It holds no state: ``held`` is what :meth:`start` made.

    The same values in the same order must give the same answer however they were divided into calls of
    :meth:`add`, and across a ``pack`` and ``unpack`` at any point.

    """

    @property
    def takes(self) -> Literal["numbers", "values", "columns"]:
        """Float64, NaN = missing; Python values, None = missing, timestamps as int microseconds; or several fields.

        Of the last it makes itself what it takes in: ``read(columns, length)`` gives something to be indexed by
        records.
        """
        ...

    @property
    def asides(self) -> Mapping[str, ColumnKind]:
        """The kinds of what it may say beside a value."""
        ...

    def start(self) -> Any:
        """Nothing seen yet."""
        ...

    def add(self, held: Any, values: Any) -> None:
        """Count ``values``, in the order of their offsets; a list, or float64[n] where it takes numbers."""
        ...

    def merge(self, held: Any, other: Any) -> None:
        """Count into ``held`` what ``other`` has counted; called in the order of partitions."""
        ...

    def tell(self, held: Any, number: float | None) -> Told:
        """What people see; ``number`` is the aggregate's second argument."""
        ...

    def pack(self, held: Any) -> bytes:
        """As bytes of bounded length that :meth:`unpack` reads."""
        ...

    def unpack(self, data: bytes) -> Any:
        """What :meth:`pack` wrote."""
        ...
