"""``python -m benchmarks.detectors.distances``: single checks against a reference, and exact distances of two samples.

CPU time of one process, medians of three rounds, seeds. SciPy stands beside the exact distances: the same samples, other
ones in each call, as no stream repeats its data; feature-engine beside PSI, for its value.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

import streamgauge
from benchmarks.detectors import peers
from streamgauge.kernels import jit, samples
from streamgauge.statistics import two_samples
from streamgauge.statistics.binning import cells, counts_of
from streamgauge.statistics.divergences import PSI
from streamgauge.statistics.reference import build

ROUNDS, PAIRS = 3, 200
CASES = [[seed, 3_000 + 500 * seed, 200 + 150 * seed, 0.1 * seed, 1 + 0.1 * seed] for seed in range(8)]
"""Seed, rows of the reference, rows compared, shift and spread."""


def measure() -> Iterator[tuple[str, str]]:
    """What was measured, and what came out."""
    rng = np.random.default_rng(1)
    for columns, rows in ((10, 100_000), (1_000, 20_000)):
        wide = build({f"f{n}": rng.normal(size=rows) for n in range(columns)})
        now = {f"f{n}": rng.normal(size=1_000) for n in range(columns)}
        took = timed(partial(streamgauge.drift, wide), [(now,)] * 5)
        yield f"one PSI check, 1,000 rows of {columns:,} columns", f"{took * 1e3:.2f} ms"
    began = time.process_time()
    build({f"f{n}": rng.normal(size=20_000) for n in range(1_000)})
    yield "a reference of 1,000 columns, 20,000 rows", f"{time.process_time() - began:.1f} s"
    with jit.running(compiled=True):
        yield from beside_scipy(rng)
    yield from beside_feature_engine()


def beside_scipy(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Two samples of 1,000 rows each, and 1,000 rows beside a reference of 100,000 that ours has sorted once."""
    from scipy import stats

    pairs = [(rng.normal(size=1_000), rng.normal(size=1_000)) for _ in range(PAIRS)]
    counts = [(rng.integers(1, 99, 10), rng.integers(1, 99, 10)) for _ in range(PAIRS)]
    long = rng.normal(size=100_000)
    ready = samples.in_order(long)

    def theirs_of_counts(p: Any, q: Any) -> Any:
        return stats.chi2_contingency([p, q], correction=False)

    yield _beside("Kolmogorov-Smirnov", samples.kolmogorov_smirnov, stats.ks_2samp, pairs)
    yield _beside("Wasserstein", samples.wasserstein, stats.wasserstein_distance, pairs)
    yield _beside("chi-square", two_samples.chi_square, theirs_of_counts, counts)
    few = [(long, b) for _, b in pairs[:10]]
    yield _beside(
        "Kolmogorov-Smirnov beside 100,000 rows",
        lambda _, b: samples.furthest(ready, samples.in_order(b)), stats.ks_2samp, few,
    )  # fmt: skip
    yield _beside(
        "Wasserstein beside 100,000 rows",
        lambda _, b: samples.area(ready, samples.in_order(b)), stats.wasserstein_distance, few,
    )  # fmt: skip


def _beside(
    name: str, ours: Callable[..., Any], theirs: Callable[..., Any], given: Sequence[tuple[Any, ...]]
) -> tuple[str, str]:
    """The times, and the largest difference."""
    apart = max(abs(_first(ours(*each)) - _first(theirs(*each))) for each in given)
    mine, other = timed(ours, given), timed(theirs, given)
    return (
        f"exact {name}, SciPy beside it",
        f"{mine * 1e6:.1f} µs, {other / mine:.1f} times as fast; at most {apart:.0e} apart",
    )


def _first(answer: Any) -> float:
    return float(answer if isinstance(answer, float) else answer[0])


def beside_feature_engine() -> Iterator[tuple[str, str]]:
    """The largest difference in PSI over samples from the same seeds."""
    theirs = peers.ask("feature-engine", "psi_job", cases=CASES)
    if theirs is not None:
        apart = max(abs(psi(*case) - value) for case, value in zip(CASES, theirs, strict=True))
        yield (
            "PSI, feature-engine 1.9.4 `equal_frequency` beside it",
            f"at most {apart:.0e} apart, {len(CASES)} cases",
        )


def psi(seed: int, before: int, now: int, shift: float, spread: float) -> float:
    """Ours, of the same draws as in ``psi_job.py``."""
    rng = np.random.default_rng(seed)
    reference, current = rng.normal(size=int(before)), rng.normal(shift, spread, int(now))
    bins = cells(reference)
    after, first = (counts_of(bins.codes(values), bins.labels) for values in (current, reference))
    return PSI.of(after, first)


def timed(what: Callable[..., Any], given: Sequence[tuple[Any, ...]]) -> float:
    """CPU seconds of one call, the median of three rounds; warm."""
    what(*given[0])
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for each in given:
            what(*each)
        rounds.append((time.process_time() - began) / len(given))
    return statistics.median(rounds)


def main() -> int:
    """A table."""
    print("| what | measured |\n|---|---|")
    for what, found in measure():
        print(f"| {what} | {found} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
