"""Windows of small streams for the rules about windows: one answer per window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.replaying import config, record, run


def lines(
    detect: Mapping[str, Any],
    windows: Sequence[Sequence[Mapping[str, Any]]],
    size: str = "10s",
    **window: Any,
) -> list[Any]:
    """Every line about tumbling windows that hold these records; one more record closes the last."""
    seconds = int(size.removesuffix("s"))
    rows = [
        record(i * seconds + j / 1000, **{"k": None, **fields})
        for i, held in enumerate(windows)
        for j, fields in enumerate(held)
    ]
    rows.append(record(len(windows) * seconds))
    monitor = {"window": {"type": "tumbling", "size": size, **window}, "detect": dict(detect)}
    return list(run(config({"m": monitor}), rows, flush=False).lines)


def answers(
    detect: Mapping[str, Any], windows: Sequence[Sequence[Mapping[str, Any]]], **more: Any
) -> list[str]:
    """The severity of each window that had records, without early ones."""
    return [
        line["severity"]
        for line in lines(detect, windows, **more)
        if line["kind"] == "verdict" and not line["early"]
    ]


def titles(
    detect: Mapping[str, Any], windows: Sequence[Sequence[Mapping[str, Any]]], **more: Any
) -> list[str]:
    """What people read when it fires."""
    return [
        line["title"]
        for line in lines(detect, windows, **more)
        if line["kind"] == "incident" and line["status"] == "firing"
    ]
