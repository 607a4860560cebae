"""What a user writes beside ``type: kafka_lag``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from streamgauge.batch import FieldKind
from streamgauge.settings import Names
from streamgauge.sources.kafka.client_settings import ClientSettings, Setting
from streamgauge.sources.polling.settings import NamePattern, PollerConfig

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


class Config(ClientSettings, PollerConfig):
    """``source: {type: kafka_lag, brokers: "localhost:9092"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS
    shows: ClassVar[bool] = True

    type: Literal["kafka_lag"] = "kafka_lag"
    brokers: Annotated[
        Names, Field(min_length=1, description="host:port of one or more brokers to ask first")
    ]
    groups: NamePattern = ".*"
    """A regular expression that a group's whole name must match."""
    topics: NamePattern = "(?!__).*"
    """A regular expression that a topic's whole name must match; default: all but Kafka's own."""
    unread_times: Annotated[int, Field(ge=0, le=100_000)] = 500
    """First unread records that are looked at per answer to tell the lag in seconds; others are estimated."""
    settings: Annotated[
        dict[str, Setting], Field(description="settings of librdkafka, such as security.protocol")
    ] = Field(default_factory=dict)
