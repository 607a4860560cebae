"""Drift of a Kafka topic in three lines: a thin layer over a configuration and the engine that runs it.

::

    from streamgauge.drift_stream import DriftDataConsumer, DriftDataProducer

    DriftDataProducer("localhost:9092", "drift-data").generate_and_send_synthetic_data(2000, drift=True)
    DriftDataConsumer("localhost:9092", "drift-data").start_consuming()

Use it where a script or a notebook shall watch one topic; for more than that write a configuration
(:meth:`~streamgauge.drift_stream.consumer.DriftDataConsumer.configuration` gives the one that this runs).
"""

from __future__ import annotations

from streamgauge.drift_stream.consumer import DriftDataConsumer
from streamgauge.drift_stream.producer import DriftDataProducer

__all__ = ["DriftDataConsumer", "DriftDataProducer"]
