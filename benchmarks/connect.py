"""``python -m benchmarks.connect``: from a record's acknowledgement to the message at a receiver, through Kafka Connect.

Invented payments → Kafka → a monitor in SQL → alert topic → a real Connect worker → our Slack sink → HTTP. Records that cross
the limit come one each 150 ms beside a steady load; the goal is a p99 below one second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tests.services.connect import ConnectWorker

from benchmarks import delay
from benchmarks.broker import BenchBroker
from benchmarks.settings import payments

GOAL_MS = 1_000.0
TOPIC, ALERTS = "payments", "alerts"
SQL = f"""
    SELECT account, SUM(amount) AS spent FROM payments
    WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY account HAVING SUM(amount) >= {delay.CROSSING:.0f}
"""
_PROBE = re.compile(r"of (probe-\d+)")
_RUNS_WITHIN = 60.0


def measure(broker: BenchBroker, rate: int, crossings: int) -> dict[str, Any]:
    """Delays of ``crossings`` messages, with ``rate`` records/s beside them."""
    from streamgauge.testing import WebhookReceiver

    broker.empty_topic(TOPIC)
    broker.empty_topic(ALERTS)
    with (
        WebhookReceiver() as receiver,
        ConnectWorker(broker.bootstrap, fast_start=False) as worker,
        tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder,
    ):
        _register(worker, receiver.url)
        with (
            delay._Engine(folder, _configuration(broker, folder)),
            delay._load(broker.bootstrap, TOPIC, rate) as load,
        ):
            time.sleep(delay.WARM_UP)
            _cross(broker, receiver, 20, first=0)  # the first messages also pay for loading and compiling
            acknowledged = _cross(broker, receiver, crossings, first=1_000)
            written = load.poll() is None
    arrived, told = _arrivals(receiver), _written(broker)
    if not written or not acknowledged.keys() <= arrived.keys():
        raise RuntimeError(f"messages are missing, or the load ended before (still running: {written})")
    whole = _percentiles([arrived[a] - acknowledged[a] for a in acknowledged])
    behind = _percentiles([arrived[a] - told[a] for a in acknowledged])
    load_average = round(os.getloadavg()[0], 1)
    return {"rate": rate, "crossings": crossings, **whole, "behind_topic": behind, "load": load_average}


def _percentiles(seconds: list[float]) -> dict[str, float]:
    p50, p99, worst = np.percentile(np.array(seconds) * 1_000, [50, 99, 100])
    return {"p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1), "max_ms": round(float(worst), 1)}


def _written(broker: BenchBroker) -> dict[str, float]:
    """When the alert of each account was produced to the alert topic: the second half of the way begins there."""
    from confluent_kafka import Consumer

    behind = time.monotonic() - time.time()
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([ALERTS])
    found: dict[str, float] = {}
    quiet = 0
    while quiet < 5:
        messages = consumer.consume(1_000, 1.0)
        quiet = 0 if messages else quiet + 1
        for message in messages:
            notice = json.loads(message.value() or b"{}")
            if notice.get("status") == "firing":
                found.setdefault(notice["key"], message.timestamp()[1] / 1_000 + behind)
    consumer.close()
    return found


def _configuration(broker: BenchBroker, folder: str) -> dict[str, Any]:
    made = payments(broker.bootstrap, TOPIC, limit=0, store=f"sqlite:///{folder}/store.db")
    made["monitors"] = {"burst": {"sql": SQL, "notify": "alerts"}}
    made["channels"] = {"alerts": {"type": "kafka", "brokers": broker.bootstrap, "topic": ALERTS}}
    return made


def _register(worker: ConnectWorker, url: str) -> None:
    secret = worker.folder / "webhook.properties"
    secret.write_text(f"url={url}\n")
    connector = {
        "connector.class": "io.streamgauge.connect.SlackSinkConnector",
        "topics": ALERTS,
        "slack.webhook": f"${{file:{secret}:url}}",
        "rate.per.second": "0",
        "consumer.override.auto.offset.reset": "earliest",
    }
    delay._until(lambda: worker.put("slack", connector).is_success, _RUNS_WITHIN)
    delay._until(lambda: worker.states("slack") == ["RUNNING", "RUNNING"], _RUNS_WITHIN)
    if worker.states("slack") != ["RUNNING", "RUNNING"]:
        raise RuntimeError(f"the sink does not run:\n{worker.get('/connectors/slack/status')}")


def _cross(broker: BenchBroker, receiver: Any, count: int, first: int) -> dict[str, float]:
    """Send crossings and wait for their messages; returns when each was acknowledged."""
    probes = delay._Probes(broker, TOPIC)
    for number in range(first, first + count):
        probes.send(number)
        time.sleep(random.uniform(0.1, 0.2))
    acknowledged = probes.finish()
    delay._until(lambda: acknowledged.keys() <= _arrivals(receiver).keys(), 30.0)
    return acknowledged


def _arrivals(receiver: Any) -> dict[str, float]:
    """When the first message of each account arrived that says it fires."""
    found: dict[str, float] = {}
    for request in list(receiver.received):
        text = request.json["text"]
        probe = _PROBE.search(text)
        if probe and "CRITICAL" in text:
            found.setdefault(probe[1], request.at)
    return found


def main() -> int:
    """Measure, print one line, keep it as JSON, and say whether the goal is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connect", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=1_000, help="records per second beside the crossings")
    parser.add_argument("--crossings", type=int, default=200, help="how many messages are timed")
    asked = parser.parse_args()
    with BenchBroker() as broker:
        row = measure(broker, asked.rate, asked.crossings)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / f"{time.strftime('%Y-%m-%d')}-connect.json").write_text(json.dumps(row, indent=1) + "\n")
    met = row["p99_ms"] < GOAL_MS
    print(json.dumps({**row, "goal_ms": GOAL_MS, "met": met}))
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
