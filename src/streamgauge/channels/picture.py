"""A series as a line of text, for where no image can go."""

from __future__ import annotations

import math
from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int = 40) -> str:
    """The last ``width`` values as blocks from the lowest to the highest; a gap where one is missing.

    Zero stands at the bottom where all are positive and the lowest is less than half of the highest, so that a
    burst looks like one; empty where fewer than two values are known.

    >>> sparkline([1, 2, 3, 4, 8, None, 101])
    '▁▁▁▁▁ █'
    """
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    if 0 <= low < high / 2:
        low = 0.0
    span = high - low
    return "".join(
        " " if value is None or not math.isfinite(value) else _level(value - low, span) for value in shown
    )


def _level(above: float, span: float) -> str:
    if span == 0 or not math.isfinite(span):
        return _LEVELS[3]
    return _LEVELS[min(len(_LEVELS) - 1, int(above / span * len(_LEVELS)))]
