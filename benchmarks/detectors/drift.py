"""``python -m benchmarks.detectors.drift``: how fast drift is found, and how often where there is none; SciPy beside it.

One process, its own CPU time, kernels compiled and warm, medians of three, seeded. Records are columns already, as a
decoder leaves them: reading and decoding are measured elsewhere. Evidently, NannyML and pandas are not run here.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import streamgauge
from streamgauge.batch import Batch, Column, Partition
from streamgauge.config import load
from streamgauge.engines.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.kernels import jit
from streamgauge.plan import make_plan
from streamgauge.statistics import two_samples
from streamgauge.statistics.reference import Reference, build
from streamgauge.statistics.reference_file import encoded

EVENTS, BATCH, FEATURES, ROUNDS = 200_000, 500, 5, 3
METHODS = ("psi", "kolmogorov_smirnov", "wasserstein", "gaussian")
HERE = Partition("here")


class Nobody:
    """An observer that keeps nothing."""

    def results(self, *_: Any) -> None:
        """Windows pass."""

    verdicts = late = results


def measure() -> Iterator[tuple[str, str]]:
    """What was measured, and what came out."""
    rng = np.random.default_rng(1)
    reference = build({f"f{n}": rng.normal(size=100_000) for n in range(FEATURES)})
    for method in METHODS:
        for what, shift in (("no drift", 0.0), ("drift in each check", 1.0)):
            rate = statistics.median(stream_rate(reference, method, shift) for _ in range(ROUNDS))
            yield f"stream, {method}, {what}", f"{rate / 1e6:.2f} M events/s"
    for columns, rows in ((10, 100_000), (1_000, 20_000)):
        wide = build({f"f{n}": rng.normal(size=rows) for n in range(columns)})
        now = {f"f{n}": rng.normal(size=1_000) for n in range(columns)}
        took = timed(partial(streamgauge.drift, wide, now), 5)
        yield f"one PSI check, 1,000 rows of {columns:,} columns", f"{took * 1e3:.2f} ms"
    began = time.process_time()
    build({f"f{n}": rng.normal(size=20_000) for n in range(1_000)})
    yield "a reference of 1,000 columns, 20,000 rows", f"{time.process_time() - began:.1f} s"
    yield from beside_scipy(rng)


def stream_rate(reference: Reference, method: str, shift: float) -> float:
    """Events per second through window and detector: window 1,000, checked every 100, in batches of 500."""
    rng = np.random.default_rng(2)
    columns = {name: rng.normal(shift, 1, EVENTS) for name in reference.features}
    times = np.arange(EVENTS, dtype=np.int64) * 1_000
    with tempfile.TemporaryDirectory() as folder, jit.running(compiled=True):
        file = Path(folder) / "r.reference"
        file.write_bytes(encoded(reference))
        stream = {
            "source": {"type": "files", "path": "x"},
            "format": "json",
            "fields": dict.fromkeys(columns, "float"),
        }
        monitor = {
            "stream": "s",
            "window": {"type": "count", "size": 1_000, "every": 100},
            "detect": {"type": method, "reference": str(file)},
        }
        plan = make_plan(load({"streams": {"s": stream}, "monitors": {"m": monitor}})).streams["s"]
        runner = StreamRunner(plan, Board(), Nobody())
        runner.attach(HERE, None, from_start=True)
        runner.begin(HERE)
        began, order = 0.0, np.arange(BATCH)
        for start in range(0, EVENTS, BATCH):
            if start == 20 * BATCH:  # compiled and warm
                began = time.process_time()
            stop = start + BATCH
            held = {name: Column("float", numbers=column[start:stop]) for name, column in columns.items()}
            batch = Batch("s", HERE, np.arange(start, stop), times[start:stop], held, stop)
            runner.take([batch], order)
        return (EVENTS - 20 * BATCH) / (time.process_time() - began)


def beside_scipy(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Two samples of 1,000 rows, ours and SciPy's."""
    from scipy import stats

    a, b = rng.normal(size=1_000), rng.normal(size=1_000)
    p, q = rng.integers(1, 99, 10), rng.integers(1, 99, 10)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "Kolmogorov-Smirnov": (lambda: two_samples.kolmogorov_smirnov(a, b), lambda: stats.ks_2samp(a, b)),
        "Wasserstein": (lambda: two_samples.wasserstein(a, b), lambda: stats.wasserstein_distance(a, b)),
        "chi-square": (
            lambda: two_samples.chi_square(p, q),
            lambda: stats.chi2_contingency([p, q], correction=False),
        ),
    }
    for name, (ours, theirs) in pairs.items():
        mine, other = timed(ours, 300), timed(theirs, 300)
        yield f"exact {name}, SciPy beside it", f"{mine * 1e6:.0f} µs, {other / mine:.1f} times as fast"


def timed(what: Callable[[], Any], times: int) -> float:
    """CPU seconds of one call, the median of three rounds; warm."""
    what()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            what()
        rounds.append((time.process_time() - began) / times)
    return statistics.median(rounds)


def main() -> int:
    """A table."""
    print("| what | measured |\n|---|---|")
    for what, found in measure():
        print(f"| {what} | {found} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
