"""Kafka's rules, and ours about a lost source, give series while three real brokers are killed one after another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.monitoring import asked, proving
from tests.services.kafka import agent
from tests.services.kafka.cluster import Cluster
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess, free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]
GROUP, COPIED, ALONE = "readers", "copied", "alone"
CONFIG = """\
streams:
  groups:
    source: {{type: kafka_lag, brokers: "{brokers}", every: 1s, timeout: 20s}}
    source_timeout: 10s
monitors:
  behind: {{stream: groups, detect: {{type: lag}}}}
store: sqlite:///{folder}/broken.db
server: {{port: {port}}}
"""


class Here(NamedTuple):
    """What is up: three brokers with their agents, ourselves, and who scrapes all of them."""

    cluster: Cluster
    ours: ServerProcess
    prometheus: Prometheus

    def returns_nothing(self, *alerts: str) -> None:
        for alert in alerts:
            proving.returns_nothing(self.prometheus, proving.of_alert(alert))

    def returns(self, *alerts: str) -> None:
        proving.returns(self.prometheus, map(proving.of_alert, alerts), self.ours.last_words)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("broken")
    port, *agents = free_ports(4)
    rules = asked.MONITORING / "exporters" / "jmx-kafka.yaml"
    with ExitStack() as up:
        try:
            program("prometheus")
            java = {number: [agent.argument(at, rules)] for number, at in enumerate(agents, 1)}
            cluster = up.enter_context(Cluster(java=java))
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        cluster.create_topic(COPIED, [[1, 2, 3]])
        cluster.create_topic(ALONE, [[3]])
        file = folder / "broken.yaml"
        file.write_text(CONFIG.format(brokers=cluster.bootstrap, folder=folder, port=port), "utf-8")
        ours = ServerProcess([sys.executable, "-m", "streamgauge", "run", str(file)], folder / "log")
        up.callback(ours.kill)
        config = proving.scraping({"streamgauge": [port], "jmx-kafka": agents})
        yield Here(cluster, ours, up.enter_context(Prometheus(config, asked.RULES)))


def test_every_target_answers(here):
    proving.all_answer(here.prometheus, {"streamgauge", "jmx-kafka"}, here.ours.last_words)


def test_a_group_without_members(here):
    alerts = "KafkaGroupWithoutMembers", "KafkaGroupStands"
    here.returns_nothing(*alerts)
    here.cluster.brokers[0].produce(COPIED, [b"x"] * 30)
    consumer: Any = Consumer({"bootstrap.servers": here.cluster.bootstrap, "group.id": GROUP})
    consumer.commit(offsets=[TopicPartition(COPIED, 0, 10)], asynchronous=False)
    consumer.close()
    here.returns(*alerts)


def test_one_broker_of_three_killed(here):
    alerts = "KafkaUnderReplicated", "KafkaOfflinePartitions"
    here.returns_nothing(*alerts)
    here.cluster.brokers[2].kill()
    here.returns(*alerts)


def test_two_of_three_killed(here):
    here.returns_nothing("KafkaNoSingleController")
    here.cluster.brokers[1].kill()
    here.returns("KafkaNoSingleController")


def test_all_of_them_killed(here):
    here.returns_nothing("StreamgaugeSourceLost")
    here.cluster.brokers[0].kill()
    here.returns("StreamgaugeSourceLost")
