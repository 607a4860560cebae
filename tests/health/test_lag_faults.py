"""Consumer groups of a real broker, each with a fault of its own, watched by one engine: each is named as what it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import generate_latest

from streamgauge.metrics import make_registry
from tests.exactness.live import Live
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services
PACE = 0.05
EXPECTED = {
    ("stopped", "STOP", "critical"),
    ("stalled", "STALL", "critical"),
    ("rewound", "REWIND", "critical"),
    ("slow", "WARN", "warning"),
    ("deleted", "GONE", "critical"),
}
"""The fault, its verdict, and how bad it is."""


class Groups:
    """Writes to a topic all the time, and lets groups commit: one keeps up, the others do as they are told.

    The offsets of groups without members are committed by consumers that assign to themselves; ``stalled`` is a member that
    owns the partition, commits again and again, and never moves.
    """

    FAULTS = ("stopped", "stalled", "rewound", "slow", "deleted")

    def __init__(self, broker: Broker, topic: str) -> None:
        self.names = {name: unique(name) for name in ("healthy", *self.FAULTS)}
        self.faulty: set[str] = set()
        self._topic = topic
        self._broker = broker
        self._written = 0
        self._at = dict.fromkeys(self.names, 0)
        self._consumers = {name: self._consumer(group) for name, group in self.names.items()}
        self._consumers["stalled"].subscribe([topic])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)
        for consumer in self._consumers.values():
            consumer.close()

    def _consumer(self, group: str) -> Any:
        return Consumer(
            {
                "bootstrap.servers": self._broker.bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )

    def _run(self) -> None:
        while not self._ending.wait(PACE):
            self._broker.produce(self._topic, [b"x"] * 10)
            self._written += 10
            for name in self.names:
                self._move(name)

    def _move(self, name: str) -> None:
        consumer = self._consumers[name]
        if name == "stalled":
            consumer.poll(0)
            if not consumer.assignment():
                return
        if name not in self.faulty:
            self._at[name] = self._written
        elif name in ("stopped", "deleted"):
            return
        elif name in ("rewound", "slow"):
            self._at[name] += 1
        where = TopicPartition(self._topic, 0, self._at[name])
        consumer.commit(offsets=[where], asynchronous=False)

    def break_all(self) -> None:
        """From now on each has its fault."""
        self._at["rewound"] = -1
        self.faulty.update(self.FAULTS)


@pytest.fixture
def groups(kafka: Broker) -> Iterator[Groups]:
    with Groups(kafka, kafka.create_topic(unique("watched"), 1)) as made:
        yield made


def config(kafka: Broker, groups: Groups) -> dict[str, Any]:
    asked = {"type": "kafka_lag", "every": "250ms", "topics": groups._topic}
    lag = {"detect": {"type": "lag", "intervals": 12, "minimum": 6}}
    there = {**asked, "brokers": kafka.bootstrap, "groups": "|".join(groups.names.values())}
    away = {**asked, "brokers": "127.0.0.1:1", "timeout": "1s"}
    return {
        "streams": {
            "there": {"source": there, "source_timeout": "1m"},
            "away": {"source": away, "source_timeout": "1s"},
        },
        "monitors": {"lag": {"stream": "there", **lag}, "unseen": {"stream": "away", **lag}},
    }


def test_each_fault_is_named_and_who_keeps_up_is_not(
    kafka: Broker, groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    with Live(tmp_path, config(kafka, groups)) as live:
        live.until(lambda: live.read("there") > 150, "a quiet time", within=60)
        assert live.incidents("lag") == []

        groups.break_all()
        deleted = groups.names["deleted"]
        kafka.admin.delete_consumer_groups([deleted])[deleted].result(20)

        told: set[tuple[str, str, str]] = set()

        def all_told() -> bool:
            """A verdict may follow another within one incident, so whatever was seen is kept."""
            of = {group: name for name, group in groups.names.items()}
            told.update(
                (of[str(one.key)], str(one.observed["status"]), one.severity) for one in live.incidents("lag")
            )
            return told >= EXPECTED

        live.until(all_told, "each fault", within=90)
        assert "healthy" not in {name for name, _, _ in told}

        shown = generate_latest(make_registry(live.session.status, live.session.clock)).decode()
        labels = f'{{consumergroup="{groups.names["stopped"]}",partition="0",topic="{groups._topic}"}}'
        assert f"kafka_consumergroup_lag{labels}" in shown

        (lost,) = live.open("stream away")
        assert lost.kind == "source lost"
        trouble = live.now.streams["away"].source["trouble"]
        assert "the brokers at 127.0.0.1:1 do not answer" in str(trouble)
        assert live.incidents("unseen") == []
        assert live.incidents("stream there") == []

        groups.faulty.clear()
        live.until(lambda: {one.key for one in live.open("lag")} == set(), "all are well again", within=60)
