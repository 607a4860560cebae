"""The shape of the file: streams, monitors, channels, the store and the server.

The Python API mirrors the file one to one; the only name that differs is ``for_``, since ``for`` is a word of
Python. Durations are ``timedelta``; "a name or a list of names" is always a tuple here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, PrivateAttr, StringConstraints, field_validator, model_validator

from streamgauge.batch import FieldKind
from streamgauge.channels.contract import ChannelConfig
from streamgauge.channels.posting import is_http_url
from streamgauge.config.derived import readable, row_kinds
from streamgauge.config.given import with_given_fields
from streamgauge.config.on_spark import SparkConfig
from streamgauge.config.plugins import ByType, config_class
from streamgauge.config.schedule import JobConfig
from streamgauge.config.telling import (
    FlappingConfig,
    InhibitConfig,
    MaintenanceConfig,
    RateLimitConfig,
    RouteConfig,
)
from streamgauge.config.windows import WindowConfig
from streamgauge.detectors.contract import DetectorConfig
from streamgauge.durations import Duration
from streamgauge.formats.contract import FormatConfig
from streamgauge.incidents.route import NOBODY
from streamgauge.settings import FileName, FileUrl, Names, PositiveDuration, Settings, Shorthand, wrong
from streamgauge.sinks.contract import SinkConfig
from streamgauge.sources.contract import SourceConfig

if TYPE_CHECKING:
    from streamgauge.config.mistakes import Mistake

STORE_URL = re.compile(r"^(sqlite:///|postgresql://).+")

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=120)]
"""How streams, monitors and channels may be called."""

BUILT_IN_STREAMS: Mapping[str, Mapping[str, FieldKind]] = MappingProxyType(
    {
        "streamgauge.dead_letters": {
            "stream": "string",
            "partition": "string",
            "offset": "int",
            "reason": "string",
            "at": "timestamp",
        },
        "streamgauge.late": {
            "stream": "string",
            "partition": "string",
            "offset": "int",
            "monitor": "string",
            "key": "string",
            "window_start": "timestamp",
            "behind_seconds": "float",
            "at": "timestamp",
        },
    }
)
"""Streams that exist without being declared, with the kinds of their fields; event time is ``at``."""


class FieldConfig(Settings):
    """One field of a stream: its type, where it lies in a record, what it may hold."""

    type: FieldKind
    """What it holds; numbers and texts are not mixed."""
    min: float | None = None
    """Records below go to the dead-letter."""
    max: float | None = None
    """Records above go to the dead-letter."""
    path: Annotated[str | None, Field(min_length=1)] = None
    """Where it lies, such as user.id; default: the field's own name."""
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """Unit of a numeric timestamp; default: guessed by its size."""
    mask: bool = False
    """Never show its values in samples."""
    required: bool = False
    """Records without it go to the dead-letter."""
    from_: Annotated[Literal["value", "key"], Field(alias="from")] = "value"
    """Whether it lies in the message's value or is its key."""
    compute: Annotated[str | None, Field(min_length=1)] = None
    """Not read but computed of other fields, such as upper(country)."""

    @model_validator(mode="after")
    def _only_computed(self) -> FieldConfig:
        read = [name for name in ("path", "unit", "min", "max") if getattr(self, name) is not None]
        if self.compute is not None and (read or self.required):
            name = (read or ["required"])[0]
            raise wrong(name, "fits fields that are read, and this one is computed")
        return self

    @model_validator(mode="after")
    def _fits_type(self) -> FieldConfig:
        for name in ("min", "max"):
            if getattr(self, name) is not None and self.type not in ("int", "float"):
                raise wrong(name, f"fits numbers (int, float) only, and this field is a {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong("min", f"must not be above `max` ({self.max:g})")
        if self.unit is not None and self.type != "timestamp":
            raise wrong("unit", f"fits timestamps only, and this field is a {self.type}")
        return self


class LimitsConfig(Settings):
    """Bounds of a stream's memory."""

    keys: Annotated[int, Field(gt=0)] = 1_000_000
    """Keys per grouping; more are pooled as __other__."""
    forget: PositiveDuration = timedelta(hours=24)
    """Drop a key unseen for so long."""


class DeadLettersConfig(Settings):
    """Where bad records are copied to; the store keeps them in any case."""

    file: Annotated[
        FileName | None, Field(min_length=1, description="append them to this file as NDJSON")
    ] = None
    topic: Annotated[
        str | None,
        Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$", description="produce them to this topic, as they came"),
    ] = None
    brokers: Annotated[
        str | None, Field(min_length=1, description="of the topic; default: the stream's own brokers")
    ] = None
    settings: Annotated[
        dict[str, str | int | float | bool], Field(description="passed to librdkafka, for the topic")
    ] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _one_place(self) -> DeadLettersConfig:
        if (self.file is None) == (self.topic is None):
            raise wrong("file", "name one place: either `file` or `topic`")
        return self


class StreamConfig(Settings):
    """A source plus its format, typed fields, key, event time and lateness."""

    source: Annotated[SourceConfig, ByType("sources"), Field(description="Where its records come from.")]
    format: Annotated[
        FormatConfig, ByType("formats", shorthand=True), Field(description="How a record is read.")
    ]
    fields: Annotated[dict[str, Annotated[FieldConfig, Shorthand("type")]], Field(min_length=1)]
    """What its records hold, by name; only fields that some monitor uses are read."""
    key: Names = ()
    """The field or fields that name whose record it is."""
    partitioned_by: Names = ()
    """The field or fields by which the producer places records."""
    time: str | None = None
    """The field with the event time; default: the source's timestamp."""
    lateness: Duration = timedelta(0)
    """How much out of order records may come."""
    max_ahead: PositiveDuration = timedelta(minutes=10)
    """Records further in the future go to the dead-letter."""
    deadline: PositiveDuration = timedelta(seconds=1)
    """Time passes without records after so long at the end."""
    source_timeout: PositiveDuration = timedelta(seconds=30)
    """A source away for so long opens an incident."""
    dead_letters: Annotated[
        DeadLettersConfig | None, Field(description="copy bad records to a file or topic too")
    ] = None
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    """Bounds of its memory."""
    write: Annotated[SinkConfig, ByType("sinks")] | None = None
    """Where its records are written to."""
    synthetic: Literal["allowed"] | None = None
    """Whether made-up points may be sent into it, by the analysis app and the API; for trying out."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, data: Any) -> Any:
        return with_given_fields(data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _takes_synthetic(self) -> StreamConfig:
        takes = self.source.type in ("kafka", "http") and self.format.type == "json"
        if self.synthetic is not None and not takes:
            raise wrong(
                "synthetic", "fits streams of JSON from kafka or http only: made-up points are sent there"
            )
        return self

    @model_validator(mode="after")
    def _time_is_in_the_value(self) -> StreamConfig:
        field = self.fields.get(self.time or "")
        if field is not None and field.from_ == "key":
            raise wrong("time", "lies in the message's key; the event time must lie in its value")
        return self

    @model_validator(mode="after")
    def _dead_letters_have_brokers(self) -> StreamConfig:
        place = self.dead_letters
        if place is not None and place.topic and not place.brokers and not hasattr(self.source, "brokers"):
            raise wrong("dead_letters", "name the `brokers` of the topic: the stream's source has none")
        return self


class MonitorConfig(Settings):
    """One declared rule: stream, where, window, detector, route."""

    sql: Annotated[str | None, Field(min_length=1)] = None
    """Instead of `stream`, `where`, `window` and `detect`: a SELECT in the manner of ksqlDB."""
    stream: str
    """The stream it watches: declared, built in, or a monitor, whose rows they are."""
    where: Annotated[str | None, Field(min_length=1)] = None
    """Only records for which this condition holds."""
    window: Annotated[WindowConfig, ByType("windows")] | None = None
    """How the stream is cut; without it, single records are judged."""
    detect: Annotated[DetectorConfig, ByType("detectors")] | None = None
    """What judges; may be left out where rows are written or watched."""
    write: Annotated[SinkConfig, ByType("sinks")] | None = None
    """Where the rows of its windows are written to."""
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    """Tell only when it holds for so long."""
    clear_after: Duration = timedelta(0)
    """It is over only when it has been clear for so long."""
    flapping: FlappingConfig | None = None
    """When a key opens incidents so often that they are kept in one."""
    no_data_after: Annotated[int, Field(gt=0)] = 10
    """Windows without data after which an incident ends."""
    no_data: Literal["keep", "alert"] = "keep"
    """Whether so many windows without data are an incident of their own."""
    notify: Names = ("console",)
    """The channel or channels to tell; without it the `route` decides, else the console is told."""
    labels: dict[Name, str] = Field(default_factory=dict)
    """What routes and silences can ask about, such as team: payments."""
    order: Literal["read", "time"] = "read"
    """Records across partitions as read, or sorted by time at the cost of lateness."""
    description: str = ""
    """What it is for and what to do, in words; notices carry it."""
    runbook: str | None = None
    """A link for whoever is told."""
    samples: Annotated[int, Field(ge=0, le=100)] = 3
    """Records shown in a notice."""
    metrics_prefix: Literal["fraud", "none"] | None = None
    """Show its results also as `fraud_model_feature_drift` and its kin, which dashboards already have; `none`: do not."""

    @field_validator("metrics_prefix")
    @classmethod
    def _none_is_none(cls, prefix: str | None) -> str | None:
        return None if prefix == "none" else prefix


class StoreConfig(Settings):
    """What survives a restart, and for how long."""

    url: Annotated[FileUrl, Field(json_schema_extra={"pattern": STORE_URL.pattern})] = FileUrl(
        "sqlite:///streamgauge.db"
    )
    """Where it is: `sqlite:///FILE`, or `postgresql://USER@HOST/DATABASE`."""
    durability: Literal["process", "power"] = "process"
    """Survive a killed process, or also a power cut at the cost of speed."""
    history: Duration = timedelta(hours=24)
    """How long window results are kept."""
    dead_letters: Annotated[int, Field(ge=0)] = 100_000
    """How many bad records are kept."""
    shared: bool = False
    """Whether several instances that run this file share the work; needs PostgreSQL."""

    @field_validator("url")
    @classmethod
    def _known_store(cls, url: FileUrl) -> FileUrl:
        if not STORE_URL.match(url):
            raise ValueError(
                "expected sqlite:/// and the file's path, such as sqlite:///streamgauge.db, or "
                "postgresql://USER@HOST/DATABASE"
            )
        return url


class UpdateMetricsConfig(Settings):
    """Who may tell values of models by POST /update_metrics."""

    token: bool = True
    """Whether a token for `ingest` is asked for, once there is any token; without it the networks decide alone."""
    networks: Names = ()
    """Addresses or networks that may; none named: every one that reaches the server."""

    @model_validator(mode="after")
    def _asks_something(self) -> UpdateMetricsConfig:
        if not self.token and not self.networks:
            raise ValueError("name `networks:` where no `token:` is asked for, else everybody may")
        return self

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return networks(texts)


class PredictConfig(Settings):
    """Where the verdicts of POST /predict go that ask for it."""

    brokers: Annotated[str, Field(min_length=1)]
    """Such as localhost:9092."""
    topic: Annotated[str, Field(min_length=1)]
    """It gets each record with its verdict."""
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """librdkafka settings, passed through."""


class ServerConfig(Settings):
    """Where the API, the metrics and the health checks listen."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """An address of this machine; beyond loopback only once there is a token."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """0 takes a free one."""
    public_url: Annotated[str | None, Field(json_schema_extra={"pattern": "^https?://"})] = None
    """Where people reach the pages, such as https://gauge.example; notices then link to their incidents."""
    trusted_proxies: Names = ()
    """Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed; none by default."""
    requests_per_second: Annotated[int, Field(gt=0)] = 500
    """Taken from one address; more have to come again."""
    max_bytes: Annotated[int, Field(gt=0, le=64 * 1024**2)] = 1024**2
    """The largest request; sources of type http have a bound of their own."""

    update_metrics: UpdateMetricsConfig = Field(default_factory=UpdateMetricsConfig)
    """Who may tell values of models by POST /update_metrics."""

    predict: PredictConfig | None = None
    """Where the verdicts of POST /predict go that ask for it."""

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not is_http_url(url):
            raise ValueError("expected the pages' address, such as https://gauge.example")
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return networks(texts)


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """``texts``, which must be addresses or networks.

    Raises:
        ValueError: one is none.
    """
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is no address or network such as 10.0.0.0/8") from None
    return texts


class Config(Settings):
    """The whole file.

    Made by :func:`streamgauge.config.load`, which also checks what refers to what.
    """

    include: Names = ()
    """Other files that count as if they stood here, from this file's folder; `*` matches as in a shell."""
    streams: dict[Name, StreamConfig] = Field(default_factory=dict)
    """What is read."""
    monitors: dict[Name, MonitorConfig] = Field(default_factory=dict)
    """What is watched in it."""
    channels: dict[Name, Annotated[ChannelConfig, ByType("channels")]] = Field(default_factory=dict)
    """Who is told; `console` is there undeclared."""
    store: Annotated[StoreConfig, Shorthand("url")] = Field(default_factory=StoreConfig)
    """Where what survives a restart is kept."""
    server: ServerConfig = Field(default_factory=ServerConfig)
    """Where health, metrics and the API are served."""
    route: RouteConfig | None = None
    """Who is told of what, for monitors without `notify`."""
    inhibit: Annotated[list[InhibitConfig], Field(default_factory=list)]
    """What is not told while something else is."""
    maintenance: Annotated[dict[Name, MaintenanceConfig], Field(default_factory=dict)]
    """Times at which some incidents are not told."""
    rate_limit: RateLimitConfig | None = None
    """How many notices a channel gets before a storm is told in one."""
    schedule: Annotated[dict[Name, JobConfig], Field(default_factory=dict)]
    """What runs by itself at stated times."""
    spark: SparkConfig = Field(default_factory=SparkConfig)
    """How the engine Spark runs it."""

    _warnings: tuple[Mistake, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[Mistake, ...]:
        """What is allowed but probably not meant."""
        return self._warnings

    def kinds_of(self, stream: str) -> dict[str, FieldKind]:
        """Fields of a declared or built-in stream, or of a monitor's rows, with their kinds.

        Raises:
            KeyError: there is no such stream.
        """
        if stream in BUILT_IN_STREAMS:
            return dict(BUILT_IN_STREAMS[stream])
        if stream not in self.streams and stream in self.monitors:
            return readable(row_kinds(self, self.monitors[stream]))
        return {name: field.type for name, field in self.streams[stream].fields.items()}

    def origin_of(self, name: str) -> str:
        """The declared or built-in stream whose records end up in ``name``, through as many monitors as there are.

        Monitors that watch each other in a circle, which is refused elsewhere, lead back to one of them.
        """
        for _ in range(len(self.monitors)):
            if name not in self.monitors or name in self.streams:
                break
            name = self.monitors[name].stream
        return name

    def notified(self, monitor: MonitorConfig) -> tuple[str, ...]:
        """The channels that a monitor names, :data:`NOBODY` where it says so; empty where the route decides."""
        routed = self.route is not None and "notify" not in monitor.model_fields_set
        return () if routed else monitor.notify or NOBODY

    def heard(self, job: JobConfig) -> tuple[str, ...]:
        """The channels that hear of a job that failed; as :meth:`notified`."""
        routed = self.route is not None and "notify" not in job.model_fields_set
        return () if routed else job.notify or NOBODY

    def channel(self, name: str) -> ChannelConfig:
        """A declared channel, or the console, which exists undeclared.

        Raises:
            KeyError: there is no such channel.
        """
        if name == "console" and name not in self.channels:
            return cast("ChannelConfig", config_class("channels", name).model_validate({"type": name}))
        return self.channels[name]
