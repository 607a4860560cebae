"""From finished objects to columns of results, with what must be said beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamgauge.batch import Aside, AtClose, Column, ColumnKind, FloatArray
from streamgauge.kernels.time_windows import DISTINCT_LIMIT
from streamgauge.windows.collected.contract import Collector, Told
from streamgauge.windows.collected.held import Objects

UNBEGUN = -1.0
"""Points at an object that has seen nothing: a window without records."""


def pointed_at(
    collector: Collector, c: int, pointers: FloatArray, finished: Sequence[Objects], number: float | None
) -> list[Told | None]:
    """What object ``c`` of each row says; None where a row points at nothing."""
    answers: list[Told | None] = []
    for pointer in pointers.tolist():
        if pointer != pointer:  # NaN: the window is still open  # noqa: PLR0124
            answers.append(None)
            continue
        held = collector.start() if pointer == UNBEGUN else finished[int(pointer)][c]
        answers.append(held if isinstance(held, Told) else collector.tell(held, number))
    return answers


def told_columns(
    name: str, kind: ColumnKind, collector: Collector, told: Sequence[Told | None]
) -> dict[str, Column]:
    """The column of an aggregate that is an object, and its asides where any row has some."""
    values = [None if one is None else one.value for one in told]
    return {name: AtClose(kind, values=values), **_asides(name, collector, told)}


def gone_on(name: str, exact: Column, collector: Collector, told: Sequence[Told | None]) -> dict[str, Column]:
    """``distinct`` with its estimates where the exact count has come to its bound.

    A row at the bound without an estimate (early ones, sessions) says by its lower bound that it may be more.
    """
    numbers = np.array(exact.numbers())
    for row, one in enumerate(told):
        if one is not None:
            numbers[row] = max(one.value, DISTINCT_LIMIT)
    bounded = [
        (Told(count, {"lower": int(count)}) if count >= DISTINCT_LIMIT else None)
        if one is None
        else Told(one.value, {end: max(bound, DISTINCT_LIMIT) for end, bound in one.asides.items()})
        for one, count in zip(told, numbers.tolist(), strict=True)
    ]
    return {name: Column("int", numbers=numbers), **_asides(name, collector, bounded)}


def _asides(name: str, collector: Collector, told: Sequence[Told | None]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for end, kind in collector.asides.items():
        values = [None if one is None else one.asides.get(end) for one in told]
        if any(value is not None for value in values):
            columns[f"{name}_{end}"] = Aside(kind, values=values)
    return columns
