"""From the broker's acknowledgement of the record that crosses a limit to the webhook's arrival."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import child
from benchmarks.broker import BenchBroker
from benchmarks.records import PARTITIONS, account_name
from benchmarks.settings import payments

CROSSING = 1_000_000.0
"""An amount that takes any account over the limit at once; others spend less than 100 at a time."""

WARM_UP = 5.0
"""Seconds of load before the first crossing."""


def measure(broker: BenchBroker, rate: int, crossings: int, topic: str) -> dict[str, Any]:
    """Delays of ``crossings`` alerts, one each 150 ms or so, with ``rate`` records/s beside them."""
    from streamgauge.testing import WebhookReceiver

    broker.empty_topic(topic)
    with WebhookReceiver() as receiver, tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        config = payments(broker.bootstrap, topic, limit=0, store=f"sqlite:///{folder}/store.db")
        config["monitors"]["burst0"]["detect"]["when"] = f"spent >= {CROSSING:.0f}"
        config["channels"] = {"ops0": {"type": "webhook", "url": receiver.url}}
        with _Engine(folder, config), _load(broker.bootstrap, topic, rate) as load:
            time.sleep(WARM_UP)
            probes = _Probes(broker, topic)
            for number in range(crossings):
                probes.send(number)
                time.sleep(random.uniform(0.1, 0.2))
            acknowledged = probes.finish()
            _until(lambda: len(_arrivals(receiver)) >= crossings, 15.0)
            written = load.poll() is None
        arrived = _arrivals(receiver)
    delays = np.array([arrived[a] - acknowledged[a] for a in acknowledged if a in arrived]) * 1_000
    if not written or len(delays) < crossings:
        raise RuntimeError(f"{len(delays)} of {crossings} alerts arrived; load still running: {written}")
    p50, p99, worst = np.percentile(delays, [50, 99, 100])
    return {
        "rate": rate,
        "crossings": len(delays),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "max_ms": round(float(worst), 1),
    }


def _arrivals(receiver: Any) -> dict[str, float]:
    """When the first notice of each account arrived that says it fires."""
    found: dict[str, float] = {}
    for request in list(receiver.received):
        body = request.json
        if body["status"] == "firing":
            found.setdefault(body["key"], request.at)
    return found


class _Engine:
    """``streamgauge run`` as people start it."""

    def __init__(self, folder: str, config: dict[str, Any]) -> None:
        import yaml

        self._file = Path(folder) / "payments.yaml"
        self._file.write_text(yaml.safe_dump(config, sort_keys=False))
        self._log = Path(folder) / "log"

    def __enter__(self) -> None:
        program = str(Path(sys.executable).parent / "streamgauge")
        with self._log.open("w") as log:
            self._process = subprocess.Popen([program, "run", str(self._file)], stdout=log, stderr=log)
        _until(lambda: "from_offsets" in self._log.read_text() or self._process.poll() is not None, 120.0)
        if self._process.poll() is not None:
            raise RuntimeError(f"streamgauge run ended:\n{self._log.read_text()[-3000:]}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


class _Probes:
    """Sends crossing records, each of an account of its own, and notes when each was acknowledged."""

    def __init__(self, broker: BenchBroker, topic: str) -> None:
        self._producer = broker.producer(**{"linger.ms": 0})
        self._topic = topic
        self._acknowledged: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def send(self, number: int) -> None:
        """One crossing now."""
        account = f"probe-{number}"
        record = {"account": account, "amount": CROSSING, "at": int(time.time() * 1_000)}
        self._producer.produce(
            self._topic,
            json.dumps(record).encode(),
            account,
            number % PARTITIONS,
            on_delivery=lambda error, _: self._note(account, error),
        )

    def finish(self) -> dict[str, float]:
        """Monotonic seconds of each acknowledgement."""
        self._producer.flush(10)
        self._done.set()
        self._thread.join()
        return self._acknowledged

    def _note(self, account: str, error: object) -> None:
        if error is not None:
            raise RuntimeError(f"a crossing was not acknowledged: {error}")
        self._acknowledged[account] = time.monotonic()

    def _listen(self) -> None:
        while not self._done.is_set():
            self._producer.poll(0.05)


class _load:  # noqa: N801  a context in the manner of a function
    """A producer process that writes ``rate`` records/s of the present moment."""

    def __init__(self, bootstrap: str, topic: str, rate: int) -> None:
        self._arguments = json.dumps({"bootstrap": bootstrap, "topic": topic, "rate": rate})

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", "delay", "write", self._arguments],
            cwd=child.REPOSITORY,
            stdout=subprocess.DEVNULL,
        )
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def write(bootstrap: str, topic: str, rate: int) -> None:
    """In a child, until it is killed: records over 1,000 accounts in 20 ms portions."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    portion, number = max(1, rate // 50), 0
    due = time.monotonic()
    while True:
        now = int(time.time() * 1_000)
        for _ in range(portion):
            account = number % 1_000
            record = (
                f'{{"id":"p{number:012d}","account":"{account_name(account)}","amount":{number % 97}.5,'
                f'"currency":"EUR","country":"DE","merchant":"m{number % 977:06d}","channel":"web",'
                f'"device":"d{number % 9973:08d}","at":{now}}}'
            )
            producer.produce(topic, record, account_name(account), account % PARTITIONS)
            number += 1
        producer.poll(0)
        due += portion / rate
        time.sleep(max(0.0, due - time.monotonic()))


def _until(holds: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
