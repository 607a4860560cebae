"""``approx_distinct(x)`` and ``quantile(x, q)``: numbers that are estimates once there are many values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from streamgauge.batch import ColumnKind, FloatArray
from streamgauge.windows.collected.contract import Told

if TYPE_CHECKING:
    from streamgauge.statistics.distinct_count import DistinctCount
    from streamgauge.statistics.quantiles import Quantiles


@dataclass(frozen=True, slots=True)
class ApproxDistinct:
    """How many different values that are not missing, by HyperLogLog."""

    kind: ColumnKind
    takes: ClassVar[Literal["values"]] = "values"
    asides: ClassVar[Mapping[str, ColumnKind]] = {"lower": "int", "upper": "int"}

    def start(self) -> DistinctCount:
        """No value yet."""
        from streamgauge.statistics.distinct_count import DistinctCount

        return DistinctCount()

    def add(self, held: DistinctCount, values: Sequence[Any]) -> None:
        """Count each once."""
        different = dict.fromkeys(values)
        different.pop(None, None)
        held.add(map(int, different) if self.kind == "bool" else different)

    def merge(self, held: DistinctCount, other: DistinctCount) -> None:
        """Count the other's."""
        held.merge(other)

    def tell(self, held: DistinctCount, number: float | None) -> Told:
        """The count, and its bounds where it is an estimate."""
        found = held.estimate()
        return Told(found.value, _bounds(found.lower, found.upper))

    def pack(self, held: DistinctCount) -> bytes:
        """As the library writes it."""
        return held.pack()

    def unpack(self, data: bytes) -> DistinctCount:
        """What :meth:`pack` wrote."""
        from streamgauge.statistics.distinct_count import DistinctCount

        return DistinctCount.unpack(data)


@dataclass(frozen=True, slots=True)
class QuantileOf:
    """The value that a share of all numbers do not exceed."""

    takes: ClassVar[Literal["numbers"]] = "numbers"
    asides: ClassVar[Mapping[str, ColumnKind]] = {"lower": "float", "upper": "float"}

    def start(self) -> Quantiles:
        """No value yet."""
        from streamgauge.statistics.quantiles import Quantiles

        return Quantiles()

    def add(self, held: Quantiles, values: FloatArray) -> None:
        """Count each."""
        held.add(values)

    def merge(self, held: Quantiles, other: Quantiles) -> None:
        """Count the other's."""
        held.merge(other)

    def tell(self, held: Quantiles, number: float | None) -> Told:
        """The quantile, and its bounds where it is an estimate; missing without values."""
        assert number is not None
        found = held.at(number)
        return Told(None) if found is None else Told(found.value, _bounds(found.lower, found.upper))

    def pack(self, held: Quantiles) -> bytes:
        """As plain arrays."""
        return held.pack()

    def unpack(self, data: bytes) -> Quantiles:
        """What :meth:`pack` wrote."""
        from streamgauge.statistics.quantiles import Quantiles

        return Quantiles.unpack(data)


def _bounds(lower: float, upper: float) -> dict[str, float]:
    """Both, where they differ: else the value is exact."""
    return {} if lower == upper else {"lower": lower, "upper": upper}
