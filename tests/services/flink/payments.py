"""Payments that flow into a topic for a job to count."""

from __future__ import annotations

import json
import threading
import time
from typing import Self

from tests.services.kafka import Broker

PACE = 0.05
AT_ONCE = 15
_NOTE = "x" * 1_000
"""Makes records large, so that the buffers between two tasks are full soon."""


class Payments:
    """Three hundred payments a second, each partition its share.

    Attributes:
        partitions: those that get payments; one that is taken out is idle from then on.
        sent: how many were written.
    """

    def __init__(self, broker: Broker, topic: str, partitions: int = 2) -> None:
        self.partitions = list(range(partitions))
        self.sent = 0
        self._broker, self._topic = broker, topic
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._pay, name="payments", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)

    def _pay(self) -> None:
        producer = self._broker.new_producer({"message.timeout.ms": 0})
        while not self._ending.wait(PACE):
            at = int(time.time() * 1000)
            for _ in range(AT_ONCE):
                self.sent += 1
                row = {"account": f"a-{self.sent % 5}", "note": _NOTE, "at": at}
                to = self.partitions[self.sent % len(self.partitions)]
                producer.produce(self._topic, json.dumps(row).encode(), partition=to)
            producer.poll(0)
        producer.flush(5)
