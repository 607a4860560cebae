"""Spark local[2]: our exact mode beside a stateful Python operator written by hand, over the same topic.

By itself: ``uv run python -m benchmarks.spark --records 3000000 --rounds 3`` (ten minutes on a quiet machine).
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

HOWS = ("exact", "by_hand")


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
    """Print a line for each job, then the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=3_000_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rates: dict[str, list[int]] = {how: [] for how in HOWS}
    with BenchBroker() as broker:
        for _ in range(given.rounds):
            for how in HOWS:
                answer = run(broker, Spec(given.records, given.keys), how)
                rates[how].append(answer["records_per_second"])
                print(json.dumps(answer), flush=True)
    exact, by_hand = (statistics.median(rates[how]) for how in HOWS)
    print(json.dumps({"exact": exact, "by_hand": by_hand, "ratio": round(exact / by_hand, 2)}))


if __name__ == "__main__":
    main()
