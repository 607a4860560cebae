"""Brokers that answer, but not the question about groups: it is told, and the process that asks lives on."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streamgauge.sources.kafka_lag.brokers import Brokers
from streamgauge.sources.kafka_lag.config import Config
from streamgauge.sources.polling.target import TargetError


class Loading:
    """A client of a broker that has just started: it still reads which groups there are."""

    def list_topics(self, timeout: float) -> Any:
        return SimpleNamespace(brokers={}, topics={})

    def list_consumer_groups(self, request_timeout: float) -> Future[Any]:
        told: Future[Any] = Future()
        error = KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, "Coordinator load in progress")
        told.set_result(SimpleNamespace(valid=[], errors=[error]))
        return told


def test_groups_that_no_broker_tells_of():
    with pytest.raises(TargetError, match="the brokers at a:1 do not answer: Coordinator load in progress"):
        Brokers(Config(brokers=("a:1",)), Loading()).ask(5.0)
