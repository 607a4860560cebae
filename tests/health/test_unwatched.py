"""A cluster that is only shown: no monitor watches it, and its numbers stand on /metrics all the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from streamgauge.metrics import make_registry
from streamgauge.stores.inbox import Inbox
from tests.exactness.live import Live
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services


def test_what_nobody_watches_is_read_for_its_metrics(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique("shown"), 1)
    kafka.produce(topic, [b"x"] * 30)
    source = {
        "type": "kafka_lag",
        "brokers": kafka.bootstrap,
        "topics": topic,
        "groups": "none",
        "every": "200ms",
        "timeout": "30s",
    }
    with Live(tmp_path, {"streams": {"cluster": {"source": source}}}) as live:
        wanted = f'kafka_topic_partition_current_offset{{partition="0",topic="{topic}"}} 30.0'

        def shown() -> bool:
            return wanted in generate_latest(make_registry(live.session.status, live.session.clock)).decode()

        live.until(shown, "the topic's end on /metrics", within=60)
        with closing(Inbox(f"sqlite:///{tmp_path / 'store.db'}")) as inbox:
            live.until(
                lambda: inbox.span("cluster")[0] > 0,
                "answers leave the store once they are counted",
                within=60,
            )
