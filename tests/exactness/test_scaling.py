"""What an autoscaler goes by: the lag of the consumer group, which follows what the store has committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.testing import eventually
from tests.exactness.live import MANY, Live, clock, records, stream
from tests.services.kafka import Broker, unique
from tests.sources.test_kafka_lag import asking, of_group

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("plain_kernels")]
LONG = timedelta(seconds=60)


def test_the_lag_of_the_group_falls_as_records_count_and_rises_while_nobody_reads(
    kafka: Broker, tmp_path: Path
):
    topic, group, base = kafka.create_topic(unique(), 2), unique("group"), clock()
    config = {
        "streams": {"payments": stream(kafka, topic, source={"group": group})},
        "monitors": {"many": MANY},
    }
    for number in range(2):
        kafka.produce(topic, records("ab"[number], [base] * 5), partition=number)
    with asking(kafka, group, topic) as ask:
        with Live(tmp_path, config) as live:
            live.until(lambda: live.read() == 10, "all records counted")
            eventually(lambda: _lags(ask) == [0, 0], "the group's offsets", within=LONG)
            live.stop()
        kafka.produce(topic, records("a", [base + 1] * 7), partition=0)
        eventually(lambda: _lags(ask) == [7, 0], "the lag of what nobody reads", within=LONG)
        with Live(tmp_path, config) as again:
            again.until(lambda: again.read() == 17, "what came meanwhile")
            eventually(lambda: _lags(ask) == [0, 0], "the group's offsets", within=LONG)
            again.stop()


def _lags(ask: Callable[[], list[dict[str, Any]]]) -> list[int | None]:
    return [row["lag"] for row in sorted(of_group(ask()), key=lambda row: row["partition"])]
