"""Which collector stands for which aggregate."""

from __future__ import annotations

from streamgauge.batch import ColumnKind
from streamgauge.expressions import Aggregate
from streamgauge.windows.collected.contract import Collector
from streamgauge.windows.collected.counted import Histogram, MostFrequent
from streamgauge.windows.collected.estimates import ApproxDistinct, QuantileOf
from streamgauge.windows.collected.largest import Largest
from streamgauge.windows.collected.lists import CollectList, CollectSet, Ends
from streamgauge.windows.collected.tally import Tallied


def collector_of(part: Aggregate | Tallied) -> Collector:
    """The collector of an aggregate that is kept as an object."""
    if isinstance(part, Tallied):
        return part.collector
    assert part.argument is not None
    kind, count = part.argument.kind, int(part.number or 0)
    match part.function:
        case "approx_distinct":
            return ApproxDistinct(kind)
        case "quantile":
            return QuantileOf()
        case "frequent":
            return MostFrequent(kind)
        case "histogram":
            return Histogram(kind)
        case "topk" | "topk_distinct":
            return Largest(kind, count, distinct=part.function == "topk_distinct")
        case "collect_list":
            return CollectList(kind)
        case "collect_set":
            return CollectSet(kind)
        case "first" | "last":
            return Ends(kind, count, last=part.function == "last")
        case other:
            raise AssertionError(f"no collector for {other!r}")


def beyond_exact(part: Aggregate) -> Collector:
    """What ``distinct`` goes on as once its exact count has come to its bound: it reads codes, not values."""
    assert part.argument is not None
    codes: ColumnKind = "string" if part.argument.kind == "string" else "int"
    return ApproxDistinct(codes)
