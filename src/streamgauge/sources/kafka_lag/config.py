"""What a user writes beside ``type: kafka_lag``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from streamgauge.batch import FieldKind
from streamgauge.settings import HIDDEN, Names
from streamgauge.sources.kafka.config import Setting, is_secret
from streamgauge.sources.polling.settings import PollerConfig

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "group": "string",
    "state": "string",
    "protocol": "string",
    "members": "int",
    "topic": "string",
    "partition": "int",
    "owner": "string",
    "offset": "int",
    "start": "int",
    "end": "int",
    "lag": "int",
    "lost": "int",
    "lag_seconds": "float",
    "lag_seconds_from": "string",
    "expires_in": "float",
    "leader": "int",
    "preferred": "bool",
    "replicas": "int",
    "in_sync": "int",
    "missing_replicas": "int",
    "broker": "int",
    "address": "string",
    "brokers": "int",
    "error": "string",
}
"""What its records hold; see docs/sources/kafka_lag.md."""


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_is_pattern)]


class Config(PollerConfig):
    """``source: {type: kafka_lag, brokers: "localhost:9092"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS
    shows: ClassVar[bool] = True

    type: Literal["kafka_lag"] = "kafka_lag"
    brokers: Annotated[
        Names, Field(min_length=1, description="host:port of one or more brokers to ask first")
    ]
    groups: Pattern = ".*"
    """A regular expression that a group's whole name must match."""
    topics: Pattern = "(?!__).*"
    """A regular expression that a topic's whole name must match; default: all but Kafka's own."""
    unread_times: Annotated[int, Field(ge=0, le=100_000)] = 500
    """First unread records that are looked at per answer to tell the lag in seconds; others are estimated."""
    settings: Annotated[
        dict[str, Setting], Field(description="settings of librdkafka, such as security.protocol")
    ] = Field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """As of every configuration; of ``settings`` no secrets."""
        plain = super().public()
        plain["settings"] = _shown(plain["settings"])
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _shown(value) if name == "settings" else value

    def scrub(self, text: str) -> str:
        """``text`` of a library without the values that must not be shown."""
        for name, value in self.settings.items():
            if is_secret(name) and isinstance(value, str) and len(value) > 3:
                text = text.replace(value, HIDDEN)
        return text


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if is_secret(name) else value for name, value in settings.items()}
