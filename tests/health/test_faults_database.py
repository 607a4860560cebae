"""Rows that stop arriving in PostgreSQL while the topic moves on: what the packs `database` and `kafka` name."""

from __future__ import annotations

import pytest

from tests.health.loading import Loader, locked
from tests.health.watching import Watch
from tests.services.kafka import Broker, unique
from tests.services.postgresql.server import PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]


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
