"""``python -m benchmarks.detectors.pairs``: does `outlier` see numbers that do not belong together, and what else it tells.

Ten kinds of data, 20 seeded runs of each: 6,000 records, one each 100 s, of which number 5,000 is odd in a way that no
single number shows; and three in which one number is. Default settings, so one false alarm per week. What comes in the first
1,000 records is not counted: over 20 runs 16.5 false alarms are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.detectors import outlier
from streamgauge.kernels import jit, rarity
from streamgauge.kernels import outliers as kernels

RUNS, RECORDS, ODD, COUNTED, EVERY = 20, 6_000, 5_000, 1_000, 100.0
Made: TypeAlias = NDArray[np.float64]


def _with(values: Made, odd: dict[int, float]) -> Made:
    """The same with an odd record, whose other numbers are ordinary ones."""
    for feature, value in odd.items():
        values[ODD, feature] = value
    return values


def _log_normal(draw: np.random.Generator, scatter: float, width: float) -> Made:
    first = draw.lognormal(3, width, RECORDS)
    second = 3 * first * draw.lognormal(0, scatter, RECORDS)
    high, low = np.exp(3 + 1.2 * width), np.exp(3 - 1.2 * width)
    return _with(np.column_stack([first, second, draw.normal(50, 5, RECORDS)]), {0: high, 1: 3 * low})


def _twice(draw: np.random.Generator) -> Made:
    first = draw.normal(20, 4, RECORDS)
    return _with(np.column_stack([first, 2 * first + draw.normal(0, 1, RECORDS)]), {0: 26.0, 1: 30.0})


def _two_of_five(draw: np.random.Generator) -> Made:
    values = draw.normal(size=(RECORDS, 5))
    values[:, 1] = 0.95 * values[:, 0] + 0.31 * values[:, 1]
    return _with(values, {0: 1.5, 1: -1.5})


def _gamma(draw: np.random.Generator) -> Made:
    values = draw.normal(size=(RECORDS, 5))
    values[:, 0] = draw.gamma(2, 1, RECORDS)
    values[:, 1] = values[:, 0] + 0.3 * draw.normal(size=RECORDS)
    return _with(values, {0: 4.0, 1: 1.0})


def _student(draw: np.random.Generator) -> Made:
    values = draw.standard_t(4, size=(RECORDS, 3))
    values[:, 1] = values[:, 0] + 0.3 * draw.normal(size=RECORDS)
    return _with(values, {0: 2.0, 1: -1.0})


def _square(draw: np.random.Generator) -> Made:
    first = draw.normal(size=RECORDS)
    bent = first**2 + 0.2 * draw.normal(size=RECORDS)
    return _with(np.column_stack([first, bent, draw.normal(size=RECORDS)]), {0: 0.0, 1: 3.0})


def _ring(draw: np.random.Generator) -> Made:
    angle = draw.uniform(0, 2 * np.pi, RECORDS)
    round_it = np.column_stack([np.cos(angle), np.sin(angle)])
    return _with(round_it + 0.1 * draw.normal(size=(RECORDS, 2)), {0: 0.0, 1: 0.0})


def _two_groups(draw: np.random.Generator) -> Made:
    values, side = 0.5 * draw.normal(size=(RECORDS, 4)), np.where(draw.random(RECORDS) < 0.5, 3.0, -3.0)
    values[:, 0] += side
    values[:, 1] += side
    return _with(values, {0: 3.0, 1: -3.0})


SHAPES: dict[str, Callable[[np.random.Generator], Made]] = {
    "log-normal, one three times the other": lambda draw: _log_normal(draw, 0.15, 0.5),
    "the same, wider": lambda draw: _log_normal(draw, 0.3, 0.8),
    "normal, one twice the other": _twice,
    "five normal numbers, of which two go together": _two_of_five,
    "the same, these two with a gamma distribution": _gamma,
    "three of Student's t (4 degrees), of which two go together": _student,
    "one the square of the other": _square,
    "a ring, and its middle": _ring,
    "two groups, and between them": _two_groups,
    "one normal number, 8 deviations off": lambda draw: _with(draw.normal(size=(RECORDS, 1)), {0: 8.0}),
    "one of twelve, 8 deviations off": lambda draw: _with(draw.normal(size=(RECORDS, 12)), {3: 8.0}),
    "one of thirty, 8 deviations off": lambda draw: _with(draw.normal(size=(RECORDS, 30)), {3: 8.0}),
    "one of thirty of Student's t (4 degrees), at 60": lambda draw: _with(
        draw.standard_t(4, size=(RECORDS, 30)), {3: 60.0}
    ),
}


def alarms(values: Made, seed: int) -> NDArray[np.int64]:
    """At which records an incident begins."""
    config = outlier.Config(features=("any",), seed=seed)
    state = outlier.OutlierState(values.shape[1], config.projections)
    state.make_room(1)
    n = len(values)
    slots, apart, strength, worst = (
        np.zeros(n, np.int32),
        np.zeros(n, np.bool_),
        np.empty(n),
        np.empty(n, np.int32),
    )
    numbers = np.array([outlier.OF_KEY, config.learn, config.memory], np.int64)
    times, severity = (np.arange(n) * EVERY * 1e6).astype(np.int64), np.empty(n, np.int8)
    with jit.running(compiled=True):
        drawn = outlier.drawn(values.shape[1], config.projections, seed)
        kernels.judge_records(
            slots, values, apart, state.normal, state.rarity, drawn, numbers, strength, worst
        )
        kernels.decide(
            slots, times, strength, apart, np.full(1, -(2**62)), rarity.new_pool(), config.limits(), severity,
            np.empty(n),
        )  # fmt: skip
    return np.nonzero(severity == kernels.CRITICAL)[0]


def measure(runs: int = RUNS) -> Iterator[dict[str, Any]]:
    """One row per shape: in how many runs the odd record was told, and how many others were in all."""
    for number, (name, made) in enumerate(SHAPES.items()):
        told = [alarms(made(np.random.default_rng([run, number, 5])), run) for run in range(runs)]
        others = sum(int(((at >= COUNTED) & (at != ODD)).sum()) for at in told)
        yield {"data": name, "found": sum(ODD in at for at in told), "others": others}


def main() -> None:
    """Print the table."""
    allowed = RUNS * (RECORDS - COUNTED) * EVERY / 604_800
    print(f"| data, and the odd record | found, of {RUNS} | false alarms ({allowed:.1f} allowed) |")
    print("| --- | --- | --- |")
    for row in measure():
        print(f"| {row['data']} | {row['found']} | {row['others']} |", flush=True)


if __name__ == "__main__":
    main()
