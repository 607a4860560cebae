"""Spark local[2]: our two manners beside what is written by hand, over the same topic.

The exact mode beside a stateful Python operator on the executors (at least as fast is wanted), with the way over the driver
beside it; native windows beside a Structured Streaming job for the same windows (0.8 of it is wanted).

By itself: ``uv run python -m benchmarks.spark --rounds 3`` (ten minutes on a quiet machine; one round takes three).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from tests.services.spark import connector, python

from benchmarks import elsewhere
from benchmarks.broker import BenchBroker
from benchmarks.records import Spec

HOWS = ("exact", "by_hand", "for_each_batch", "native", "windows_by_hand")
RATIOS = {"exact": "by_hand", "native": "windows_by_hand"}
"""What is compared with what."""


def run(broker: BenchBroker, spec: Spec, how: str) -> dict[str, Any]:
    """One job over the whole topic; its first micro-batch, which compiles and starts workers, is left out."""
    wanted = {
        "how": how,
        "brokers": broker.bootstrap,
        "topic": broker.topic(spec),
        "out": f"spark-{time.time_ns()}",
        "records": spec.records,
        "limit": spec.limit,
        "jars": connector(),
    }
    answer: dict[str, Any] = elsewhere.run_job(python(), "spark_job.py", wanted)
    return {"how": how, **answer}


def main() -> None:
    """Print a line for each job, then the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    rates: dict[str, list[int]] = {how: [] for how in HOWS}
    with BenchBroker() as broker:
        for _ in range(given.rounds):
            for how in HOWS:
                answer = run(broker, Spec(given.records, given.keys), how)
                rates[how].append(answer["records_per_second"])
                print(json.dumps(answer), flush=True)
    medians = {how: statistics.median(rates[how]) for how in HOWS}
    ratios = {
        f"{ours}/{theirs}": round(medians[ours] / medians[theirs], 2) for ours, theirs in RATIOS.items()
    }
    print(json.dumps({**medians, **ratios}))


if __name__ == "__main__":
    main()
