"""The way topic → job → table, broken at each of its edges, and with a dead letter: what the pack `pipeline` names."""

from __future__ import annotations

import pytest

from tests.health.loading import Loader, locked
from tests.health.watching import Watch
from tests.services.kafka import Broker, unique
from tests.services.postgresql.server import PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]


def test_the_edge_is_named_at_which_rows_stop(
    kafka: Broker, postgres: PostgresServer, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    topic, refused = kafka.create_topic(unique("paid"), 1), kafka.create_topic(unique("refused"), 1)
    group, database = unique("loader"), postgres.new_database()
    database.sql("CREATE TABLE payments (id bigint)")
    source = {
        "type": "pipeline", "brokers": [kafka.bootstrap], "database": database.url(), "every": "1s", "timeout": "20s",
        "steps": [{"topic": topic}, {"job": group}, {"table": "payments"}], "dead_letter_topics": [refused],
    }  # fmt: skip
    given = {"PIPELINE_WITHIN": "10s", "PIPELINE_ENOUGH": "20"}
    more = {"streams": {"pipeline-steps": {"source": source}}}
    with (
        Loader(kafka, topic, group, database) as loader,
        Watch(tmp_path, "pipeline", given=given, more=more) as watch,
    ):
        watch.until(lambda: len(watch.windows("pipeline-stopped")) > 4, "rows that arrive", within=150)
        assert watch.told() == set()

        loader.swallows = True
        watch.tells("pipeline-stopped", f"job {group} → table payments", within=90)
        loader.swallows = False
        watch.ends("pipeline-stopped", within=90)

        with locked(database):
            watch.tells("pipeline-stopped", f"topic {topic} → job {group}", within=90)
        watch.ends("pipeline-stopped", within=90)
        assert len(watch.keys("pipeline-stopped")) == 2
        assert watch.told() == {"pipeline-stopped"}

        kafka.produce(refused, [b"no json"])
        watch.tells("pipeline-dead-letters", refused, within=60)
        assert watch.told() == {"pipeline-stopped", "pipeline-dead-letters"}
