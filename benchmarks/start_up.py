"""How long a person waits for ``--help`` and ``check``, and an engine for its compiler."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import child
from benchmarks.settings import payments


def measure(rounds: int) -> list[dict[str, Any]]:
    """Medians over fresh processes, after one that warms the disk."""
    import yaml

    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        file = Path(folder) / "payments.yaml"
        file.write_text(yaml.safe_dump(payments("localhost:9092", "payments", limit=300), sort_keys=False))
        return [
            {"name": "streamgauge --help", **_timed(["--help"], rounds)},
            {"name": "streamgauge check FILE", **_timed(["check", str(file)], rounds)},
            *_compiling(folder),
        ]


def _timed(arguments: list[str], rounds: int) -> dict[str, Any]:
    command = [str(Path(sys.executable).parent / "streamgauge"), *arguments]
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        taken.append(time.perf_counter() - began)
        if done.returncode != 0:
            raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return {"seconds": round(statistics.median(taken[1:]), 3), "rounds": rounds}


def _compiling(folder: str) -> list[dict[str, Any]]:
    cold, warm = (child.run("start_up", "compiled", folder=f"{folder}/numba") for _ in range(2))
    return [
        {"name": "kernels, nothing compiled before", **cold},
        {"name": "kernels, compiled by an earlier run", **warm},
    ]


def compiled(folder: str) -> dict[str, Any]:
    """In a child: compile what the payments plan needs, the libraries' import included."""
    import os

    os.environ["NUMBA_CACHE_DIR"] = folder
    from streamgauge.config import load
    from streamgauge.engines.running.warm_up import warm_up
    from streamgauge.kernels import jit
    from streamgauge.plan import make_plan

    plan = make_plan(load(payments("localhost:9092", "payments", limit=300)))
    jit.choose(live=True)
    began, cpu = time.perf_counter(), time.process_time()
    warm_up(plan)
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mb": child.peak_mb(),
    }
