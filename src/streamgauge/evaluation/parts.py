"""Evaluation in parts: records joined by id wherever their id belongs, and what belongs together measured in one place.

A part holds the pairs of some ids: :func:`parts_of` joins them, :func:`measured` puts parts together and measures them.
Both go through the detectors, as :mod:`.joining` does with a whole table, so what comes out is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgauge.clock import iso, to_micros
from streamgauge.evaluation.joining import WHOLE, Asked, evaluated, joined
from streamgauge.kernels import jit
from streamgauge.keys import key_label

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.batch import FloatArray

SCHEMA: Final = (
    "bucket int, key string, start bigint, predictions array<double>, labels array<double>, "
    "changed bigint, repeated bigint, alone bigint"
)
"""Of parts, in Spark's words: one row per key and window, NaN where a label is missing; and one for labels ``alone``."""

KINDS: Final = ("overall", "key", "window")
_TALLIES: Final = {"changed": "changed_labels", "repeated": "repeated_predictions"}


def parts_of(table: pl.DataFrame, asked: Asked, bucket: int) -> list[dict[str, Any]]:
    """Join the records of some ids.

    Args:
        table: all records of these ids: the columns ``asked`` for and ``at``, later labels below earlier ones.
        asked: what is measured.
        bucket: which ids these are.

    Returns:
        Rows of :data:`SCHEMA`.

    Raises:
        ConfigError: a column is of a kind that cannot be measured.
        ExpressionError: the condition does not fit the measures.
    """
    jit.choose(live=False, rows=len(table))
    size = asked.window or timedelta(microseconds=WHOLE)
    at = np.zeros(len(table), np.int64)
    if asked.window is not None:
        at = table["at"].fill_null(0).to_numpy().astype(np.int64)
    _, state, keys = joined(table, at, asked.by, asked, size)
    tables = state.tables()
    ids, windows = tables["ids"], tables["windows"]
    parts = []
    for window, slot in enumerate(windows["slot"].tolist()):
        mine = ids["window"] == window
        parts.append({
            "bucket": bucket,
            "key": key_label(keys.key(slot)) if asked.by else None,
            "start": int(windows["start"][window]) if asked.window is not None else None,
            "predictions": ids["prediction"][mine].tolist(),
            "labels": ids["label"][mine].tolist(),
            **{name: int(windows[name][window]) for name in _TALLIES},
            "alone": 0,
        })  # fmt: skip
    alone = int(((ids["window"] < 0) & ~np.isnan(ids["label"].astype(np.float64))).sum())
    return [*parts, {"bucket": bucket, "predictions": [], "labels": [], "alone": alone}] if alone else parts


def measured(parts: Sequence[dict[str, Any]], asked: Asked, kind: str) -> dict[str, Any]:
    """Put parts together and measure them: one row as :func:`~streamgauge.evaluation.joining.evaluated` gives it.

    Args:
        parts: at least one, of one key and window where ``kind`` says so.
        asked: what is measured.
        kind: ``overall``, ``key`` or ``window``.
    """
    import polars as pl

    ordered = sorted(parts, key=lambda part: (part["bucket"], part["start"] or 0, part["key"] or ""))
    predictions, labels = _stacked(ordered, "predictions"), _stacked(ordered, "labels")
    settings = {name: value for name, value in asked.settings.items() if name != "positive"}
    numbers = replace(
        asked, id="id", prediction="prediction", label="label", by=(), window=None, settings=settings
    )
    table = pl.DataFrame({
        "id": np.arange(len(predictions)).astype(str), "prediction": predictions, "label": labels,
    })  # fmt: skip
    jit.choose(live=False, rows=len(table))
    (row,) = evaluated(table, None, numbers)
    first = ordered[0]
    head = {"kind": kind, "key": None if kind == "overall" else first["key"]}
    if kind == "window":
        end = first["start"] + to_micros(asked.window or timedelta(0))
        head |= {"window_start": iso(first["start"]), "window_end": iso(end)}
    tallies = {told: sum(part[name] or 0 for part in ordered) for name, told in _TALLIES.items()}
    return {**row, **head, **{name: count for name, count in tallies.items() if count}}


def _stacked(parts: Sequence[dict[str, Any]], name: str) -> FloatArray:
    return np.concatenate([np.asarray(part[name], np.float64) for part in parts])
