"""Puts verdicts into a Kafka topic without waiting for it: what the broker does not take in time is said in the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog

from streamgauge.channels.payload import encode
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from streamgauge.config.models import PredictConfig

WAITING = 100_000
"""Messages that may wait for the broker; beyond that a request that wants to produce is refused."""

_log = structlog.get_logger("streamgauge.server")


class Producing:
    """To one topic; its client has a thread of its own."""

    def __init__(self, settings: PredictConfig) -> None:
        from confluent_kafka import Producer

        self.settings = settings
        self._producer = Producer(
            {
                "bootstrap.servers": settings.brokers,
                "queue.buffering.max.messages": WAITING,
                "linger.ms": 20,
                **settings.settings,
            }
        )

    def put(self, answers: Sequence[dict[str, Any]]) -> None:
        """Hand them over.

        Raises:
            Refused: 503, too much waits for the broker already.
        """
        self._producer.poll(0)
        if len(self._producer) + len(answers) > WAITING:
            raise Refused(
                503, f"{WAITING} verdicts wait for {self.settings.brokers} already; come again later"
            )
        for answer in answers:
            self._producer.produce(self.settings.topic, encode(answer), on_delivery=self._delivered)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            _log.error("a verdict did not reach its topic", topic=self.settings.topic, why=str(error))
