"""A real Flink job whose checkpoints fail, whose time stands, and one of whose tasks is slow: what the pack `flink` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.health.watching import Watch
from tests.services.flink import Flink, Job
from tests.services.flink.payments import Payments
from tests.services.kafka import Broker
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.fixture
def running() -> Iterator[tuple[Flink, Job, Payments]]:
    with ExitStack() as up:
        try:
            broker = up.enter_context(Broker())
            flink = up.enter_context(Flink())
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        broker.create_topic("payments", 2)
        broker.create_topic("counted", 1)
        payments = up.enter_context(Payments(broker, "payments"))
        yield flink, flink.submit(brokers=broker.bootstrap, topic="payments", out="counted"), payments


def test_each_fault_of_a_job_is_named(running, tmp_path, monkeypatch):
    """In order of how much follows from them: of a slow task, late checkpoints and a late watermark do as well."""
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    flink, job, payments = running
    given = {"FLINK_URL": flink.url, "FLINK_EVERY": "2s", "FLINK_TIMEOUT": "20s", "FLINK_JOBS_RUNNING": "1"}
    with Watch(tmp_path, "flink", given=given) as watch:
        watch.until(
            lambda: watch.windows("flink-watermark-stands"), "two minutes in which all is well", within=300
        )
        assert watch.told() == set()

        job.lose_checkpoints()
        watch.tells("flink-no-checkpoint", Job.NAME, within=75)  # 30 s after the last one
        job.find_checkpoints()
        watch.ends("flink-no-checkpoint", within=150)
        assert watch.told() == {"flink-no-checkpoint"}

        payments.partitions.remove(1)
        watch.tells("flink-watermark-stands", "GlobalWindowAggregate", within=300)  # two whole minutes of it
        payments.partitions.append(1)
        watch.ends("flink-watermark-stands", within=300)
        assert watch.told() == {"flink-no-checkpoint", "flink-watermark-stands"}

        job.slow_down()
        watch.tells("flink-back-pressure", "Source: KafkaSource", within=200)  # a whole minute of it
        job.speed_up()
        watch.ends("flink-back-pressure", within=300)
        assert len(watch.keys("flink-back-pressure")) == 1, "whoever waits for the slow task, and nobody else"
