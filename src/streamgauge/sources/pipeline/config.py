"""What is written beside ``type: pipeline``: the map, step by step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from streamgauge.batch import FieldKind
from streamgauge.settings import FileUrl, Names, Settings, wrong
from streamgauge.sources.kafka.client_settings import Setting
from streamgauge.sources.kafka_lag import Config as KafkaLag
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.sources.sql import Config as Sql
from streamgauge.sources.sql import without_password

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "step": "string",
    "edge": "string",
    "position": "int",
    "count": "int",
    "before": "int",
    "after": "int",
    "head": "int",
    "newest": "timestamp",
    "age": "float",
    "error": "string",
}
"""What its records hold; see docs/sources/pipeline.md."""

PACKS = (
    "kafka-cluster", "flink-cluster", "spark-driver", "connect-cluster", "jvm-metrics", "database-tables", "database-newest",
)  # fmt: skip
"""The streams of the other packs, which may run beside it or not."""

Topic = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Table = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$")]


class StepConfig(Settings):
    """One step of the way: a topic, a job or a table."""

    topic: Topic | None = None
    """A Kafka topic: what was written to it is counted."""
    job: Annotated[str, Field(min_length=1)] | None = None
    """What reads the topic before it: how far its consumer group has come is counted."""
    group: Annotated[str, Field(min_length=1)] | None = None
    """The job's consumer group; default: called as the job."""
    table: Table | None = None
    """A table, with its schema where that is not `public`: what was written to it is counted."""
    time: Word | None = None
    """The table's column with the event time of a row, by which freshness is told."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        named = [name for name in ("topic", "job", "table") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError("is one thing: write either `topic`, `job` or `table`")
        if self.group is not None and self.job is None:
            raise wrong("group", "fits a `job`")
        if self.time is not None and self.table is None:
            raise wrong("time", "fits a `table`")
        return self

    @property
    def name(self) -> str:
        """As people call it, such as ``topic payments``."""
        kind = next(name for name in ("topic", "job", "table") if getattr(self, name) is not None)
        return f"{kind} {getattr(self, kind)}"

    @property
    def reader(self) -> str:
        """The consumer group of a job."""
        return self.group or self.job or ""


class Config(PollerConfig):
    """``source: {type: pipeline, brokers: …, database: …, steps: [{topic: a}, {job: b}, {table: c}]}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["pipeline"] = "pipeline"
    steps: Annotated[tuple[StepConfig, ...], Field(min_length=2)]
    """The way, in the order in which records take it."""
    dead_letter_topics: Annotated[
        tuple[Topic, ...], Field(description="topics into which its jobs put what they cannot use")
    ] = ()
    brokers: Annotated[Names, Field(description="host:port of one or more brokers to ask first")] = ()
    settings: Annotated[
        dict[str, Setting], Field(description="settings of librdkafka, such as security.protocol")
    ] = Field(default_factory=dict)
    beside: Names = PACKS
    """Streams of this configuration whose incidents are shown as causes of what happens on the way."""
    database: Annotated[
        FileUrl | None,
        Field(description="`postgresql://USER@HOST/DATABASE` or `sqlite:///FILE`, of its tables"),
    ] = None

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        uses_kafka = bool(self.dead_letter_topics) or any(step.table is None for step in self.steps)
        if uses_kafka and not self.brokers:
            raise wrong("steps", "there are topics and jobs in it: name the `brokers`")
        if any(step.table is not None for step in self.steps):
            if self.database is None:
                raise wrong("steps", "there are tables in it: name the `database`")
            Sql.model_validate({"type": "sql", "url": self.database, "query": "SELECT 1"})
        return self

    @model_validator(mode="after")
    def _jobs_read_something(self) -> Self:
        for i, step in enumerate(self.steps):
            if step.job is not None and (i == 0 or self.steps[i - 1].topic is None):
                raise wrong("steps", f"the job `{step.job}` reads a topic: write the topic before it")
        names = [step.name for step in self.steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong("steps", f"`{twice[0]}` stands in it twice")
        return self

    def causes(self) -> tuple[str, ...]:
        """As of every configuration."""
        return self.beside

    def topics(self) -> list[str]:
        """All that the brokers are asked about."""
        return list(dict.fromkeys([*(s.topic for s in self.steps if s.topic), *self.dead_letter_topics]))

    def public(self) -> dict[str, Any]:
        """As of every configuration; of ``settings`` and the database no secrets."""
        plain = super().public()
        if self.brokers:
            plain["settings"] = self.cluster().public()["settings"]
        if self.database is not None:
            plain["database"] = without_password(self.database)
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        shown = self.public()
        for name, value in super().__repr_args__():
            yield name, shown.get(name, value) if name in ("settings", "database") else value

    def cluster(self) -> KafkaLag:
        """How the brokers are asked: of its topics and groups only."""

        def either(names: list[str]) -> str:
            return "|".join(map(re.escape, names)) or "(?!)"

        return KafkaLag(
            type="kafka_lag",
            brokers=self.brokers,
            topics=either(self.topics()),
            groups=either([step.reader for step in self.steps if step.job]),
            settings=self.settings,
            unread_times=0,
        )
