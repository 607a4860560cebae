"""Sends records to a topic, one by one or invented with and without drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from streamgauge.drift_stream.environment import settings
from streamgauge.errors import ConfigError, OutsideError

PATIENCE = 10.0
"""Seconds to wait for the broker's answers."""


class DriftDataProducer:
    """Writes JSON objects to a topic.

    Args:
        bootstrap_servers: default: what ``KAFKA_BOOTSTRAP_SERVERS`` says.
        topic: default: what ``KAFKA_TOPIC`` says.
        options: further settings of librdkafka, such as ``{"security.protocol": "SSL"}``.
    """

    def __init__(
        self,
        bootstrap_servers: str | None = None,
        topic: str | None = None,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        from confluent_kafka import Producer

        asked = settings()
        self.topic = topic or asked.topic
        self.brokers = bootstrap_servers or asked.brokers
        asked_of_library = {
            "bootstrap.servers": self.brokers,
            "enable.idempotence": True,
            "log_level": 2,  # what it complains of comes by `error_cb` too, and is told once, with what was not sent
            "error_cb": self._complained,
        }
        self._producer = Producer({**asked_of_library, **(options or {})})
        self._refused: list[str] = []
        self._complaint = ""

    def send_data_point(self, data: Mapping[str, Any]) -> None:
        """Send one record; it is surely there after :meth:`flush`.

        Numbers of NumPy and moments are written as JSON has them; NaN becomes null.

        Raises:
            ConfigError: it is no mapping, or a value has no JSON.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"a data point is a mapping of names to values, got `{type(data).__name__}`")
        try:
            payload = msgspec.json.encode(dict(data), enc_hook=_plain)
        except TypeError as error:
            raise ConfigError(f"a data point cannot be written as JSON: {error}") from error
        while True:
            try:
                self._producer.produce(self.topic, payload, on_delivery=self._answered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def generate_and_send_synthetic_data(
        self, n_samples: int = 1000, drift: bool = False, *, seed: int = 0
    ) -> None:
        """Send invented records of five fields, and wait until they are there.

        With ``drift``, incomes and ages lie higher, another country prevails, and one is new.

        Raises:
            OutsideError: the broker does not take them.
        """
        for record in synthetic(n_samples, drift=drift, seed=seed):
            self.send_data_point(record)
        self.flush()

    def flush(self) -> None:
        """Wait until all that was sent is there.

        Raises:
            OutsideError: the broker refused some, or did not answer.
        """
        left = self._producer.flush(PATIENCE)
        if self._refused:
            why, self._refused = self._refused[0], []
            raise OutsideError(f"topic {self.topic} at {self.brokers} refused a record: {why}")
        if left:
            raise OutsideError(f"{self._why()}; {left} records are not there yet")

    def _why(self) -> str:
        """Why answers do not come: the topic is missing, or nobody is there."""
        from confluent_kafka import KafkaException

        try:
            found = self._producer.list_topics(self.topic, timeout=2.0).topics[self.topic]
        except KafkaException:
            said = f" ({self._complaint})" if self._complaint else ""
            return f"{self.brokers} did not answer within {PATIENCE:g} s{said}"
        if found.error is not None:
            return f"{self.brokers} has no topic {self.topic} ({found.error.str()}); make it first"
        return f"{self.brokers} did not take all of topic {self.topic} within {PATIENCE:g} s"

    def _complained(self, error: Any) -> None:
        self._complaint = error.str()

    def _answered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._refused.append(error.str())


def _plain(value: Any) -> Any:
    """What NumPy's and pandas' values are in JSON."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a value of type `{type(value).__name__}` has none")


def synthetic(count: int, *, drift: bool, seed: int = 0) -> list[dict[str, Any]]:
    """Invented customers; the same arguments give the same ones."""
    draw = np.random.default_rng(seed)
    age = draw.normal(48 if drift else 40, 12, count).round().clip(18, 95)
    income = draw.lognormal(10.6 if drift else 10.2, 0.5, count).round(2)
    countries = ["DE", "FR", "IT", "US"] if drift else ["CH", "DE", "FR", "IT"]
    country = draw.choice(countries, count, p=[0.4, 0.3, 0.2, 0.1])
    visits = draw.poisson(3, count)
    is_member = draw.random(count) < 0.35
    columns = (age.tolist(), income.tolist(), country.tolist(), visits.tolist(), is_member.tolist())
    names = ("age", "income", "country", "visits", "member")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
