"""``python -m benchmarks.detectors.forests FOLDER``: `half_space_trees` and `isolation_forest` on sets of outliers.

FOLDER (or ``STREAMGAUGE_ADBENCH``) holds sets of ADBench as ``*.npz`` with ``X`` and ``y``; rows, orders and what counts are
as in ``benchmarks.detectors.outlier``. The time is this process's own (CPU) over whole steps of the detector, verdicts
included, kernels compiled and warm.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors.outlier import FIRST, SEEDS, auprc, auroc
from streamgauge.batch import Column, ColumnKind
from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.kernels import jit
from streamgauge.keys import KeySlots
from streamgauge.scoring import results_of
from streamgauge.windows.contract import WindowResults

DETECTORS = ("half_space_trees", "isolation_forest")


def measure(folder: Path, detector: str) -> Iterator[dict[str, Any]]:
    """One row per set: means over the orders."""
    for path in sorted(folder.glob("*.npz")):
        held = np.load(path)
        runs = [
            _run(detector, np.ascontiguousarray(held["X"], np.float64), held["y"], seed) for seed in SEEDS
        ]
        area, precision, rate = np.mean(runs, axis=0).tolist()
        yield {"set": path.stem, "rows": len(held["y"]), "auroc": area, "auprc": precision, "rate": rate}


def _run(detector: str, values: NDArray[Any], labels: NDArray[Any], seed: int) -> tuple[float, float, float]:
    order = np.random.default_rng(seed).permutation(len(values))
    score, took = _scores(detector, values[order])
    counted = (np.arange(len(order)) >= FIRST * len(order)) & np.isfinite(score)
    found, positive = score[counted], labels[order][counted] == 1
    return auroc(found, positive), auprc(found, positive), len(order) / took


def _scores(detector: str, values: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    module, names = plugins.module("detectors", detector), [f"f{j}" for j in range(values.shape[1])]
    kinds: dict[str, ColumnKind] = dict.fromkeys(names, "float")
    built = module.build(
        module.Config.model_validate({"features": names}), Context("bench", kinds, windowed=False)
    )
    with jit.running(compiled=True):
        built.step(built.initial(), _records(values[:1], names))  # compiles
        began = time.process_time()
        told = built.step(built.initial(), _records(values, names))
        return told.score, time.process_time() - began


def _records(values: NDArray[Any], names: list[str]) -> WindowResults:
    """Records of one key, a microsecond apart."""
    keys = KeySlots(limit=1)
    moments = np.arange(len(values), dtype=np.int64)
    plain = results_of(values[:, 0], (moments, keys.whole(len(values))), keys, None)
    columns = {name: Column("float", numbers=values[:, j].copy()) for j, name in enumerate(names)}
    return replace(plain, columns=columns)


def main() -> int:
    """0 when all sets were scored, 2 without a folder."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STREAMGAUGE_ADBENCH")
    if named is None:
        print("name the folder of ADBench's .npz files, or set STREAMGAUGE_ADBENCH", file=sys.stderr)
        return 2
    print(
        "| detector | set | rows | AUROC | AUPRC | rows per second |\n| --- | --- | --- | --- | --- | --- |"
    )
    for detector in DETECTORS:
        for row in measure(Path(named), detector):
            numbers = f"{row['auroc']:.3f} | {row['auprc']:.3f} | {row['rate']:,.0f}"
            print(f"| {detector} | {row['set']} | {row['rows']:,} | {numbers} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
