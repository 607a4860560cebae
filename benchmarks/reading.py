"""What reading alone costs: (a) the bare client, (b) our source and our decoder into columns."""

from __future__ import annotations

import uuid
from typing import Any

from benchmarks.child import Stretch
from benchmarks.settings import payments


def bare(brokers: str, topic: str, records: int) -> dict[str, Any]:
    """(a) ``consume(2000, 20 ms)`` of confluent-kafka, and nothing else."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"bare-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    stretch = Stretch()
    while stretch.records < records:
        stretch.begin()
        stretch.records += len(consumer.consume(2_000, 0.02))
    stretch.end()
    consumer.close()
    return stretch.answer()


def decoded(brokers: str, topic: str, records: int) -> dict[str, Any]:
    """(b) The engine's own source and decoder, asked as the engine asks them; the columns are dropped."""
    from streamgauge.clock import SystemClock
    from streamgauge.config import load
    from streamgauge.engines.decoding.decoder import open_decoder
    from streamgauge.engines.embedded.collector import out_of_the_way
    from streamgauge.engines.embedded.engine import BATCH, WAIT
    from streamgauge.engines.embedded.opening import open_source
    from streamgauge.plan import make_plan

    config = load(payments(brokers, topic, limit=0))
    clock = SystemClock()
    stream = config.streams["payments"]
    source = open_source("payments", stream, clock)
    decoder = open_decoder(stream, make_plan(config).streams["payments"].layout)
    source.open({})
    stretch = Stretch()
    with out_of_the_way():
        while stretch.records < records:
            stretch.begin()
            for piece in source.poll(BATCH, WAIT).slices:
                stretch.records += len(decoder.decode(piece, clock.now()))
        stretch.end()
    source.close()
    return stretch.answer()
