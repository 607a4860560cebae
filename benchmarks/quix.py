"""Quix Streams: the same windows over fewer records of the same kind."""

from __future__ import annotations

import tempfile
import time
from typing import Any

from benchmarks import elsewhere, outcome
from benchmarks.broker import BenchBroker
from benchmarks.records import SIZE, Spec, expected

VERSION = "3.28.1"


def run(broker: BenchBroker, spec: Spec) -> dict[str, Any]:
    """From the first record to the last; the windows that it closed are compared."""
    python = elsewhere.environment("quix", f"quixstreams=={VERSION}")
    topic, out = broker.topic(spec), f"quix-{time.time_ns()}"
    broker.empty_topic(out, 1)
    with tempfile.TemporaryDirectory(prefix="streamgauge-quix-") as state:
        answer = elsewhere.run_job(
            python,
            "quix_job.py",
            {
                "brokers": broker.bootstrap,
                "topic": topic,
                "out": out,
                "size": SIZE,
                "records": spec.records,
                "state": state,
            },
        )
    found = outcome.windows(broker.bootstrap, out, lambda row: int(str(row["start"])))
    right = expected(spec).ended_by(int(found.starts.max(initial=0)) + SIZE)
    return {**answer, "closed": len(found.accounts), "wrong": right.differences(found)}
