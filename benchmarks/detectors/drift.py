"""``python -m benchmarks.detectors.drift``: how fast a drift stream is checked, and how fast others check it.

The last 1,000 records of five numbers are compared with a reference of 100,000 rows after each 100 records. Ours goes
through window, detector and incidents in batches of 500 columns, as a decoder leaves them; of the others only the checks
are timed, on windows that are arrays already. CPU time of one process each, kernels compiled and warm, the same seeds,
medians of three rounds; ours and theirs take turns in one run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detectors import peers
from streamgauge.batch import Batch, Column, Partition
from streamgauge.config import load
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.kernels import jit
from streamgauge.plan import make_plan
from streamgauge.statistics.reference import Reference, build
from streamgauge.statistics.reference_file import encoded

EVENTS, BATCH, FEATURES, ROUNDS = 200_000, 500, 5, 3
WINDOW, EVERY, REFERENCE = 1_000, 100, 100_000
METHODS = ("psi", "kolmogorov_smirnov", "wasserstein", "gaussian")
CHECKERS = (
    ("Evidently 0.7.23, a report by PSI", "evidently", "evidently", 3),
    ("NannyML 0.13.1, Jensen-Shannon", "nannyml", "nannyml", 60),
    ("pandas, as tutorials write PSI", "nannyml", "pandas", 15),
    ("SciPy, `ks_2samp` by feature", "nannyml", "scipy", 10),
)
"""What it is called, its environment, what its job is asked for, and how many checks a round has."""

HERE = Partition("here")


class Nobody:
    """An observer that keeps nothing."""

    def results(self, *_: Any) -> None:
        """Windows pass."""

    verdicts = late = results


def measure() -> Iterator[tuple[str, float]]:
    """What was measured, and its events per second of CPU; the first is what all others are set beside."""
    rng = np.random.default_rng(1)
    reference = build({f"f{n}": rng.normal(size=REFERENCE) for n in range(FEATURES)})
    for method in METHODS:
        for what, shift in (("no drift", 0.0), ("drift in each check", 1.0)):
            rate = statistics.median(stream_rate(reference, method, shift) for _ in range(ROUNDS))
            yield f"`{method}`, {what}", rate
    asked = {"reference": REFERENCE, "features": FEATURES, "window": WINDOW, "rounds": ROUNDS}
    for called, environment, who, checks in CHECKERS:
        answer = peers.ask(environment, "drift_job", who=who, checks=checks, **asked)
        if answer is not None:
            yield called, EVERY / statistics.median(answer["seconds"])
    answer = peers.ask("river", "river_job", what="drift", count=20_000, rounds=ROUNDS)
    for name, rates in (answer or {}).items():
        yield f"River 0.26.1, {name}, one per feature (no reference)", statistics.median(rates)


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
            "window": {"type": "count", "size": WINDOW, "every": EVERY},
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


def main() -> int:
    """A table."""
    print("| drift stream of five features | events/s of CPU | `psi` without drift is |\n|---|---|---|")
    ours = None
    for what, rate in measure():
        ours = ours or rate
        ratio = (
            "" if rate == ours else f"{ours / rate:,.1f} ×" if ours < 10 * rate else f"{ours / rate:,.0f} ×"
        )
        print(f"| {what} | {rate:,.0f} | {ratio} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
