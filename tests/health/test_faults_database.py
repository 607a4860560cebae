"""Rows that stop arriving in PostgreSQL while the topic moves on: what the packs `database` and `kafka` name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest

from tests.health.watching import Watch
from tests.services.kafka import Broker, unique
from tests.services.postgresql.server import Database, PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]


class Loader:
    """Writes payments to a topic, and reads them into a table row by row, as a sink would that hangs when its table does."""

    def __init__(self, broker: Broker, topic: str, group: str, database: Database) -> None:
        self._broker, self._topic, self._group, self._database = broker, topic, group, database
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
                if message is not None and message.error() is None:
                    connection.execute(
                        "INSERT INTO payments VALUES (%s)", [json.loads(message.value())["id"]]
                    )
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


def test_rows_stop_while_the_topic_moves(
    kafka: Broker, postgres: PostgresServer, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    topic, group, database = kafka.create_topic(unique("paid"), 1), unique("loader"), postgres.new_database()
    database.sql("CREATE TABLE payments (id bigint)")
    given = {
        "DATABASE_URL": database.url(), "DATABASE_EVERY": "1s", "DATABASE_TIMEOUT": "20s",
        "DATABASE_TABLES": "public[.]payments", "DATABASE_QUIET": "15s",
        "KAFKA_BROKERS": kafka.bootstrap, "KAFKA_TOPICS": topic, "KAFKA_GROUPS": group,
        "KAFKA_EVERY": "1s", "KAFKA_TIMEOUT": "20s",
    }  # fmt: skip
    with (
        Loader(kafka, topic, group, database),
        Watch(tmp_path, "database", "kafka", given=given) as watch,
    ):
        watch.until(lambda: len(watch.windows("database-writes")) > 4, "rows that arrive", within=150)
        assert watch.told() == set()
        with locked(database):
            watch.tells("database-quiet", "public.payments", within=150)  # a window of 30 s, and 15 s
            watch.tells("kafka-lag", group, within=60)
            (lag,) = watch.incidents("kafka-lag")
            assert lag.observed["status"] == "STALL", "its member is there, and the topic moves on"
        for monitor in ("database-quiet", "kafka-lag"):
            watch.ends(monitor, within=200)
        assert watch.told() == {"database-quiet", "kafka-lag"}
