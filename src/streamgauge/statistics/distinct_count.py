"""How many different values there are, estimated in 4 KiB: HyperLogLog of the ``datasketches`` package.

Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007). The estimate depends only on the set of values,
never on their order or on how they were divided: the library's estimator that reads the order is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasketches import hll_sketch

_LG_K = 13
_DEVIATIONS = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count and the bounds it lies between in 997 of 1,000 cases; all three equal where that is sure."""

    value: int
    lower: int
    upper: int


class DistinctCount:
    """The values seen so far; 3.5 % more or less at 99.7 %, and exact up to a few hundred."""

    __slots__ = ("_sketch",)

    def __init__(self, sketch: hll_sketch | None = None) -> None:
        from datasketches import hll_sketch, tgt_hll_type

        self._sketch = sketch if sketch is not None else hll_sketch(_LG_K, tgt_hll_type.HLL_4)

    def add(self, values: Iterable[Any]) -> None:
        """Count ``values``: texts, whole numbers or doubles, but of one kind; each only once is cheaper."""
        update = self._sketch.update
        for value in values:
            update(value)

    def merge(self, other: DistinctCount) -> None:
        """Count what ``other`` has counted."""
        from datasketches import hll_union, tgt_hll_type

        union = hll_union(_LG_K)
        union.update(self._sketch)
        union.update(other._sketch)
        self._sketch = union.get_result(tgt_hll_type.HLL_4)

    def estimate(self) -> Estimate:
        """How many different values were seen."""
        from datasketches import hll_union

        union = hll_union(_LG_K)
        union.update(self._sketch)
        union.update(
            self._sketch
        )  # a merged sketch forgets the order: its estimate reads the registers alone
        value = round(union.get_estimate())
        lower, upper = round(union.get_lower_bound(_DEVIATIONS)), round(union.get_upper_bound(_DEVIATIONS))
        return Estimate(value, min(lower, value), max(upper, value))

    def pack(self) -> bytes:
        """As bytes that :meth:`unpack` reads."""
        packed: bytes = self._sketch.serialize_compact()
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> DistinctCount:
        """What :meth:`pack` wrote."""
        from datasketches import hll_sketch

        return cls(hll_sketch.deserialize(data))
