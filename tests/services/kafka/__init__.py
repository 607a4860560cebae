"""Apache Kafka from Maven Central: a real KRaft broker in about two seconds.

::

    with Broker() as broker:
        broker.create_topic("payments", partitions=6)
        broker.produce("payments", [b"one", b"two"], partition=0)

By hand, for benchmarks or to look around: ``uv run python -m tests.services.kafka --help``.
"""

from tests.services.kafka.broker import Broker, unique

__all__ = ["Broker", "unique"]
