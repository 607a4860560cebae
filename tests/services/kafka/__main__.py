"""Starts a broker by hand, with topics, until Ctrl-C; made for benchmarks, so with a full compiler and 1 GB.

uv run python -m tests.services.kafka --port 9092 --topic payments:6
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.services.kafka.broker import Broker


def main() -> int:
    """Run until a signal comes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.services.kafka", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--port", type=int, help="where it listens; default: a free one")
    parser.add_argument("--heap", default="1g", help="memory of the broker (default 1g)")
    parser.add_argument(
        "--topic", action="append", default=[], metavar="NAME[:PARTITIONS]", help="create a topic"
    )
    parser.add_argument("--secured", action="store_true", help="SASL over TLS, users admin and reader")
    parser.add_argument("--fast-start", action="store_true", help="less compiling: up sooner, slower later")
    asked = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    broker = Broker(secured=asked.secured, heap=asked.heap, fast_start=asked.fast_start, port=asked.port)
    with broker:
        for topic in asked.topic:
            name, _, partitions = topic.partition(":")
            broker.create_topic(name, int(partitions or 1), retention_ms=-1)
        sys.stdout.write(f"{broker.bootstrap}\n")
        for key, value in broker.client().items():
            sys.stdout.write(f"{key}={value}\n")
        sys.stdout.flush()
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
