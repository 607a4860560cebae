"""What is kept of verdicts about models: each window's measures and counts at every telling, for whoever looks at them later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamgauge.batch import Column
from streamgauge.stores.contract import HistoryBlock
from streamgauge.verdict import Verdicts

MEASURES = " measures"
"""Ends the name under which they are kept; no monitor can be called so."""
TELLING = frozenset({"revision", "roc_auc"})
"""Verdicts that hold one of these are about a model: by its labels, or estimated without any."""


def measured(monitor: str, verdicts: Verdicts) -> HistoryBlock | None:
    """The measures of windows, NaN and None missing; None for verdicts about something else."""
    evidence = verdicts.evidence if isinstance(verdicts.evidence, Mapping) else {}
    columns: Mapping[str, Column] = {**evidence, **verdicts.observed}
    if not len(verdicts) or not TELLING & columns.keys():
        return None
    numbers: dict[str, Any] = {
        name: column for name, column in columns.items() if column.kind in ("int", "float")
    }
    ends = verdicts.ends
    kept = {
        "key": Column("string", values=verdicts.keys.texts_of(verdicts.slots)),
        "window_start": verdicts.starts,
        "window_end": ends,
        "told": verdicts.at,
        **{name: Column(column.kind, values=column.values()) for name, column in numbers.items()},
    }
    return HistoryBlock(f"{monitor}{MEASURES}", int(ends.min()), int(ends.max()), kept)
