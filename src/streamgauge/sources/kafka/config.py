"""What a user writes beside ``type: kafka``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from streamgauge.clock import iso, to_micros
from streamgauge.settings import Names, wrong
from streamgauge.sources.contract import SourceConfig
from streamgauge.sources.kafka.client_settings import ClientSettings, Setting

_OURS: Mapping[str, str] = MappingProxyType(
    {
        "bootstrap.servers": "write `brokers:` instead",
        "metadata.broker.list": "write `brokers:` instead",
        "group.id": "write `group:` instead",
        "auto.offset.reset": "write `start:` instead",
        "group.instance.id": "Streamgauge derives it from the store",
        "enable.auto.commit": "Streamgauge commits after its store has",
        "enable.auto.offset.store": "Streamgauge commits after its store has",
        "enable.partition.eof": "Streamgauge needs it on",
        "isolation.level": "Streamgauge reads committed records only",
        "partition.assignment.strategy": "Streamgauge needs cooperative-sticky",
    }
)
"""Settings of librdkafka that are not the user's, and what to do instead."""

_PYTHON_ONLY = re.compile(r"\\[dDbBAZ]|\(\?|[*+?}]\?")


def _read_start(value: object) -> object:
    if value in ("earliest", "latest"):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise ValueError(  # noqa: TRY004  pydantic tells users about ValueErrors only
            f"{value!r} is no start: write earliest, latest or a moment such as 2026-01-31T12:00:00Z"
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Start = Annotated[
    datetime | Literal["earliest", "latest"],
    BeforeValidator(_read_start),
    PlainSerializer(
        lambda start: start if isinstance(start, str) else iso(to_micros(start)), return_type=str
    ),
    WithJsonSchema({"type": "string", "examples": ["earliest", "latest", "2026-01-31T12:00:00Z"]}),
]
"""Where partitions without a stored position start; a moment without a zone is UTC."""


class Config(ClientSettings, SourceConfig):
    """One or several topics of one Kafka cluster.

    Exactly one of ``topic``, ``topics`` and ``pattern`` says what is read.
    """

    type: Literal["kafka"] = "kafka"
    brokers: Annotated[
        Names, Field(min_length=1, description="host:port of one or more brokers to ask first")
    ]
    topic: Annotated[str | None, Field(min_length=1, description="the topic to read")] = None
    topics: Annotated[Names, Field(description="several topics to read as one stream")] = ()
    pattern: Annotated[
        str | None,
        Field(min_length=1, description="a regular expression that a topic's whole name must match"),
    ] = None
    start: Annotated[
        Start,
        Field(description="where to begin when the store knows no position: earliest, latest, a moment"),
    ] = "latest"
    group: Annotated[
        str | None, Field(min_length=1, description="the consumer group; default: streamgauge-STREAM")
    ] = None
    settings: Annotated[
        dict[str, Setting], Field(description="settings of librdkafka, such as security.protocol")
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_choice(self) -> Config:
        given = [name for name in ("topic", "topics", "pattern") if getattr(self, name)]
        if len(given) != 1:
            written = " and ".join(f"`{name}`" for name in given) or "none"
            raise wrong(
                given[-1] if given else "topic",
                f"expected exactly one of topic, topics, pattern; found {written}",
            )
        return self

    @model_validator(mode="after")
    def _settings_are_free(self) -> Config:
        for name in self.settings:
            if name in _OURS:
                raise wrong("settings", f"`{name}` cannot be set: {_OURS[name]}")
        return self

    @model_validator(mode="after")
    def _pattern_is_posix(self) -> Config:
        if self.pattern is None:
            return self
        found = _PYTHON_ONLY.search(self.pattern)
        if found:
            raise wrong(
                "pattern",
                f"{found.group()!r} is not known there: patterns are POSIX extended regular expressions; "
                "write [0-9] for a digit, and plain groups and repeats",
            )
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise wrong("pattern", f"is no regular expression: {error}") from None
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The topics by name; empty when there is a pattern."""
        return (self.topic,) if self.topic is not None else self.topics

    @property
    def bootstrap(self) -> str:
        """The brokers as librdkafka and people read them."""
        return ",".join(self.brokers)
