"""A pipeline that is really there: a topic, a group that has read some of it, a table; and each of them away."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.services.kafka import Broker, unique
from tests.services.postgresql import PostgresServer

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.sources.pipeline import Config
from streamgauge.sources.pipeline.asking import Way
from streamgauge.sources.polling.target import TargetError
from streamgauge.testing import eventually


@contextmanager
def way(**settings: Any) -> Iterator[Way]:
    made = Way(Config.model_validate({"type": "pipeline", **settings}), "pipeline-steps", SystemClock())
    try:
        yield made
    finally:
        made.close()


def rows(made: Way, seconds: float = 30) -> list[dict[str, Any]]:
    return [json.loads(record) for record in made.ask(seconds)]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A table of three payments and one of two."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE payments (id INTEGER, at TEXT)")
        moments = ["2026-01-01 10:00:00", "2026-01-01 12:00:00+00:00", "2026-01-01 11:00:00"]
        connection.executemany("INSERT INTO payments VALUES (?, ?)", list(enumerate(moments)))
        connection.execute("CREATE TABLE invoices AS SELECT * FROM payments LIMIT 2")
        connection.commit()
    return f"sqlite:///{tmp_path / 'shop.db'}"


class TestTables:
    def test_steps_edges_and_the_newest_row(self, database: str):
        steps = [{"table": "payments", "time": "at"}, {"table": "invoices"}]
        with way(database=database, steps=steps) as made:
            payments, invoices, edge = rows(made)
        assert (payments["step"], payments["count"], payments["newest"]) == (
            "table payments", 3, "2026-01-01T12:00:00Z",
        )  # fmt: skip
        assert payments["age"] > 0
        assert payments["head"] == 3
        assert (invoices["count"], "age" in invoices) == (2, False)
        assert edge == {
            "kind": "edge", "edge": "table payments → table invoices", "position": 1, "before": 3, "after": 2,
        }  # fmt: skip

    def test_a_table_that_is_not_there_is_told_by_its_step_and_the_others_go_on(self, database: str):
        with way(database=database, steps=[{"table": "payments"}, {"table": "orders"}]) as made:
            payments, orders = rows(made)
        assert payments["error"] is None
        assert "no such table" in orders["error"]

    def test_nothing_at_all_is_no_answer(self, tmp_path: Path):
        steps = [{"table": "payments"}, {"table": "invoices"}]
        with (
            way(database=f"sqlite:///{tmp_path / 'none.db'}", steps=steps) as made,
            pytest.raises(TargetError, match="unable to open"),
        ):
            made.ask(5)


def test_no_secret_is_shown():
    steps = [{"topic": "a"}, {"table": "b"}]
    source = {
        "type": "pipeline", "steps": steps, "database": "postgresql://reader:s3cr3t@db/shop",
        "brokers": "localhost:9092", "settings": {"sasl.username": "u", "sasl.password": "s3cr4t"},
    }  # fmt: skip
    watch = {"stream": "way", "detect": {"type": "silence", "after": "1m"}}
    config = load({"streams": {"way": {"source": source}}, "monitors": {"m": watch}})
    for shown in (repr(config), str(config.streams["way"].source.public())):
        assert "s3cr3t" not in shown
        assert "s3cr4t" not in shown


@pytest.mark.services
def test_postgresql_counts_what_was_written(postgres: PostgresServer):
    database = postgres.new_database()
    database.sql("CREATE TABLE payments (id integer PRIMARY KEY, paid_at timestamptz)")
    database.sql("CREATE TABLE invoices (id integer)")
    database.sql("INSERT INTO payments VALUES (1, '2026-03-02T10:00:00Z'), (2, '2026-03-02T11:00:00Z')")
    database.sql(
        "INSERT INTO payments VALUES (2, '2026-03-02T12:00:00Z') ON CONFLICT (id) DO UPDATE SET paid_at = excluded.paid_at"
    )
    steps = [
        {"table": "payments", "time": "paid_at"},
        {"table": "public.invoices"},
        {"table": "other.invoices"},
    ]
    with way(database=database.url(), steps=steps) as made:
        found: list[dict[str, Any]] = []

        def counted() -> bool:
            """PostgreSQL's statistics follow a commit by a moment."""
            found[:] = rows(made)
            return bool(found[0]["count"] == 3)

        eventually(counted, "two inserts and an update", within=timedelta(minutes=1))
    assert found[0]["newest"] == "2026-03-02T12:00:00Z"
    assert found[1]["count"] == 0
    assert found[2]["error"] == "there is no table `other.invoices`, or we may not see it"
    database.drop()


@pytest.mark.services
class TestTopics:
    def test_a_topic_a_job_and_a_table(self, kafka: Broker, database: str):
        topic, dead = kafka.create_topic(unique("way"), 2), kafka.create_topic(unique("dead"), 1)
        kafka.produce(topic, [b"x"] * 40)
        kafka.produce(dead, [b"x"] * 3)
        settings = {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": unique("job"),
            "enable.auto.commit": False,
        }
        job = settings["group.id"]
        with closing(Consumer(settings)) as consumer:
            at = [TopicPartition(topic, 0, 4), TopicPartition(topic, 1, 5)]
            consumer.commit(offsets=at, asynchronous=False)
        steps = [{"topic": topic}, {"job": "enrich", "group": job}, {"table": "payments"}]
        with way(brokers=kafka.bootstrap, database=database, steps=steps, dead_letter_topics=[dead]) as made:
            found = rows(made)
        counts = {row["step"]: row["count"] for row in found if "step" in row}
        assert counts == {f"topic {topic}": 40, "job enrich": 9, "table payments": 3, f"topic {dead}": 3}
        edges = {row["edge"]: (row["before"], row["after"]) for row in found if row["kind"] == "edge"}
        assert edges == {f"topic {topic} → job enrich": (40, 9), "job enrich → table payments": (9, 3)}

    def test_what_is_not_there_is_said(self, kafka: Broker, database: str):
        topic = kafka.create_topic(unique("way"), 1)
        steps = [{"topic": topic}, {"job": "nobody"}, {"topic": "not-there"}, {"table": "payments"}]
        with way(brokers=kafka.bootstrap, database=database, steps=steps) as made:
            errors = [row["error"] for row in rows(made) if row["kind"] == "step"]
        assert errors[0] is errors[3] is None
        assert errors[1] == f"there is no consumer group `nobody` with offsets of `{topic}`"
        assert errors[2] == "there is no topic `not-there`, or we may not see it"

    def test_brokers_that_are_away_leave_the_table(self, database: str):
        steps = [{"topic": "a"}, {"table": "payments"}]
        with way(brokers="127.0.0.1:1", database=database, steps=steps) as made:
            away, table = rows(made, 2)
        assert "the brokers at 127.0.0.1:1 do not answer" in away["error"]
        assert table["count"] == 3
