"""Reads all partitions of its topics outside the group: for what spans partitions where a group shares the rest."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.sources.contract import Poll
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.contact import partitions_of
from streamgauge.sources.kafka.reader import KafkaSource

LOOK = 5.0
"""Seconds between two looks for partitions and topics that were added."""


class Outside(KafkaSource):
    """As :class:`KafkaSource`, but nobody is asked for partitions, and none are ever taken away.

    Its positions are shown under the name of the group with ``-all`` behind it.
    """

    def __init__(self, config: Config, stream: str, clock: Clock) -> None:
        super().__init__(config, stream, clock)
        self.group = f"{self.group}-all"
        self._known: set[Partition] = set()
        self._found: frozenset[Partition] = frozenset()
        self._ending = threading.Event()

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """At most ``limit`` records, of partitions too that were added meanwhile."""
        new = self._found - self._known
        if new:
            self._known |= new
            self._on_assign(None, [TopicPartition(*partition) for partition in sorted(new)])
        return super().poll(limit, timeout)

    def other_members(self) -> list[str]:
        """Nobody reads in our name."""
        return []

    def close(self) -> None:
        """Leave."""
        self._ending.set()
        super().close()

    def _join(self) -> None:
        threading.Thread(target=self._look, name="kafka-partitions", daemon=True).start()

    def _look(self) -> None:
        admin: Any = self._admin_client()
        while True:
            with suppress(KafkaException):  # the brokers are away; who reads says so
                self._found = partitions_of(admin, self._config)
            if self._ending.wait(LOOK if self._found else 0.2):
                return
