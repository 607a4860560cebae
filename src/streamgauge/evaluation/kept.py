"""What a store kept of a monitor's windows, put together: the newest revision of each, and all of them as one.

Counts are added up, and what follows from them is measured anew with its bounds. Means are weighted by labels and have no
bounds. ROC AUC does not follow from that of the windows and is missing over all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamgauge.batch import Column
from streamgauge.clock import iso
from streamgauge.errors import ConfigError
from streamgauge.expressions import parse_condition
from streamgauge.keys import key_from_text, key_label
from streamgauge.statistics.quality import CLASSIFICATION, COUNTS, REGRESSION, counted_quality

if TYPE_CHECKING:
    import polars as pl

SUMS = ("predictions", "labels", "unlabelled", "predicted_positive", *sorted(COUNTS))
MEANS = ("log_loss", "calibration_error", "mae", "mape", "bias")
_MEASURES = (*CLASSIFICATION, *REGRESSION)


def rows_of_windows(
    frame: pl.DataFrame, span: tuple[int | None, int | None], min_labels: int, when: str | None
) -> list[dict[str, Any]]:
    """One row for all, one per key where there are several, one per window.

    Args:
        frame: what was kept at each telling: ``key`` (as stored), ``window_start``, ``window_end``, counts and measures.
        span: only windows that start in it; microseconds, None: open.
        min_labels: fewer are not enough data.
        when: the condition that is critical over all.

    Raises:
        ConfigError: nothing is kept, or what is kept rests on no labels.
        ExpressionError: the condition does not fit the measures.
    """
    import polars as pl

    if "labels" not in frame.columns:
        raise ConfigError("the store kept nothing of it that rests on labels; see `history:` of the store")
    newest = frame.unique(["key", "window_start"], keep="last", maintain_order=True).sort(
        "window_start", "key"
    )
    since, until = span
    if since is not None:
        newest = newest.filter(pl.col("window_start") >= since)
    if until is not None:
        newest = newest.filter(pl.col("window_start") < until)
    windows = newest.to_dicts()
    rows = [{"kind": "overall", "key": None, **_together(windows, min_labels)}]
    rows[0]["severity"] = _severity(rows[0], min_labels, when)
    keys = list(dict.fromkeys(row["key"] for row in windows))
    if len(keys) > 1:
        rows += _of_keys(windows, keys, min_labels)
    return rows + [_of_window(row, min_labels) for row in windows]


def _of_keys(
    windows: Sequence[Mapping[str, Any]], keys: Sequence[str], least: int
) -> Iterator[dict[str, Any]]:
    by_key: dict[str, list[Mapping[str, Any]]] = {key: [] for key in keys}
    for row in windows:
        by_key[row["key"]].append(row)
    for key, own in by_key.items():
        found = {"kind": "key", "key": _label(key), **_together(own, least)}
        yield {**found, "severity": _severity(found, least, None)}


def _of_window(row: Mapping[str, Any], least: int) -> dict[str, Any]:
    head = {
        "kind": "window", "key": _label(row["key"]), "window_start": iso(row["window_start"]),
        "window_end": iso(row["window_end"]), "severity": _severity(row, least, None),
    }  # fmt: skip
    wanted = ("revision", *SUMS, *_MEASURES)
    return head | {name: row[name] for name in wanted if row.get(name) is not None}


def _together(windows: Sequence[Mapping[str, Any]], least: int) -> dict[str, Any]:
    """Several windows as one."""
    sums = {
        name: sum(row.get(name) or 0 for row in windows)
        for name in SUMS
        if name in ("predictions", "labels", "unlabelled")
        or any(row.get(name) is not None for row in windows)
    }
    head: dict[str, Any] = {"window_start": None, "window_end": None, "severity": ""}
    if sums["labels"] < least:
        return head | {name: value for name, value in sums.items() if name not in COUNTS}
    measured: dict[str, float | None] = {name: _mean(windows, name) for name in MEANS}
    if sums.keys() >= COUNTS:
        measured |= counted_quality(*(sums[name] for name in ("tp", "fp", "fn", "tn")))
    squared = _mean([{**row, "rmse": _squared(row.get("rmse"))} for row in windows], "rmse")
    measured["rmse"] = None if squared is None else math.sqrt(squared)
    known = {name: value for name, value in measured.items() if value is not None and not math.isnan(value)}
    return head | sums | known


def _squared(value: float | None) -> float | None:
    return None if value is None else value * value


def _mean(windows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [(row[name], row["labels"]) for row in windows if row.get(name) is not None and row["labels"]]
    labels = sum(count for _, count in known)
    return sum(value * count for value, count in known) / labels if labels else None


def _severity(row: Mapping[str, Any], least: int, when: str | None) -> str:
    if row["labels"] < least:
        return "not_enough_data"
    if when is None:
        return "ok"
    counts = {*SUMS, *COUNTS}
    kinds: dict[str, Any] = {name: "int" if name in counts else "float" for name in (*SUMS, *_MEASURES)}
    columns = {name: Column(kind, values=[row.get(name)]) for name, kind in kinds.items()}
    return "critical" if int(parse_condition(when, kinds).truth(columns, 1)[0]) == 1 else "ok"


def _label(text: str) -> str | None:
    return key_label(key_from_text(text)) or None
