"""Alerts in topics, connectors that post them, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamgauge.testing import eventually
from tests.services.connect import ConnectWorker
from tests.services.kafka import Broker, unique

SECRET = "s3cretpath"
"""A part of every address that is posted to; nothing may show it."""
SLACK = "io.streamgauge.connect.SlackSinkConnector"
HTTP = "io.streamgauge.connect.HttpAlertSinkConnector"
PATIENCE = timedelta(seconds=120)
"""A deadline that a machine under load keeps."""


def secret_file(worker: ConnectWorker, url: str) -> str:
    """``url`` with a secret path, in a file of the worker's; returns the reference that a connector names."""
    path: Path = worker.folder / f"{unique('secrets')}.properties"
    path.write_text(f"webhook={url}/{SECRET}\n")
    return f"${{file:{path}:webhook}}"


def register(worker: ConnectWorker, topic: str, config: Mapping[str, str]) -> str:
    """A connector that runs, with dead letters in ``TOPIC-dead`` (which must exist); returns its name."""
    name = unique("sink")
    whole = {
        "topics": topic,
        "tasks.max": "1",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": f"{topic}-dead",
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
        "consumer.override.auto.offset.reset": "earliest",
        "retry.backoff.ms": "50",
        "retry.backoff.max.ms": "200",
        **config,
    }
    eventually(lambda: worker.put(name, whole).status_code in (200, 201), within=PATIENCE)
    tasks = int(whole["tasks.max"])
    eventually(lambda: worker.states(name) == ["RUNNING"] * (tasks + 1), within=PATIENCE)
    return name


def topics(kafka: Broker, partitions: int = 1) -> str:
    """A topic for alerts and one for its dead letters."""
    name = kafka.create_topic(unique("alerts"), partitions)
    kafka.create_topic(f"{name}-dead", 1)
    return name


def numbered(count: int, keys: int) -> tuple[list[bytes], list[bytes]]:
    """``count`` alerts over ``keys`` keys: values and keys; ``n`` counts the alerts of a key."""
    values, names = [], []
    for number in range(count):
        key = f"k{number % keys}"
        notice = {"notice": f"{key}-{number // keys}", "monitor": "m", "title": "t", "key": key}
        values.append(json.dumps({**notice, "n": number // keys}).encode())
        names.append(key.encode())
    return values, names


def out_of_order(arrived: Sequence[tuple[str, int]]) -> list[str]:
    """Where an alert of a key arrived before the one ahead of it; repeats may go back, never ahead."""
    highest: dict[str, int] = {}
    wrong = []
    for key, n in arrived:
        if n > highest.get(key, -1) + 1:
            wrong.append(f"{key}: {n} after {highest.get(key, -1)}")
        highest[key] = max(n, highest.get(key, -1))
    return wrong


def dead(kafka: Broker, topic: str, count: int) -> list[Any]:
    """The first ``count`` dead letters of a topic, with their headers."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": unique("reader")})
    consumer.assign([TopicPartition(f"{topic}-dead", 0, 0)])
    found: list[Any] = []

    def enough() -> bool:
        found.extend(message for message in consumer.consume(100, 0.1) if message.error() is None)
        return len(found) >= count

    eventually(enough, within=PATIENCE)
    consumer.close()
    return found


def reason(message: Any) -> str:
    """Why a record is in the dead-letter topic."""
    headers = dict(message.headers() or [])
    return str(headers["__connect.errors.exception.message"].decode())


def lag(kafka: Broker, name: str, topic: str) -> int:
    """Records of a topic that a connector has not committed."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"connect-{name}"})
    try:
        count = len(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        partitions = [TopicPartition(topic, number) for number in range(count)]
        left = 0
        for place in consumer.committed(partitions, timeout=30):
            _, end = consumer.get_watermark_offsets(place, timeout=30)
            left += end - max(0, place.offset)
        return left
    finally:
        consumer.close()
