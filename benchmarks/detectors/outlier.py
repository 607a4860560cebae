"""``python -m benchmarks.detectors.outlier FOLDER``: AUROC, AUPRC and rows per second of `outlier`.

FOLDER (or ``STREAMGAUGE_ADBENCH``) holds sets of ADBench as ``*.npz`` with ``X`` and ``y``. Rows come in random order
(three seeds); each is scored before it is learned; the last 70 % count, as the first 30 % are what batch models are
fitted on. One key, default settings. The time is this process's own (CPU), kernels compiled and warm. River's half-space
trees (its defaults, behind its min-max scaler) see the first 20,000 of the same rows in the same order; where a set is
longer, their AUROC is of those. ``32_shuttle``, where FOLDER lacks it, is taken from River, which brings that set along.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors import peers
from streamgauge.detectors import outlier
from streamgauge.kernels import jit
from streamgauge.kernels import outliers as kernels

SEEDS = (1, 2, 3)
FIRST, FEWER = 0.3, 20_000
SHUTTLE = "32_shuttle.npz"


def measure(folder: Path, seeds: tuple[int, ...] = SEEDS) -> Iterator[dict[str, Any]]:
    """One row per set: means over the orders."""
    with tempfile.TemporaryDirectory() as beside:
        paths = [*folder.glob("*.npz"), *_brought_along(folder, Path(beside) / SHUTTLE)]
        yield from _measured(sorted(paths, key=lambda path: path.name), seeds)


def _brought_along(folder: Path, path: Path) -> list[Path]:
    """The set that River has, written to ``path``; nothing where the folder holds it or River cannot be had."""
    if (folder / SHUTTLE).exists() or not peers.ask("river", "river_job", what="shuttle", path=str(path)):
        return []
    return [path]


def _measured(paths: Sequence[Path], seeds: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    for path in paths:
        held = np.load(path)
        values, labels = np.ascontiguousarray(held["X"], np.float64), held["y"]
        runs = [_run(values, labels, seed) for seed in seeds]
        means = {key: round(float(np.mean([run[key] for run in runs])), 3) for key in ("auroc", "auprc")}
        rate = float(np.median([run["rows_per_second"] for run in runs]))
        yield {
            "set": path.stem, "rows": len(values), **means, "rows_per_second": round(rate),
            "river": _of_river(path, labels, len(values), seeds[0]),
        }  # fmt: skip


def _of_river(path: Path, labels: NDArray[Any], count: int, seed: int) -> dict[str, float] | None:
    """AUROC, AUPRC and rows per second of half-space trees; None where River cannot be had."""
    order = np.random.default_rng(seed).permutation(count)[:FEWER]
    asked = {"path": str(path.resolve()), "seed": seed, "most": FEWER, "rounds": 1}
    answer = peers.ask("river", "river_job", what="records", **asked)
    if answer is None:
        return None
    counted = np.arange(len(order)) >= FIRST * len(order)
    score, positive = np.array(answer["scores"])[counted], labels[order][counted] == 1
    return {
        "auroc": auroc(score, positive), "auprc": auprc(score, positive),
        "rows_per_second": float(np.median(answer["rates"])),
    }  # fmt: skip


def _run(values: NDArray[np.float64], labels: NDArray[Any], seed: int) -> dict[str, float]:
    order = np.random.default_rng(seed).permutation(len(values))
    strength, took = _strength(values[order])
    counted = (np.arange(len(order)) >= FIRST * len(order)) & np.isfinite(strength)
    score, positive = strength[counted], labels[order][counted] == 1
    return {
        "auroc": auroc(score, positive), "auprc": auprc(score, positive), "rows_per_second": len(order) / took,
    }  # fmt: skip


def _strength(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    config = outlier.Config(features=("any",))
    drawn = outlier.drawn(values.shape[1], config.projections, config.seed)
    limits = np.array([outlier.OF_KEY, config.learn, config.memory], np.int64)
    state = outlier.OutlierState(values.shape[1], config.projections)
    state.make_room(1)
    n = len(values)
    slots, apart = np.zeros(n, np.int32), np.zeros(n, np.bool_)
    strength, worst = np.empty(n), np.empty(n, np.int32)
    with jit.running(compiled=True):
        kernels.judge_records(  # compiles, and sees nothing
            slots[:0],
            values[:0],
            apart[:0],
            state.normal,
            state.rarity,
            drawn,
            limits,
            strength[:0],
            worst[:0],
        )
        began = time.process_time()
        kernels.judge_records(
            slots, values, apart, state.normal, state.rarity, drawn, limits, strength, worst
        )
        return strength, time.process_time() - began


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The share of pairs in which the outlier scores higher; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    ones = int(positive.sum())
    return float((rank[positive].sum() - ones * (ones + 1) / 2) / (ones * (len(score) - ones)))


def auprc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Average precision."""
    hit = positive[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean())


def main() -> int:
    """0 when all sets were scored, 2 without a folder."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STREAMGAUGE_ADBENCH")
    if named is None:
        print("name the folder of ADBench's .npz files, or set STREAMGAUGE_ADBENCH", file=sys.stderr)
        return 2
    print(
        "| set | rows | AUROC | AUPRC | rows per second | River: AUROC | AUPRC | rows per second | ours is |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = list(measure(Path(named)))
    for row in rows:
        rate = f"{row['rows_per_second'] / 1e6:.1f} M"
        river = "| | | |"
        if (other := row["river"]) is not None:
            ratio = row["rows_per_second"] / other["rows_per_second"]
            river = f"{other['auroc']:.3f} | {other['auprc']:.3f} | {other['rows_per_second']:,.0f} | {ratio:.0f} × |"
        print(f"| {row['set']} | {row['rows']:,} | {row['auroc']} | {row['auprc']} | {rate} | {river}")
    means = (f"{np.mean([row[key] for row in rows]):.3f}" for key in ("auroc", "auprc"))
    print(f"| mean | | {' | '.join(means)} | | | | | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
