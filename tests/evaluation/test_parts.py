"""Joined in parts and measured together, history says what it says as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from streamgauge.evaluation.joining import Asked, evaluated
from streamgauge.evaluation.parts import measured, parts_of

BUCKETS = 7


def history(count: int = 400) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Predictions of two days, some twice; labels of most of them, some twice, some changed, some of nobody."""
    draw = np.random.default_rng(5)
    ids = [f"{number}" for number in draw.integers(0, count * 9 // 10, count)]
    at = np.sort(draw.integers(0, 2 * 86_400, count)) * 1_000_000
    given = {
        "id": ids,
        "p": draw.random(count),
        "place": [("a", "b", None)[n] for n in draw.integers(0, 3, count)],
        "at": at,
    }
    known = [f"{number}" for number in draw.integers(0, count, count)]
    return pl.DataFrame(given), pl.DataFrame({"id": known, "y": draw.random(count) < 0.4})


def in_parts(given: pl.DataFrame, known: pl.DataFrame, asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """As a cluster does it: records by the hash of their id, then parts by what they belong to."""
    table = pl.concat([given.with_columns(y=None), known], how="diagonal_relaxed")
    bucket = [int(name) % BUCKETS for name in table["id"]]
    parts: list[dict[str, Any]] = []
    for number in range(BUCKETS):
        parts += parts_of(table.filter(pl.Series(bucket) == number), asked, number)
    groups: dict[tuple[str, Any, Any], list[dict[str, Any]]] = {}
    for part in (part for part in reversed(parts) if part["predictions"]):
        groups.setdefault(("overall", None, None), []).append(part)
        groups.setdefault(("key", part["key"], None), []).append(part)
        if asked.window is not None:
            groups.setdefault(("window", part["key"], part["start"]), []).append(part)
    rows = [measured(group, asked, kind) for (kind, _, _), group in groups.items()]
    return rows, sum(part["alone"] for part in parts)


def named(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {(row["kind"], row["key"], row["window_start"]): row for row in rows}


def near(row: dict[str, Any]) -> dict[str, Any]:
    """As another order of adding may give it."""
    return {
        name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_parts_measured_together_are_the_whole(kind: Any):
    given, known = history()
    known = known.with_columns(pl.col("y").cast(pl.Int64))
    settings = {"min_labels": 5, "when": "mae > 0.4" if kind == "regression" else "precision < 0.4"}
    asked = Asked(kind, "id", "p", "y", ("place",), settings, timedelta(hours=12))
    whole, (rows, alone) = named(evaluated(given, known, asked)), in_parts(given, known, asked)
    parts = named(rows)
    assert parts.keys() == whole.keys()
    assert len(whole) == 1 + 3 + 12
    for name, row in whole.items():
        assert parts[name] == near(row), name
    assert whole["overall", None, None]["repeated_predictions"] > 0
    assert whole["overall", None, None]["changed_labels"] > 0
    assert alone == len(set(known["id"]) - set(given["id"]))


def test_classes_as_texts_are_read_where_they_are_joined():
    given = pl.DataFrame({"id": ["1", "2", "3"], "p": ["yes", "no", "yes"]})
    known = pl.DataFrame({"id": ["1", "2", "3"], "y": ["yes", "yes", "no"]})
    asked = Asked("classification", "id", "p", "y", (), {"min_labels": 1, "positive": "yes"})
    rows, _ = in_parts(given, known, asked)
    assert rows[0] == near(evaluated(given, known, asked)[0])
    assert (rows[0]["tp"], rows[0]["fn"], rows[0]["fp"]) == (1, 1, 1)
