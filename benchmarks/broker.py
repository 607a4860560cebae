"""The broker of the benchmarks: the tests' own, fully compiled, with a heap of 1 GB; topics filled once."""

from __future__ import annotations

import time
from typing import Any, Self

from tests.services.kafka import Broker

from benchmarks.records import PARTITIONS, Spec, account_name, chunks, lines


class BenchBroker:
    """One broker for a whole run.

    Attributes:
        bootstrap: ``127.0.0.1:PORT``.
    """

    def __init__(self) -> None:
        self._broker = Broker(fast_start=False, heap="1g")
        self._filled: set[str] = set()

    def __enter__(self) -> Self:
        self._broker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._broker.close()

    @property
    def bootstrap(self) -> str:
        """Where it listens."""
        return self._broker.bootstrap

    def topic(self, spec: Spec) -> str:
        """The topic that holds ``spec``, filled at first use and read once, so that all find it in memory."""
        if spec.name not in self._filled:
            self.empty_topic(spec.name)
            began = time.perf_counter()
            self._fill(spec)
            self._filled.add(spec.name)
            print(f"  {spec.name} written in {time.perf_counter() - began:.0f} s", flush=True)
        return spec.name

    def empty_topic(self, name: str, partitions: int = PARTITIONS) -> str:
        """A topic that keeps what it is given, whatever its timestamps."""
        return self._broker.create_topic(name, partitions, retention_ms=-1)

    def drop(self, spec: Spec) -> None:
        """Give back the disk space of a topic."""
        if spec.name in self._filled:
            self._filled.remove(spec.name)
            self._broker.delete_topic(spec.name)

    def producer(self, **settings: Any) -> Any:
        """A producer."""
        return self._broker.new_producer(settings)

    def _fill(self, spec: Spec) -> None:
        producer = self.producer(**{"linger.ms": 20, "batch.size": 1_000_000})
        first = 0
        for columns in chunks(spec):
            rows = zip(columns.accounts.tolist(), lines(columns, first), strict=True)
            for account, line in rows:
                producer.produce(spec.name, line, account_name(account), account % PARTITIONS)
            first += len(columns.accounts)
            while len(producer) > 500_000:
                producer.poll(0.1)
        left = producer.flush(120)
        if left:
            raise RuntimeError(f"the broker did not acknowledge {left} records within 120 s")
