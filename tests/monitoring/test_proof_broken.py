"""Kafka's rules, and ours about a lost source, give series while three real brokers hang, or are killed one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition

from streamgauge.testing import eventually
from tests.monitoring import asked, proving
from tests.services.kafka import agent
from tests.services.kafka.cluster import Cluster
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess, free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]
GROUP, COPIED, ALONE, WIDE = "readers", "copied", "alone", "wide"
SHRINKS = asked.Asked("rule", proving.of_alert("KafkaIsrShrinks").expr.replace("[5m]", "[1m]"))
"""The rule KafkaIsrShrinks, which forgets sooner."""
METER = asked.Asked("the leaders' meter", SHRINKS.expr.rpartition(" or ")[2])
"""Its half that needs nobody who asks from the outside."""
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
            slow = ["replica.lag.time.max.ms=4000", "broker.session.timeout.ms=20000"]
            cluster = up.enter_context(Cluster(java=java, properties=slow))
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        cluster.create_topic(COPIED, [[1, 2, 3]])
        cluster.create_topic(ALONE, [[3]])
        cluster.create_topic(WIDE, [[1, 2, 3], [2, 1, 3]] * 10)
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


def test_copies_that_fall_behind_and_catch_up_in_turn(here):
    """The leaders take the copies out, and their meters count those of which they do not hear by the metadata first."""
    proving.returns_nothing(here.prometheus, SHRINKS)
    hangs, lack = here.cluster.brokers[2], "sum(kafka_server_replicamanager_underreplicatedpartitions)"
    producer = here.cluster.brokers[0].new_producer({"enable.idempotence": False, "acks": "1"})

    def write() -> int:
        for partition in range(20):
            producer.produce(WIDE, b"x", partition=partition)
        return int(producer.flush(1))

    eventually(lambda: write() == 0, "the producer knows all leaders", within=proving.PATIENCE)

    def fell_behind() -> bool:
        write()
        return bool(here.prometheus.query(f"{lack} >= 20"))

    def counted() -> bool:
        hangs.pause()
        try:
            eventually(fell_behind, "the copies are taken out", within=proving.PATIENCE)
        finally:
            hangs.resume()
        eventually(
            lambda: bool(here.prometheus.query(f"{lack} == 0")), "they are back", within=proving.PATIENCE
        )
        return bool(here.prometheus.query(METER.expr))

    eventually(counted, "a leader counts one", within=proving.PATIENCE)
    here.returns("KafkaIsrShrinks")
    proving.returns_nothing(here.prometheus, SHRINKS)


def test_one_broker_of_three_killed(here):
    alerts = "KafkaUnderReplicated", "KafkaOfflinePartitions", "TargetGone"
    here.returns_nothing(*alerts)
    here.cluster.brokers[2].kill()
    here.returns(*alerts)
    proving.returns(here.prometheus, [SHRINKS])


def test_two_of_three_killed(here):
    here.returns_nothing("KafkaNoSingleController")
    here.cluster.brokers[1].kill()
    here.returns("KafkaNoSingleController")


def test_all_of_them_killed(here):
    here.returns_nothing("StreamgaugeSourceLost")
    here.cluster.brokers[0].kill()
    here.returns("StreamgaugeSourceLost")
