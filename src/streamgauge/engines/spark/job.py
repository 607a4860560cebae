"""The query: Kafka → packed by partition → judged → one topic of lines. And the session that it runs in."""

from __future__ import annotations

import importlib.util
import os
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgauge.batch import Partition
from streamgauge.clock import to_micros
from streamgauge.config.models import Config
from streamgauge.engines.spark.partition import Work
from streamgauge.engines.spark.parts import staged
from streamgauge.engines.spark.refusals import refused
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.plan import Plan, make_plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

MOST = 1_000_000
"""Records of one micro-batch at most, over all partitions."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run on Spark is told beside its file.

    Attributes:
        checkpoint: the folder where Spark keeps state and offsets; a new one is a new beginning.
        topic: where lines go.
        master: Spark's; None leaves it to ``spark-submit``.
        conf: further settings of Spark.
        trigger: seconds between micro-batches at least.
        most: records of one micro-batch at most.
    """

    checkpoint: str
    topic: str
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    trigger: float = 1.0
    most: int = MOST

    @property
    def times(self) -> str:
        """The topic on which partitions say how far they have come."""
        return f"{self.topic}.time"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one query reads.

    Attributes:
        brokers: of the one cluster.
        start: where reading begins without a checkpoint.
        streams: by topic, the streams that are read from it.
    """

    brokers: str
    start: Any
    streams: Mapping[str, Sequence[str]]

    def kafka(self, spark: SparkSession, topics: Iterable[str], settings: Settings) -> DataFrame:
        """What Kafka holds of ``topics``, as Spark reads it: committed records only."""
        reader = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.brokers)
            .option("kafka.isolation.level", "read_committed")
            .option("subscribe", ",".join(topics))
            .option("maxOffsetsPerTrigger", settings.most)
            .option("groupIdPrefix", f"streamgauge-{settings.topic}")
        )
        if isinstance(self.start, datetime):
            reader = reader.option("startingTimestamp", to_micros(self.start) // 1000)
            return reader.option("startingOffsetsByTimestampStrategy", "latest").load()
        return reader.option("startingOffsets", self.start).load()


def reading(config: Config) -> Reading:
    """What is read for a configuration.

    Raises:
        ConfigError: it asks for what Spark cannot do, or for nothing.
    """
    if wrong := refused(config):
        raise ConfigError(
            "Spark cannot run this; `streamgauge check --engine spark` says the same:\n"
            + "\n".join(map(str, wrong))
        )
    plan = make_plan(config)
    streams: dict[str, list[str]] = {}
    source: Any = None
    for name, stream in config.streams.items():
        if plan.streams[name].groups:
            source = stream.source
            for topic in source.names:
                streams.setdefault(topic, []).append(name)
    if source is None:
        raise ConfigError("no monitor watches a stream: there is nothing to run")
    return Reading(source.bootstrap, source.start, streams)


def works(
    config: Config, streams: Mapping[str, Sequence[str]], partitions: Sequence[Partition] = ()
) -> dict[str, Work]:
    """What is done with the records of each topic; ``partitions``: those that there are now."""
    plan = make_plan(config)
    numbers = Counter(partition.name for partition in partitions)
    spread = {
        name: {topic: numbers[topic] for topic, read in streams.items() if name in read and topic in numbers}
        for name in {name for names in streams.values() for name in names}
    }
    known = {name: topics for name, topics in spread.items() if topics}
    return {
        topic: Work(Plan({name: staged(plan.streams[name]) for name in names}, plan.monitors), known)
        for topic, names in streams.items()
    }


def verdicts_of(file: Path) -> str:
    """The topic of the lines of a file, where none is named."""
    return f"{file.stem}.verdicts"


def require_spark() -> None:
    """Raises OutsideError, with what to install, where Spark's library is not there."""
    if importlib.util.find_spec("pyspark") is None:
        raise OutsideError(
            "the Spark engine needs pyspark: install it with `pip install 'streamgauge[spark]'` "
            "(and Java 17 or newer)"
        )


def session(settings: Settings, name: str) -> SparkSession:
    """A Spark session with what the engine depends on; what ``conf`` says goes before it.

    Raises:
        OutsideError: pyspark is not installed.
    """
    require_spark()
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    if settings.master is not None:
        builder = builder.master(settings.master)
    for key, value in {**_DEFAULTS, **settings.conf}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


_DEFAULTS = {
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.metricsEnabled": "true",
    "spark.metrics.namespace": "streamgauge",
    "spark.ui.prometheus.enabled": "true",
    "spark.metrics.conf.*.sink.prometheusServlet.class": "org.apache.spark.metrics.sink.PrometheusServlet",
    "spark.metrics.conf.*.sink.prometheusServlet.path": "/metrics/prometheus",
    "spark.sql.session.timeZone": "UTC",
    "spark.python.daemon.module": "streamgauge.engines.spark.daemon",
    "spark.ui.showConsoleProgress": "false",
}


def start(
    spark: SparkSession, config: Config, settings: Settings, name: str, run: str
) -> list[StreamingQuery]:
    """Start the query, or one for each window; they go on from the checkpoint, which is called ``run``, if there is one.

    Raises:
        ConfigError: the configuration asks for what Spark cannot do.
    """
    read = reading(config)
    if config.spark.fidelity == "native":
        from streamgauge.engines.spark import native

        return native.start(spark, config, read, settings, (name, run))
    return [_exact(spark, config, read, settings, (name, run))]


def _exact(
    spark: SparkSession, config: Config, read: Reading, settings: Settings, called: tuple[str, str]
) -> StreamingQuery:
    from streamgauge.engines.spark.handler import OUT, Handler, Order

    name, run = called
    work = works(config, read.streams, partitions_of(read.brokers, sorted(read.streams)))
    order = Order(run, uuid.uuid4().hex, work, settings.topic, settings.times)
    rows = _records(spark, read, settings).unionByName(_ends(spark, read, settings))
    lines = rows.groupBy("topic", "number").transformWithState(Handler(order), OUT, "Append", "None")
    return (
        lines.writeStream.format("kafka")
        .option("kafka.bootstrap.servers", read.brokers)
        .option("checkpointLocation", settings.checkpoint)
        .queryName(name)
        .outputMode("append")
        .trigger(processingTime=f"{round(settings.trigger * 1000)} milliseconds")
        .start()
    )


def _records(spark: SparkSession, read: Reading, settings: Settings) -> DataFrame:
    from streamgauge.engines.spark.packing import PACKED, pack

    columns = [
        "topic", "partition as number", "offset", "unix_micros(timestamp) as stamp",
        "timestampType = 1 as trusted", "key", "value",
    ]  # fmt: skip
    return read.kafka(spark, sorted(read.streams), settings).selectExpr(*columns).mapInArrow(pack, PACKED)


def _ends(spark: SparkSession, read: Reading, settings: Settings) -> DataFrame:
    from streamgauge.engines.spark.ends import NAME, EndsSource, Question, question_text

    spark.dataSource.register(EndsSource)
    streams = {topic: list(names) for topic, names in read.streams.items()}
    question = Question(read.brokers, {}, streams, str(read.start), settings.times)
    return spark.readStream.format(NAME).option("question", question_text(question)).load()


def partitions_of(brokers: str, topics: Sequence[str]) -> list[Partition]:
    """The partitions that there are now.

    Raises:
        OutsideError: the brokers are away, or a topic is missing.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": brokers})
    found: list[Partition] = []
    for topic in topics:
        try:
            known = admin.list_topics(topic, timeout=10).topics[topic]
        except KafkaException as error:
            raise OutsideError(f"the brokers {brokers} do not answer: {error}") from None
        if known.error is not None:
            raise OutsideError(f"the topic {topic} cannot be read from {brokers}: {known.error}")
        found += [Partition(topic, number) for number in sorted(known.partitions)]
    return found
