"""What every window promises: the same results however its stream is cut, saved, restored and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from streamgauge.conformance.driving import compare_all, cuts, planned, streams
from streamgauge.conformance.profile import for_any

ALL_AGGREGATES: Mapping[str, str] = {
    "events": "count(*)", "known": "count(value)", "words": "count(word)", "total": "sum(value)",
    "mean": "avg(value)", "least": "min(value)", "most": "max(value)", "spread": "stddev(value)",
    "var": "variance(number)", "first": "first(word)", "last": "last(value)", "different": "distinct(word)",
    "numbers": "distinct(number)", "per_second": "rate()", "near": "approx_distinct(word)",
    "p90": "quantile(value, 0.9)", "often": "frequent(word, 2)", "top": "topk(number, 2)",
    "highest": "topk_distinct(value, 2)", "all": "collect_list(number)", "set": "collect_set(word)",
    "counts": "histogram(number)", "firsts": "first(word, 2)", "lasts": "last(value, 2)",
}  # fmt: skip
"""Every aggregate, over the fields of the checks."""

ACROSS_PARTITIONS = {
    name: text for name, text in ALL_AGGREGATES.items() if not text.startswith(("first", "last"))
}
"""Those that do not depend on the order across partitions."""


def check_window(
    window: Mapping[str, Any], *, compiled: bool = True, order: str = "read", lateness: str = "2s"
) -> None:
    """Hold a window to its contract on random streams: splits, snapshots, empty steps, compiled and plain.

    It is checked grouped by the key that places records (aligned), by another field (parts per partition,
    merged) and without a key (in the order of reading across partitions).

    Args:
        window: as in the file, such as ``{"type": "hopping", "size": "10s", "advance": "5s"}``; ``compute``
            defaults to every aggregate that fits.
        compiled: whether the compiled kernels are compared too.
        order: ``read`` or ``time``.
        lateness: of the stream.

    Raises:
        AssertionError: which promise is broken, by which stream.
    """
    for by, compute in (("key", ALL_AGGREGATES), ("word", ACROSS_PARTITIONS), (None, ALL_AGGREGATES)):
        cut = {"compute": _fitting(window, compute), **window, **({} if by is None else {"by": by})}
        condition = f"{next(iter(cut['compute']))} > 1"
        monitor = {"window": cut, "detect": {"type": "threshold", "when": condition}, "order": order}
        plan = planned(monitor, aligned=True, lateness=lateness)
        for_any(partial(compare_all, plan, compiled=compiled), given=streams(), cuts=cuts())


def _fitting(window: Mapping[str, Any], compute: Mapping[str, str]) -> dict[str, str]:
    """Running totals know no distinct, sessions no rate."""
    unfit = {"running": "distinct(", "session": "rate("}.get(window["type"], "-")
    return {name: text for name, text in compute.items() if not text.startswith(unfit)}
