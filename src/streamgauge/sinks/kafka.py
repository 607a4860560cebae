"""Rows as records of a topic: JSON, keyed, each with an id by which a reader drops repeats.

.. code-block:: yaml

    monitors:
      bursts:
        stream: payments
        window: {type: tumbling, size: 5s, by: account}
        write: {type: kafka, brokers: "localhost:9092", topic: bursts}
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from streamgauge.batch import ColumnKind
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.settings import PositiveDuration, wrong
from streamgauge.sinks.contract import Outcome, Prepared, SinkConfig, SpooledRow

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

HASHED = -1
"""Instead of a partition: by the key's hash."""

PATIENCE = 10
"""Seconds to wait until a topic is created."""


class Config(SinkConfig):
    """What may be written beside ``type: kafka``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["kafka"] = "kafka"
    brokers: str
    """`host:port`, several separated by commas."""
    topic: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    """Where rows go; it must exist, unless `partitions` says how to make it."""
    partitions: Annotated[int | None, Field(gt=0)] = None
    """Create the topic with so many partitions if it is missing."""
    places: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Which key goes to which partition."""
    others: Annotated[int | None, Field(ge=0)] = None
    """The partition of all keys that `places` does not name; default: by the key's hash."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long to wait until all in-sync replicas have the rows."""
    settings: Mapping[str, str | int | float | bool] = Field(default_factory=dict, repr=False)
    """Passed to librdkafka: `security.protocol`, `sasl.username` …; never shown."""

    @model_validator(mode="after")
    def _places_are_there(self) -> Config:
        last = max([*self.places.values(), self.others or 0])
        if self.partitions is not None and last >= self.partitions:
            raise wrong(
                "places",
                f"there is no partition {last}; `partitions: {self.partitions}` end at {self.partitions - 1}",
            )
        return self


class KafkaSink:
    """Produces rows and waits for their delivery reports.

    The producer is idempotent with ``acks=all``: what librdkafka itself repeats is written once. Rows whose
    report does not come are unclear: they may be there, and come again with the same header ``id``.
    """

    def __init__(self, config: Config, name: str) -> None:
        self.where = f"topic {config.topic} on {config.brokers}"
        self._name = name
        self._topic = config.topic
        self._partitions = config.partitions
        self._places = config.places
        self._others = HASHED if config.others is None else config.others
        self._timeout = config.timeout.total_seconds()
        self._complaint = ""
        self._made = False
        self._settings = {
            "client.id": "streamgauge",
            "linger.ms": 5,
            "topic.metadata.propagation.max.ms": 1000,
            "compression.type": "zstd",
            "partitioner": "murmur2_random",
            **config.settings,
            "bootstrap.servers": config.brokers,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": max(1, int(self._timeout * 1000)),
        }
        self._producer: Producer = self._open()

    def __repr__(self) -> str:
        return f"KafkaSink({self.where})"

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        """Produce them in order and wait for the reports; once more where that had the topic made."""
        self._made = False
        outcome = self._try(rows)
        if not self._made:
            return outcome
        gone = {*outcome.written, *outcome.refused}
        again = self._try([row for row in rows if row.sequence not in gone])
        return Outcome(
            [*outcome.written, *again.written], {**outcome.refused, **again.refused}, again.trouble
        )

    def _try(self, rows: Sequence[SpooledRow]) -> Outcome:
        reports: dict[int, KafkaError | None] = {}
        self._complaint = ""
        trouble = self._produce(rows, reports)
        deadline = time.monotonic() + self._timeout + 1.0  # the report of a time-out comes a little later
        while len(self._producer) and (left := deadline - time.monotonic()) > 0:
            self._producer.poll(min(left, 0.1))
        if len(self._producer):
            self._producer.purge()  # nothing may leave later, behind our back
            self._producer.poll(0)
        return self._outcome(rows, reports, trouble)

    def close(self) -> None:
        """Let go of the producer; nothing is waited for, since each write has waited."""
        self._producer.purge()
        self._producer.flush(0.1)

    def _produce(self, rows: Sequence[SpooledRow], reports: dict[int, KafkaError | None]) -> str:
        """Queue them; why it stopped before the last, if it did."""
        from confluent_kafka import KafkaException

        def note(sequence: int, error: KafkaError | None, _message: Message) -> None:
            reports[sequence] = error

        for row in rows:
            headers: list[tuple[str, str | bytes | None]] = [("id", row.id.encode())]
            try:
                self._producer.produce(
                    self._topic,
                    row.body,
                    row.key,
                    self._others if row.key is None else self._places.get(row.key, self._others),
                    headers=headers,
                    on_delivery=partial(note, row.sequence),
                )
            except KafkaException as error:
                reports[row.sequence] = error.args[0]
                return ""
            except BufferError:
                return "the producer's queue is full"
        return ""

    def _outcome(
        self, rows: Sequence[SpooledRow], reports: Mapping[int, KafkaError | None], trouble: str
    ) -> Outcome:
        from confluent_kafka import KafkaError as K

        written = [sequence for sequence, error in reports.items() if error is None]
        failures = {sequence: error for sequence, error in reports.items() if error is not None}
        too_large = {
            n: "larger than the topic allows" for n, e in failures.items() if e.code() == K.MSG_SIZE_TOO_LARGE
        }
        others = [error for sequence, error in failures.items() if sequence not in too_large]
        if others:
            trouble = self._advice(others[0])
        elif len(reports) < len(rows) and not trouble:
            trouble = f"no answer within {self._timeout:g} s"
        said = (
            f"{self.where}: {trouble}{f' ({self._complaint})' if self._complaint else ''}" if trouble else ""
        )
        return Outcome(written, too_large, said)

    def _advice(self, error: KafkaError) -> str:
        """What a failed report means, and what becomes of the producer."""
        from confluent_kafka import KafkaError as K

        absent = {K.UNKNOWN_TOPIC_OR_PART, K._UNKNOWN_TOPIC, K._UNKNOWN_PARTITION}
        advice: str = {
            **dict.fromkeys(
                absent, "the topic does not exist; create it, or say `partitions: N` to have it created"
            ),
            K.TOPIC_AUTHORIZATION_FAILED: "no permission to write; grant WRITE on the topic",
            K.CLUSTER_AUTHORIZATION_FAILED: "no permission; grant IDEMPOTENT_WRITE on the cluster",
            K._MSG_TIMED_OUT: f"no answer within {self._timeout:g} s",
        }.get(error.code(), error.str())
        if error.code() == K._UNKNOWN_PARTITION:
            advice = "the topic has fewer partitions than `places` names; add some, or name others"
        elif error.code() in absent and self._partitions is not None:
            advice = self._create(self._partitions)
            self._made = not advice
            advice = advice or "the topic is being created"
        if error.fatal() or error.code() in absent:
            self._producer = (
                self._open()
            )  # an idempotent one cannot go on; "absent" is remembered for minutes
        return advice

    def prepare(self, keys: Sequence[str]) -> Iterator[Prepared]:
        """Create the topic where `partitions` says how; without it the topic is left to whoever made it."""
        if self._partitions is not None:
            try:
                made = self._created(self._partitions)
            except OutsideError as error:
                raise OutsideError(f"{self.where}: {error}") from error
            yield Prepared("topic", self._topic, made)

    def _create(self, partitions: int) -> str:
        """Create the topic; why it cannot be, if so."""
        try:
            self._created(partitions)
        except OutsideError as error:
            return f"the topic does not exist and cannot be created: {error}"
        return ""

    def _created(self, partitions: int) -> bool:
        """Create the topic; False where it is there already.

        Raises:
            OutsideError: it cannot be.
        """
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        client = {name: value for name, value in self._settings.items() if name not in _PRODUCER_ONLY}
        admin = AdminClient({**client, "log_level": 0})
        try:
            admin.create_topics([NewTopic(self._topic, num_partitions=partitions)])[self._topic].result(
                PATIENCE
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise OutsideError(error.args[0].str()) from None
            return False
        return True

    def _open(self) -> Producer:
        from confluent_kafka import KafkaException, Producer

        try:
            return Producer({**self._settings, "error_cb": self._complain}, logger=_quiet())
        except KafkaException as error:
            raise ConfigError(f"the sink of {self._name}, {self.where}: {error.args[0].str()}") from None

    def _complain(self, error: KafkaError) -> None:
        """Keep what librdkafka says beside the reports: a wrong password shows nowhere else."""
        self._complaint = f"{error.name()}: {error.str()}"[:200]


_PRODUCER_ONLY = (
    "linger.ms", "compression.type", "partitioner", "enable.idempotence", "acks", "message.timeout.ms",
    "topic.metadata.propagation.max.ms",
)  # fmt: skip


def open_sink(config: Config, name: str, _columns: Mapping[str, ColumnKind]) -> KafkaSink:
    """The sink of ``config``; it connects in the background. A row of JSON needs no columns beside.

    Raises:
        ConfigError: librdkafka does not know a setting.
    """
    return KafkaSink(config, name)


def _quiet() -> Any:
    """Librdkafka's own lines go to a logger, not to the terminal."""
    import logging

    return logging.getLogger("streamgauge.librdkafka")
