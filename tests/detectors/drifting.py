"""Streams of records with and without drift, run through the real path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import streamgauge

METHODS = [
    "psi",
    "jensen_shannon",
    "hellinger",
    "chi_square",
    "kolmogorov_smirnov",
    "wasserstein",
    "gaussian",
]
OF_BINS, OF_NUMBERS = METHODS[:4], METHODS[4:]
KINDS = {float: "float", int: "int", str: "string", bool: "bool"}


def verdicts(
    method: str,
    reference: Any,
    records: Mapping[str, Sequence[Any]],
    window: Mapping[str, Any] | None = None,
    *,
    field: Mapping[str, Any] | None = None,
    **detect: Any,
) -> list[dict[str, Any]]:
    """What a monitor says of ``records``, one a second: lines of a replay."""
    kinds = {
        name: next((KINDS[type(value)] for value in column if value is not None), "float")
        for name, column in records.items()
    }
    stream = {
        "source": {"type": "files", "path": "x.ndjson"},
        "format": "json",
        "fields": {**kinds, **(field or {}), "at": "timestamp"},
        "time": "at",
    }
    monitor = {
        "stream": "s",
        "window": dict(window or {"type": "count", "size": 500}),
        "detect": {"type": method, "reference": reference, **detect},
    }
    length = len(next(iter(records.values())))
    rows = [
        {name: column[i] for name, column in records.items()} | {"at": 1_000_000 + i} for i in range(length)
    ]
    found = streamgauge.replay({"streams": {"s": stream}, "monitors": {"m": monitor}}, streams={"s": rows})
    return [line for line in found.lines if line["kind"] == "verdict"]


def normal(count: int, mean: float = 0.0, *, seed: int = 0) -> list[float]:
    values: list[float] = np.random.default_rng(seed).normal(mean, 1, count).tolist()
    return values


def features(verdict: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What a verdict says of each feature, by name."""
    return {one["feature"]: one for one in verdict["evidence"]["features"]}
