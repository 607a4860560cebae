"""A session on a thread of this process, on the real broker, and small streams that speak now."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from streamgauge.batch import Partition
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.reporting.status import EngineStatus, StreamStatus
from streamgauge.incident import Incident
from tests.exactness.running import looking, until, write
from tests.exactness.watching import QUICK
from tests.services.kafka import Broker, unique

MANY = {
    "stream": "payments",
    "window": {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "count(*)"}},
    "detect": {"type": "threshold", "when": "events > 3"},
}
"""Told early, at the fourth record of an account."""
EXACTLY = {
    "stream": "payments",
    "window": {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "count(*)"}},
    "detect": {"type": "threshold", "when": "events = 2", "clear_when": "events < 0"},
}
"""Told once its window has closed."""
TOTAL = {
    "stream": "payments",
    "window": {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}},
    "detect": {"type": "threshold", "when": "n > 1000000"},
}
"""Counts all partitions, and is never told."""


def stream(broker: Broker, topic: str, **more: Any) -> dict[str, Any]:
    """Payments with an event time of their own; ``source`` and ``settings`` are merged into the source."""
    settings = {**QUICK, **broker.client(), **more.pop("settings", {})}
    source = {
        "type": "kafka",
        "brokers": broker.bootstrap,
        "topic": topic,
        "start": "earliest",
        "group": unique("group"),
        **more.pop("source", {}),
    }
    return {
        "source": {**source, "settings": settings},
        "format": "json",
        "fields": {"account": "string", "country": "string", "amount": "float", "at": "timestamp"},
        "partitioned_by": "account",
        "time": "at",
        **more,
    }


def record(account: str, at: float, **more: Any) -> bytes:
    """One payment; ``at`` is seconds since 1970."""
    return json.dumps(
        {"account": account, "country": "CH", "amount": 1.0, "at": round(at * 1000), **more}
    ).encode()


def records(account: str, moments: Iterable[float]) -> list[bytes]:
    """Payments of one account."""
    return [record(account, at) for at in moments]


class Live:
    """A session that runs until the block ends; what ended it early is raised at :meth:`stop`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], name: str = "watch.yaml") -> None:
        self.path = write(folder, config, name)
        here = {"url": f"sqlite:///{folder / 'store.db'}?timeout=0.2"}
        self.session = Session(load({**config, "store": config.get("store", here)}), path=self.path)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    def _run(self) -> None:
        try:
            self.session.run()
        except BaseException as error:  # noqa: BLE001  whatever ends it is the test's to see
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.now.ready or not self.running, "readiness")
        return self

    def __exit__(self, *_: object) -> None:
        self.session.stop()
        self._thread.join(30)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def now(self) -> EngineStatus:
        return self.session.status.now

    @property
    def payments(self) -> StreamStatus:
        return self.now.streams["payments"]

    def until(self, holds: Any, what: str, *, within: float = 120.0) -> Any:
        def holds_or_ended() -> Any:
            found = holds()
            if not found and not self.running:
                raise AssertionError(f"ended before {what}: {self.error!r}")
            return found

        return until(holds_or_ended, what, within=within)

    def stop(self) -> None:
        self.__exit__()
        assert not self.running, "it does not end"
        if self.error is not None:
            raise self.error

    def incidents(self, monitor: str | None = None) -> list[Incident]:
        """As committed, newest first."""
        with looking(self.path) as look:
            return look.incidents(monitor=monitor, limit=10_000)

    def open(self, monitor: str) -> list[Incident]:
        """Those that fire now."""
        return [incident for incident in self.incidents(monitor) if incident.open]

    def windows(self, monitor: str) -> list[tuple[Any, ...]]:
        """Closed windows: key, start and the values."""
        with looking(self.path) as look:
            frame = look.history(monitor)
        return sorted(frame.drop("window_end").rows()) if frame.height else []

    def read(self, stream: str = "payments") -> int:
        """Offsets committed."""
        with looking(self.path) as look:
            return sum(position.next_offset for position in look.positions(stream).values())

    def caught_up(self, topic: str, partitions: int = 1, stream: str = "payments") -> bool:
        """Whether each partition is known to be read to its end."""
        seen = self.now.streams[stream].partitions
        names = [str(Partition(topic, number)) for number in range(partitions)]
        return all(name in seen and seen[name].caught_up for name in names)


def clock() -> float:
    """Seconds since 1970."""
    return time.time()


class Speaker:
    """A producer that writes a record to each partition ten times a second, and queues while the broker is away.

    Attributes:
        sent: how many it has written so far.
    """

    def __init__(self, broker: Broker, topic: str, partitions: int) -> None:
        self.sent = 0
        self._producer: Any = broker.new_producer({"message.timeout.ms": 0})
        self._topic, self._partitions = topic, partitions
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="speaker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        assert self._producer.flush(30) == 0

    def _speak(self) -> None:
        while not self._ending.wait(0.1):
            for partition in range(self._partitions):
                self._producer.produce(
                    self._topic, record(f"a-{partition}", time.time()), partition=partition
                )
                self.sent += 1
            self._producer.poll(0)
