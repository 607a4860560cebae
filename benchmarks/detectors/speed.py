"""``python -m benchmarks.detectors.speed``: values per second and bytes per key of the series detectors; River beside them.

One process, its own CPU time, kernels compiled and warm, medians of three. River's half-space trees run in an environment
of their own, value by value as it is made to be used, on fewer values: with its defaults, and with the 25 trees of the
paper.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import streamgauge
from benchmarks.detectors import peers

VALUES, KEYS, FEWER, ROUNDS = 600_000, 1_000, 20_000, 3
DETECTORS = ("auto", "composite", "seasonal")


def measure() -> Iterator[dict[str, Any]]:
    """One row per detector, then River's."""
    values = 10 + np.random.default_rng(1).standard_normal(VALUES)
    for name in DETECTORS:
        streamgauge.score(values[:3_000], name, times=np.arange(3_000))
        rates = [_rate(values, name) for _ in range(ROUNDS)]
        yield {"detector": name, "rate": statistics.median(rates), "bytes": _bytes(name)}
    answer = peers.ask("river", "river_job", what="values", count=FEWER, rounds=ROUNDS)
    for name, rates in (answer or {}).items():
        yield {"detector": f"River 0.26.1, {name}", "rate": statistics.median(rates), "bytes": None}


def _rate(values: Any, name: str) -> float:
    times = np.arange(len(values)) * 60.0
    began = time.process_time()
    streamgauge.score(values, name, times=times)
    return len(values) / (time.process_time() - began)


def _bytes(name: str) -> float:
    """What a state of many keys holds that live for a day each, per key."""
    from streamgauge.config import plugins
    from streamgauge.detectors.contract import Context
    from streamgauge.keys import KeySlots
    from streamgauge.scoring import VALUE, results_of

    module = plugins.module("detectors", name)
    built = module.build(module.Config(), Context("m", {VALUE: "float"}, windowed=False))
    keys, state, rows = KeySlots(KEYS), built.initial(), 48
    slots = np.tile(keys.slots([str(key) for key in range(KEYS)]), rows)
    moments = np.repeat(np.arange(rows) * 1_800_000_000, KEYS)
    values = 10 + np.random.default_rng(1).standard_normal(len(slots))
    built.step(state, results_of(values, (moments, slots), keys, None))
    return sum(column.nbytes for table in state.tables().values() for column in table.values()) / KEYS


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| detector | values per second of CPU | `auto` is | bytes per key |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        held = "" if row["bytes"] is None else f"{row['bytes']:,.0f}"
        ratio = f"{rows[0]['rate'] / row['rate']:,.1f} ×"
        lines.append(f"| {row['detector']} | {row['rate']:,.0f} | {ratio} | {held} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(list(measure())))
