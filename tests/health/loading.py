"""A job that reads a topic into a table of PostgreSQL, and what may befall it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from tests.services.kafka import Broker
from tests.services.postgresql.server import Database


class Loader:
    """Writes payments to a topic, and reads them into a table row by row, as a sink would that hangs when its table does.

    Attributes:
        swallows: while true it commits what it reads, and writes nothing.
    """

    def __init__(self, broker: Broker, topic: str, group: str, database: Database) -> None:
        self._broker, self._topic, self._group, self._database = broker, topic, group, database
        self.swallows = False
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._pay, self._load)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(30)

    def _pay(self) -> None:
        number = 0
        while not self._ending.wait(0.1):
            number += 1
            self._broker.produce(self._topic, [json.dumps({"id": number}).encode()])

    def _load(self) -> None:
        import psycopg
        from confluent_kafka import Consumer

        consumer: Any = Consumer(
            {
                "bootstrap.servers": self._broker.bootstrap,
                "group.id": self._group,
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([self._topic])
        with psycopg.connect(self._database.url(), autocommit=True) as connection:
            while not self._ending.is_set():
                message = consumer.poll(0.2)
                if message is None or message.error() is not None:
                    continue
                if not self.swallows:
                    number = json.loads(message.value())["id"]
                    connection.execute("INSERT INTO payments VALUES (%s)", [number])
                consumer.commit(message, asynchronous=False)
        consumer.close()


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody holds the table, so that no row comes into it."""
    import psycopg

    with psycopg.connect(database.url()) as connection:
        connection.execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()
