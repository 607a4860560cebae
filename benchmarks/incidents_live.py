"""What people wait for, on real parts: a channel's call after its commit, the API beside a stream, the first paint of a page."""

from __future__ import annotations

import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tests.server.given import Process, configuration, fill, incident

from benchmarks import child, delay
from benchmarks.broker import BenchBroker
from benchmarks.settings import payments

VERDICTS = 1_000
"""Per second."""
SETTLING = 8.0
"""Seconds in which kernels are compiled and the keys that go on begin."""
EACH = 50
"""One in so many begins or ends an incident; the others go on, or are fine."""
ASKED, STREAM = 200, 20_000
"""Requests, and records, per second."""
INCIDENTS, OPEN = 10_000, 5_000

FILE = """\
streams:
  s:
    source: {{type: files, path: unused.ndjson}}
    format: json
    fields: {{k: string, v: float, at: timestamp}}
    time: at
monitors:
  m: {{stream: s, detect: {{type: any, when: v > 1, by: k, resolve_after: 10m}}, notify: console}}
store: sqlite:///{folder}/streamgauge.db
"""


class _Timed:
    """A channel that notes when it was called with each notice."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def send(self, notice: dict[str, Any]) -> Any:
        from streamgauge.channels.contract import Answer, Result

        self.at[notice["notice"]] = time.monotonic()
        return Answer(Result.DELIVERED)

    def close(self) -> None:
        """Nothing is held."""


def call(seconds: int) -> Iterator[dict[str, Any]]:
    """From the end of the commit to the channel's call: a real engine, store and delivery, records from a list."""
    from streamgauge import logs
    from streamgauge.testing import ListedSource, listed

    logs.set_up(level="error")
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        source, channel = ListedSource([listed([])], finite=False), _Timed()
        engine, store, delivery = _engine(folder, source, channel)
        committed: dict[str, float] = {}
        began = time.monotonic()
        commit = store.commit

        def noted(what: Any) -> None:
            commit(what)
            now = time.monotonic()
            if now - began >= SETTLING:
                committed.update(dict.fromkeys((notice.id for notice in what.notices), now))

        store.commit = noted
        feeding = threading.Thread(target=_feed, args=(source, engine, seconds, listed))
        feeding.start()
        engine.run()
        feeding.join()
        delivery.stop()
        store.close()
    waits = [1_000 * (channel.at[name] - at) for name, at in committed.items() if name in channel.at]
    yield {
        "case": "commit to channel call", "verdicts_per_second": VERDICTS, "notices": len(waits),
        "lost": len(committed) - len(waits), **_spread(waits), "wanted_p99_ms": 50, "wrong": not waits or len(waits) < len(committed),
    }  # fmt: skip


def _engine(folder: str, source: Any, channel: Any) -> tuple[Any, Any, Any]:
    from streamgauge.clock import SystemClock
    from streamgauge.config import load
    from streamgauge.engines.decoding.decoder import open_decoder
    from streamgauge.engines.embedded.engine import Engine, Surroundings
    from streamgauge.engines.embedded.intake import Intake
    from streamgauge.engines.outgoing.delivery import Delivery
    from streamgauge.engines.reporting.status import StatusBoard
    from streamgauge.plan import make_plan
    from streamgauge.stores import Owner, open_store

    config, clock = load(FILE.format(folder=folder)), SystemClock()
    store = open_store(config.store.url, owner=Owner.this_process(), clock=clock)
    plan = make_plan(config).streams["s"]
    intake = Intake(plan, source, open_decoder(config.streams["s"], plan.layout), clock, finite=False)
    delivery = Delivery(store, {"console": channel}, clock)
    engine = Engine(config, Surroundings(store, {"s": intake}, delivery, clock, StatusBoard(clock.now())))
    delivery.start()
    return engine, store, delivery


def _feed(source: Any, engine: Any, seconds: int, listed: Any) -> None:
    """Records in portions of 20 ms; each is a verdict, one in :data:`EACH` of a new key."""
    while not engine.started:
        time.sleep(0.05)
    number, portion, due = 0, VERDICTS // 50, time.monotonic()
    while number < (seconds + SETTLING) * VERDICTS:
        at = int(time.time() * 1_000)
        rows = [
            {"k": f"new-{n}" if n % EACH == 0 else f"a-{n % 100}", "v": 2.0, "at": at}
            for n in range(number, number + portion)
        ]
        source.add(listed(rows, start=number))
        number += portion
        due += portion / VERDICTS
        time.sleep(max(0.0, due - time.monotonic()))
    time.sleep(2)
    engine.stop()


def api(broker: BenchBroker, seconds: int) -> Iterator[dict[str, Any]]:
    """The API of a real ``streamgauge run``, asked at a steady rate while records flow."""
    topic = broker.empty_topic("api-beside-a-stream")
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        config = payments(
            broker.bootstrap, topic, limit=20, store=f"sqlite:///{folder}/store.db", alerts=f"{folder}/a.csv"
        )
        config["server"] = {"port": 0}
        with delay._Engine(folder, config), delay._load(broker.bootstrap, topic, STREAM):
            time.sleep(delay.WARM_UP)
            (url,) = re.findall(r"http://127\.0\.0\.1:\d+", (Path(folder) / "log").read_text())[:1]
            asked = child.run("asking", "steadily", url=url, paths=_paths(url), rate=ASKED, seconds=seconds)
            status = httpx.get(f"{url}/api/v1/status", timeout=30).json()
    flowed = sum(stream["records_per_second"] for stream in status["streams"])
    yield {
        "case": "API beside a stream", "requests_per_second": ASKED, "records_per_second": round(flowed),
        "requests": len(asked["took"]), "refused": asked["refused"], "asking_cpu_seconds": asked["cpu_seconds"],
        "load": round(os.getloadavg()[0], 1), **_spread(asked["took"]), "wanted_p99_ms": 50,
        "wrong": asked["refused"] > 0 or flowed < 0.8 * STREAM,
    }  # fmt: skip


def _paths(url: str) -> list[str]:
    """What is asked: what the pages and a tool on call ask, one incident among it; once all accounts were told of."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = httpx.get(f"{url}/api/v1/incidents?limit=1", timeout=30).json()["incidents"]
        channels = httpx.get(f"{url}/api/v1/status", timeout=30).json()["channels"]
        if found and not any(channel["waiting"] for channel in channels):
            break
        time.sleep(1)
    if not found:
        raise RuntimeError("no incident in a minute, though every account passes its limit")
    asked = ["status", "incidents?limit=20", "monitors", "streams", "silences", "groups", "incidents/{id}"]
    return [f"/api/v1/{path.format(id=found[0]['id'])}" for path in asked]


def paint(times: int) -> Iterator[dict[str, Any]]:
    """The first paint of the on-call pages in Chromium, with ten thousand incidents, half of them open."""
    from tests.services.chromium import Chromium

    from streamgauge.server.thread import ServerThread
    from streamgauge.stores.contract import Commit

    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        process: Any = Process(configuration(Path(folder)))
        fill(process.config, [Commit(incidents=_many())])
        server = ServerThread(process, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.start()}"
        chromium = Chromium().start()
        try:
            for path in ("/", "/incidents", "/monitors/burst"):
                cold = _painted(chromium, url + path)
                found = [_painted(chromium, url + path) for _ in range(times)]
                yield {
                    "case": f"first paint of {path}", "incidents": INCIDENTS, "times": times, "cold_ms": round(cold),
                    "worst_ms": round(max(found)), "median_ms": round(float(np.median(found))), "wanted_ms": 1_000,
                }  # fmt: skip
        finally:
            chromium.close()
            server.stop()


def _many() -> list[Any]:
    from streamgauge.incident import IncidentState
    from streamgauge.incidents.labels import labelled

    made = []
    for n in range(INCIDENTS):
        one = labelled(incident(f"a-{n}", number=n % 200), {"stream": "payments"}, ("account",))
        over: dict[str, Any] = {
            "state": IncidentState.RESOLVED,
            "resolved_at": one.opened_at + 5_000_000,
            "reason": "recovered",
        }
        made.append(one if n < OPEN else replace(one, **over))
    random.Random(7).shuffle(made)
    return made


def _painted(chromium: Any, url: str) -> float:
    """Milliseconds from the request to the first paint, in a fresh profile."""
    context = chromium.context()
    page = context.new_page()
    page.goto(url)
    asked = "(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime"
    deadline = time.monotonic() + 30
    while (found := page.evaluate(asked)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    context.close()
    return float(found)


def _spread(found: list[float]) -> dict[str, float]:
    if not found:
        return {}
    p50, p99, worst = np.percentile(found, [50, 99, 100])
    return {"p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1), "max_ms": round(float(worst), 1)}
