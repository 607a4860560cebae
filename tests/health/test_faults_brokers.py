"""One of three brokers killed, and one that hangs: what the packs `kafka` and `broker` name, and what dashboards show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from streamgauge.testing import eventually
from tests.health.watching import Watch
from tests.monitoring import asked, proving
from tests.services.kafka import agent, unique
from tests.services.kafka.cluster import Cluster
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import free_ports
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]

EMPTY_WHEN_HEALTHY = "kafka-overview: Requests timed out"
"""As tests/monitoring/test_proof.py lists it."""


@pytest.fixture(scope="module")
def pages() -> list[int]:
    """The ports of the three brokers' agents."""
    return free_ports(3)


@pytest.fixture(scope="module")
def brokers(pages) -> Iterator[tuple[Cluster, Prometheus]]:
    """Three brokers, and the first one's agent under a Prometheus."""
    with ExitStack() as up:
        try:
            program("prometheus")
            rules = asked.MONITORING / "exporters" / "jmx-kafka.yaml"
            java = {number: [agent.argument(port, rules)] for number, port in enumerate(pages, 1)}
            cluster = up.enter_context(Cluster(java=java, properties=["broker.session.timeout.ms=15000"]))
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        yield cluster, up.enter_context(Prometheus(proving.scraping({"jmx-kafka": pages[:1]}), asked.RULES))


@pytest.fixture
def topic(brokers: tuple[Cluster, Prometheus]) -> str:
    return brokers[0].create_topic(unique("copied"), [[1, 2, 3], [2, 3, 1], [3, 1, 2]])


def test_requests_that_time_out_show_while_a_broker_hangs(brokers, topic):
    """The first broker waits for the copy of the one that hangs, until the others agree that it is away."""
    cluster, prometheus = brokers
    (panel,) = [each for each in asked.of_board("kafka-overview") if each.where == EMPTY_WHEN_HEALTHY]
    fired = [panel, proving.of_alert("KafkaRequestsTimeOut")]
    producer = cluster.brokers[0].new_producer(
        {"enable.idempotence": False, "acks": "all", "request.timeout.ms": 1_000, "message.timeout.ms": 5_000}
    )

    def taken() -> bool:
        """Whether one more record has all of its copies."""
        told: list[Any] = []
        producer.produce(topic, b"x", partition=0, on_delivery=lambda error, _: told.append(error))
        producer.flush(30)
        return bool(told) and told[0] is None  # a KafkaError cannot be compared with None

    eventually(taken, "a record is taken", within=proving.PATIENCE)
    assert not any(prometheus.query(each.expr) for each in fired)

    def shown() -> bool:
        taken()
        return all(prometheus.query(each.expr) for each in fired)

    cluster.brokers[2].pause()
    try:
        eventually(shown, "the panel and the rule", within=proving.PATIENCE)
    finally:
        cluster.brokers[2].resume()
    eventually(taken, "all are well again", within=proving.PATIENCE)


def test_one_of_three_brokers_killed(brokers, pages, topic, tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    cluster, _ = brokers
    first, second, third = (f"127.0.0.1:{port}" for port in pages)
    given = {"KAFKA_BROKERS": cluster.bootstrap, "KAFKA_BROKER_COUNT": "3", "KAFKA_TOPICS": topic,
             "KAFKA_GROUPS": "nobody", "KAFKA_EVERY": "1s", "BROKER_EVERY": "2s",
             "BROKER_URL": ",".join(f"http://{page}/metrics" for page in (first, second, third))}  # fmt: skip
    everything = {"kafka-brokers", "kafka-under-replicated", "kafka-broker-gone",
                  "broker-isr-shrinks", "broker-unanswered"}  # fmt: skip
    with Watch(tmp_path, "kafka", "broker", given=given) as watch:
        watch.until(lambda: watch.read("kafka-cluster") > 40, "some answers", within=60)
        watch.until(lambda: len(watch.windows("broker-isr-shrinks")) > 6, "a minute of windows", within=150)
        assert watch.told() == set()

        cluster.brokers[2].kill()
        watch.tells("kafka-brokers", within=60)  # its session ends after 15 s
        watch.tells("broker-isr-shrinks", within=60)  # ten seconds later
        watch.tells("kafka-under-replicated", topic, within=150)  # a minute of it
        watch.tells("broker-unanswered", third, within=150)
        watch.tells("kafka-broker-gone", "3", within=150)
        assert len(watch.keys("kafka-under-replicated")) == 3, "each partition had a copy there"
        assert watch.keys("broker-isr-shrinks") == {first, second}, "which lead what it had copies of"
        assert watch.told() == everything

        cluster.brokers[2].start()
        for monitor in everything - {"broker-isr-shrinks"}:  # which is told for five minutes
            watch.ends(monitor, within=180)
        assert watch.told() == everything
