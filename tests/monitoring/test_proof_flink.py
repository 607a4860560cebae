"""Phase Flink of the proof: every query of its dashboard and rules returns series from a real cluster with a job.

What is empty on a healthy cluster, a rule's own condition, is shown to return series while its fault lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from streamgauge.testing import eventually
from tests.monitoring import asked, proving
from tests.services.flink import Flink, Job
from tests.services.flink.payments import Payments
from tests.services.kafka import Broker, agent
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]
JOBS = {"flink", "jmx-flink-jobmanager", "jmx-flink-taskmanager"}


class Here(NamedTuple):
    """What is up: Flink, its job, what it reads, and who scrapes it."""

    flink: Flink
    job: Job
    payments: Payments
    prometheus: Prometheus

    def returns(self, questions: list[asked.Asked]) -> None:
        proving.returns(self.prometheus, questions, self.flink.last_words)

    def is_well(self, question: asked.Asked) -> None:
        """What fires under a fault gives nothing before it, nor for long after the one before it."""
        proving.returns_nothing(self.prometheus, question)


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with ExitStack() as up:
        try:
            program("prometheus")
            ports = dict(zip(("jobmanager", "taskmanager"), free_ports(2), strict=True))
            exporters = asked.MONITORING / "exporters"
            agents = {name: agent.argument(port, exporters / f"jmx-flink-{name}.yaml")
                      for name, port in ports.items()}  # fmt: skip
            broker = up.enter_context(Broker())
            flink = up.enter_context(Flink(java=agents))
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        broker.create_topic("payments", 2)
        broker.create_topic("counted", 1)
        payments = up.enter_context(Payments(broker, "payments"))
        job = flink.submit(brokers=broker.bootstrap, topic="payments", out="counted")
        at = {"flink": flink.reporters, **{f"jmx-flink-{name}": [port] for name, port in ports.items()}}
        yield Here(flink, job, payments, up.enter_context(Prometheus(proving.scraping(at), asked.RULES)))


def test_every_target_answers(here):
    proving.all_answer(here.prometheus, JOBS, here.flink.last_words)


@pytest.mark.parametrize("name", ["flink-overview", "jvm-metrics"])
def test_every_panel_returns_series(here, name):
    here.returns(proving.of_board(name))


@pytest.mark.parametrize("group", ["flink", "jvm"])
def test_every_rule_reads_series_that_are_there(here, group):
    here.returns(proving.of_rules(group))


def test_no_rule_fires_on_a_healthy_job(here):
    proving.none_fires(here.prometheus)


def test_doctor_finds_every_name_there(here):
    proving.doctor_knows(here.prometheus, "flink-overview")


def test_back_pressure_returns_under_a_slow_task(here):
    fired = proving.of_alert("FlinkBackPressure")
    here.is_well(fired)
    here.job.slow_down()
    here.returns([fired])
    here.job.speed_up()


def test_a_missing_checkpoint_returns_once_none_completes(here):
    fired = proving.of_alert("FlinkNoNewCheckpoint", over_180="15")
    here.is_well(fired)
    here.job.lose_checkpoints()
    here.returns([fired])
    here.job.find_checkpoints()


def test_a_watermark_that_stands_returns_once_a_partition_is_idle(here):
    fired = proving.of_alert("FlinkWatermarkStands", over_300="15")
    here.is_well(fired)
    here.payments.partitions.remove(1)
    here.returns([fired])
    here.payments.partitions.append(1)


def test_a_restart_returns_once_a_taskmanager_is_lost(here):
    fired = proving.of_alert("FlinkRestarts")
    here.is_well(fired)
    here.flink.restart_taskmanager()
    here.returns([fired])
    eventually(here.job.runs, "the job runs again", within=proving.PATIENCE)
