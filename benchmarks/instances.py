"""What sharing a store costs: ``python -m benchmarks.instances``, one instance alone beside one and two that share.

Processor time is measured, of all instances together, while they read records that are written after they have joined;
and how long a notice takes from the record that decides it to the receiver. Needs Kafka and PostgreSQL as the tests do.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from tests.exactness.running import Run, peek, until, write
from tests.services.kafka import unique
from tests.services.postgresql import PostgresServer

from benchmarks.broker import BenchBroker
from streamgauge.testing import WebhookReceiver

RECORDS, PARTITIONS, ACCOUNTS, NOTICES = 1_000_000, 8, 1_000, 30


def main() -> None:
    """Print a line per case."""
    with BenchBroker() as kafka, PostgresServer().start() as postgres:
        for shared, instances in ((False, 1), (True, 1), (True, 2)):
            with tempfile.TemporaryDirectory() as folder, WebhookReceiver() as receiver:
                topic = kafka.empty_topic(unique("payments"), PARTITIONS)
                store = {"url": postgres.new_database().url(), "shared": shared}
                path = write(Path(folder), config(kafka, topic, receiver, store))
                found = measured(path, kafka.producer(**{"linger.ms": 5}), topic, receiver, instances)
            print(json.dumps({"shared": shared, "instances": instances, **found}), flush=True)


def measured(
    path: Path, producer: Any, topic: str, receiver: WebhookReceiver, instances: int
) -> dict[str, Any]:
    """One case."""
    with ExitStack() as running:
        runs = [running.enter_context(Run(path)) for _ in range(instances)]
        until(lambda: len(read(path)) == PARTITIONS, "their joining", alive=runs[0])
        until(lambda: all(run.says('"reading"') for run in runs), "a share for each", alive=runs[-1])
        before, began = processor_seconds(runs), time.monotonic()
        base = time.time() // 60 * 60
        for n in range(RECORDS):
            send(producer, topic, n % ACCOUNTS, base)
        producer.flush(60)
        until(lambda: sum(read(path).values()) == RECORDS, "all to be read", alive=runs[0])
        seconds, used = time.monotonic() - began, processor_seconds(runs) - before
        delays = [delay(producer, topic, receiver, ACCOUNTS + n) for n in range(NOTICES)]
    return {
        "processor_seconds_per_million": round(used / RECORDS * 1e6, 2),
        "seconds": round(seconds, 1),
        "notice_median_ms": round(1000 * median(delays)),
        "notice_worst_ms": round(1000 * max(delays)),
    }


def config(kafka: BenchBroker, topic: str, receiver: WebhookReceiver, store: Any) -> dict[str, Any]:
    """Ten aligned rules over one stream, one of which is told."""
    events = {"type": "tumbling", "size": "60s", "by": "account", "compute": {"events": "count(*)"}}
    told = {"stream": "payments", "window": events, "detect": {"type": "threshold", "when": "events > 5000"}}
    spent = {**events, "compute": {"spent": "sum(amount)", "most": "max(amount)"}}
    rules = {
        f"spent-{n}": {
            "stream": "payments",
            "window": spent,
            "detect": {"type": "threshold", "when": f"most > {n + 1_000_000}"},
        }
        for n in range(9)
    }
    source = {"type": "kafka", "brokers": kafka.bootstrap, "topic": topic, "start": "earliest"}
    return {
        "streams": {
            "payments": {
                "source": {**source, "group": unique("group")},
                "format": "json",
                "fields": {"account": "string", "amount": {"type": "float", "min": 0}, "at": "timestamp"},
                "partitioned_by": "account",
                "time": "at",
            }
        },
        "monitors": {"told": {**told, "notify": "ops"}, **rules},
        "channels": {"ops": {"type": "webhook", "url": receiver.url}},
        "store": store,
    }


def read(path: Path) -> dict[Any, int]:
    """Offsets committed, by partition."""
    found = peek(path, lambda look: look.positions("payments")) or {}
    return {partition: at.next_offset for partition, at in found.items()}


def send(producer: Any, topic: str, account: int, at: float, amount: float = 1.0) -> None:
    """One payment; an account has its partition."""
    body = f'{{"account": "a-{account}", "amount": {amount}, "at": {round(at * 1000)}}}'
    while True:
        try:
            producer.produce(topic, body, partition=account % PARTITIONS)
        except BufferError:
            producer.poll(0.1)
        else:
            break


def delay(producer: Any, topic: str, receiver: WebhookReceiver, account: int) -> float:
    """Seconds from the record that decides an incident to the receiver."""
    had, at = len(receiver.received), time.time()
    for _ in range(5_000):
        send(producer, topic, account, at)
    producer.flush(60)
    time.sleep(0.5)  # what came before the one that decides is read
    began = time.monotonic()
    send(producer, topic, account, at)
    producer.flush(10)
    until(lambda: len(receiver.received) > had, "the notice")
    return time.monotonic() - began


def processor_seconds(runs: list[Run]) -> float:
    """That all instances have used so far."""
    times = [psutil.Process(run.pid).cpu_times() for run in runs]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
