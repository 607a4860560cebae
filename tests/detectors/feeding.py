"""Results handed to a detector directly: for what no decoder lets through, and for very many keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Column
from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.keys import KeySlots
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

S = 1_000_000
BEFORE = -(2**60)


def built(name: str, context: Context, **config: Any) -> Any:
    """The detector of that name."""
    module = plugins.module("detectors", name)
    return module.build(module.Config(**config), context)


def records(
    columns: Mapping[str, Column], times: Sequence[float], slots: Sequence[int] | None = None
) -> WindowResults:
    """Single records at ``times`` (seconds), of the one key or of ``slots``; the watermark follows them."""
    keys = KeySlots()
    at = np.array([round(t * S) for t in times], np.int64)
    n = len(at)
    if slots is None:
        taken = keys.whole(n)
    else:
        keys.slots([f"k{i}" for i in range(max(slots, default=-1) + 1)])
        taken = np.array(slots, np.int32)
    marks = np.maximum.accumulate(np.concatenate(([BEFORE], at, at[-1:])))
    no = np.zeros(n, np.bool_)
    rows = np.arange(n)
    return WindowResults(
        keys, taken, at, at, at, rows, no, no, columns, columns, rows + 1, int(marks[-1]), rows,
        before=marks[:n], closing=marks[:n], marks=marks,
    )  # fmt: skip


def severities(verdicts: Verdicts) -> list[tuple[float, str]]:
    """(seconds, severity) per verdict."""
    return [(v.at / S, v.severity.label) for v in verdicts.all_rows()]
