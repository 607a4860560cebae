"""Notices as records of an alert topic, keyed by fingerprint, so that one incident stays in order.

.. code-block:: yaml

    channels:
      alerts: {type: kafka, brokers: "localhost:9092", topic: alerts}
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.wording import printable
from streamgauge.errors import ConfigError
from streamgauge.settings import PositiveDuration

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer


class Config(ChannelConfig):
    """What may be written beside ``type: kafka``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["kafka"] = "kafka"
    brokers: str
    """``host:port``, several separated by commas."""
    topic: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    """The alert topic; it must exist (or the broker make topics by itself)."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long to wait for all in-sync replicas to have the record."""
    settings: Mapping[str, str | int | float | bool] = Field(default_factory=dict, repr=False)
    """Passed to librdkafka: ``security.protocol``, ``sasl.username`` …"""


class KafkaChannel:
    """Produces a notice and waits for its delivery report.

    The producer is idempotent with ``acks=all``: what librdkafka itself repeats is written once. A try that
    ends without a report is unclear: the record may be there, and comes again with the same header
    ``idempotency-key``.
    """

    def __init__(
        self, brokers: str, topic: str, timeout: timedelta, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._topic = topic
        self._timeout = timeout.total_seconds()
        self._where = f"topic {topic} on {printable(brokers, 100)}"
        self._complaint = ""
        self._settings = {
            "client.id": "streamgauge",
            "linger.ms": 0,
            "topic.metadata.propagation.max.ms": 1000,
            "compression.type": "zstd",
            **(settings or {}),
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": max(1, int(self._timeout * 1000)),
        }
        self._producer: Producer = self._open()

    def __repr__(self) -> str:
        return f"KafkaChannel({self._where})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Produce it once and wait for the report."""
        from confluent_kafka import KafkaException

        self._complaint = ""
        try:
            return self._produce(notice)
        except KafkaException as error:
            return self._answer(error.args[0])
        except BufferError:
            return Answer(Result.AGAIN, f"{self._where}: the producer's queue is full")

    def close(self) -> None:
        """Let go of the producer; nothing is waited for, since each send has waited."""
        self._producer.purge()
        self._producer.flush(0.1)

    def _open(self) -> Producer:
        from confluent_kafka import KafkaException, Producer

        try:
            return Producer({**self._settings, "error_cb": self._complain}, logger=_quiet())
        except KafkaException as error:
            raise ConfigError(f"{self._where}: {error.args[0].str()}") from None

    def _produce(self, notice: Mapping[str, Any]) -> Answer:
        reports: list[KafkaError | None] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            reports.append(error)

        self._producer.produce(
            self._topic,
            encode(notice),
            str(notice.get("fingerprint", "")),
            headers=[
                ("idempotency-key", str(notice["notice"]).encode()),
                ("content-type", b"application/json"),
            ],
            on_delivery=report,
        )
        deadline = time.monotonic() + self._timeout + 1.0  # the report of a time-out comes a little later
        while not reports and (left := deadline - time.monotonic()) > 0:
            self._producer.poll(left)
        if not reports:
            self._producer.purge()  # it must not leave later, behind our back
            return Answer(Result.AGAIN, self._told(f"no answer within {self._timeout:g} s"))
        return self._answer(reports[0])

    def _answer(self, error: KafkaError | None) -> Answer:
        """What a delivery report means."""
        from confluent_kafka import KafkaError as K

        if error is None:
            return Answer(Result.DELIVERED, f"{self._where} has it")
        absent = {K.UNKNOWN_TOPIC_OR_PART, K._UNKNOWN_TOPIC, K._UNKNOWN_PARTITION}
        if error.fatal() or error.code() in absent:
            self._producer = (
                self._open()
            )  # an idempotent one cannot go on; "absent" is remembered for minutes
        advice = {
            **dict.fromkeys(absent, "the topic does not exist; create it"),
            K.TOPIC_AUTHORIZATION_FAILED: "no permission to write; grant WRITE on the topic",
            K.CLUSTER_AUTHORIZATION_FAILED: "no permission; grant IDEMPOTENT_WRITE on the cluster",
            K._MSG_TIMED_OUT: f"no answer within {self._timeout:g} s",
            K.MSG_SIZE_TOO_LARGE: "the notice is larger than the topic allows; raise `max.message.bytes`",
        }.get(error.code(), error.str())
        too_large = error.code() == K.MSG_SIZE_TOO_LARGE
        return Answer(Result.GAVE_UP if too_large else Result.AGAIN, self._told(advice))

    def _told(self, advice: str) -> str:
        """What went wrong, with what the library complained of meanwhile."""
        return f"{self._where}: {advice}{f' ({self._complaint})' if self._complaint else ''}"

    def _complain(self, error: KafkaError) -> None:
        """Keep what librdkafka says beside the reports: a wrong password shows nowhere else."""
        self._complaint = printable(f"{error.name()}: {error.str()}", 200)


def open_channel(config: Config, name: str) -> KafkaChannel:  # noqa: ARG001  the contract's
    """The channel of ``config``; it connects in the background, so that the first notice need not.

    Raises:
        ConfigError: librdkafka does not know a setting.
    """
    return KafkaChannel(config.brokers, config.topic, config.timeout, config.settings)


def _quiet() -> Any:
    """Librdkafka's own lines go to a logger, not to the terminal."""
    import logging

    return logging.getLogger("streamgauge.librdkafka")
