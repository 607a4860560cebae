"""Reads the windows that another engine wrote to a topic."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import numpy as np

from benchmarks.records import Windows, gathered


def windows(brokers: str, topic: str, start_of: Callable[[dict[str, object]], int]) -> Windows:
    """All windows on ``topic``, sorted; ``start_of`` gives the start of a row in milliseconds."""
    from confluent_kafka import Consumer, KafkaError

    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    partitions = len(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    consumer.subscribe([topic])
    rows: list[tuple[int, int, int, float]] = []
    ended: set[int | None] = set()
    while len(ended) < partitions:
        for message in consumer.consume(1_000, 0.5):
            error = message.error()
            if error is None:
                row = json.loads(message.value() or b"{}")
                rows.append((int(row["account"][1:]), start_of(row), row["events"], row["spent"]))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    accounts, starts, counts, sums = (
        (np.array(c) for c in zip(*rows, strict=True)) if rows else [np.empty(0)] * 4
    )
    return gathered(
        [
            Windows(
                accounts.astype(np.int64),
                starts.astype(np.int64),
                counts.astype(np.int64),
                sums.astype(float),
            )
        ]
    )
