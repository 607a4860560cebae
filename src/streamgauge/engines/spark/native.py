"""``fidelity: native``: each window as Structured Streaming's own aggregation; its closed rows go to the topic of lines.

What a micro-batch closed is followed by one line that says so, after all of its rows: ``notify`` judges a batch once it
is there whole, so one that is run again counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from streamgauge.clock import to_micros
from streamgauge.config.models import Config, StreamConfig
from streamgauge.config.windows import SessionConfig
from streamgauge.engines.spark.native_sql import (
    TYPES,
    aggregate_sql,
    expression_sql,
    quoted,
    read_sql,
    within_sql,
)
from streamgauge.plan import Group, StreamPlan, make_plan

if TYPE_CHECKING:
    from confluent_kafka import Producer
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from streamgauge.engines.spark.job import Reading, Settings

AT = "__at"
"""The column with the event time."""

_STAMP = "__stamp"
"""The column with Kafka's own time."""


def start(
    spark: SparkSession, config: Config, read: Reading, settings: Settings, called: tuple[str, str]
) -> list[StreamingQuery]:
    """One query for each window; ``called``: the name of the queries, and that of the checkpoint."""
    name, run = called
    groups = [
        (stream, group)
        for stream in make_plan(config).streams.values()
        if stream.config is not None
        for group in stream.groups
    ]
    return [
        _start(
            windows(records(spark, stream, read, settings), stream, group, config),
            settings,
            name if len(groups) == 1 else f"{name} {group.monitors[0].name}",
            _teller(read.brokers, settings.topic, run, group),
            group,
        )
        for stream, group in groups
    ]


def records(spark: SparkSession, stream: StreamPlan, read: Reading, settings: Settings) -> DataFrame:
    """The records of a stream, with the fields that are used, the event time in :data:`AT`."""
    assert stream.config is not None
    source: Any = stream.config.source
    return parsed(read.kafka(spark, source.names, settings), stream.config, used(stream))


def used(stream: StreamPlan) -> list[str]:
    """The fields that are read of a stream."""
    assert stream.config is not None
    time = {stream.config.time} if stream.config.time else set()
    return sorted(time.union(*(group.fields for group in stream.groups)) & set(stream.config.fields))


def parsed(kafka: DataFrame, stream: StreamConfig, fields: list[str]) -> DataFrame:
    """What Kafka holds, as fields of their own kinds; without what cannot be read and what is out of bounds."""
    if not fields:
        return kafka.selectExpr(f"timestamp AS {AT}")
    shape = ", ".join(f"{quoted(name)} {_type(stream, name)}" for name in fields)
    text = shape.replace("'", "\\'")
    # No condition passes a generator, nor is one told apart by field: each would read the JSON once more for itself.
    found = kafka.selectExpr(
        f"timestamp AS {_STAMP}", f"inline(array(from_json(CAST(value AS STRING), '{text}')))"
    )
    time = f"{quoted(stream.time)} AS {AT}" if stream.time else f"{_STAMP} AS {AT}"
    rows = found.selectExpr(*(read_sql(name, stream) for name in fields), _STAMP).selectExpr("*", time)
    conditions = [f"{AT} IS NOT NULL"]
    for name in fields:
        conditions += within_sql(name, stream.fields[name])
    return rows.where(" AND ".join(conditions)).drop(_STAMP)


def windows(rows: DataFrame, stream: StreamPlan, group: Group, config: Config) -> DataFrame:
    """The closed windows of a group: ``key`` (JSON), ``start``, ``end`` in microseconds, ``values``."""
    from pyspark.sql.functions import expr, session_window, window

    declared = config.monitors[group.monitors[0].name].window
    if group.where is not None:
        rows = rows.where(expression_sql(group.where.root))
    for name in group.by:
        rows = rows.where(f"{quoted(name)} IS NOT NULL")
    late = max(0, stream.lateness - group.shift)
    if isinstance(declared, SessionConfig):
        cut = session_window(AT, f"{to_micros(declared.gap)} microseconds")
        end = f"unix_micros(cut.end) - {to_micros(declared.gap)}"
    else:
        size, hop = f"{group.window.reach} microseconds", f"{group.window.hop} microseconds"
        cut, end = window(AT, size, hop), "unix_micros(cut.end)"
    aggregates = getattr(group.window, "aggregates").compute  # noqa: B009  windows on event time have it
    columns = [expr(aggregate_sql(part)).alias(name) for name, part in aggregates.items()]
    counted = (
        rows.withWatermark(AT, f"{late} microseconds")
        .groupBy(cut.alias("cut"), *(expr(quoted(name)).alias(f"by{i}") for i, name in enumerate(group.by)))
        .agg(*columns)
    )
    values = ", ".join(f"'{name}', {quoted(name)}" for name in aggregates)
    keys = ", ".join(_key(f"by{i}", group.key_kinds[name]) for i, name in enumerate(group.by))
    return counted.selectExpr(
        f"array({keys}) AS key" if keys else "CAST(NULL AS ARRAY<STRING>) AS key",
        "unix_micros(cut.start) AS start",
        f"{end} AS end",
        f"named_struct({values}) AS values",
    )


def _start(
    rows: DataFrame, settings: Settings, name: str, tell: Callable[[DataFrame, int], None], group: Group
) -> StreamingQuery:
    return (
        rows.writeStream.foreachBatch(tell)
        .option("checkpointLocation", f"{settings.checkpoint}/native/{group.shape}")
        .queryName(name)
        .outputMode("append")
        .trigger(processingTime=f"{round(settings.trigger * 1000)} milliseconds")
        .start()
    )


def _teller(brokers: str, topic: str, run: str, group: Group) -> Callable[[DataFrame, int], None]:
    """Writes a batch's rows, then that they are all there."""
    line = {"run": run, "stream": group.stream, "group": group.shape}
    fixed = ", ".join(f"'{name}', '{value}'" for name, value in {"kind": "counted", **line}.items())
    source = f"{group.stream}/{group.shape}"
    ends = _Ends(brokers, topic)

    def tell(batch: DataFrame, number: int) -> None:
        row = f"named_struct({fixed}, 'batch', {number}L, 'key', key, 'start', start, 'end', end, 'values', values)"
        rows = batch.selectExpr(f"'{source}' AS key", f"to_json({row}) AS value")
        rows.write.format("kafka").option("kafka.bootstrap.servers", brokers).option("topic", topic).save()
        end = {"kind": "batch", **line, "batch": number, "source": source, "n": number + 1}
        ends.write(source, {**end, "id": f"{run}/{source}/{number + 1}"})

    return tell


class _Ends:
    """Writes the lines that say that a batch is whole, all by one producer: its first word takes half a second."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._settings = {"bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 0}
        self._topic = topic
        self._producer: Producer | None = None

    def write(self, key: str, line: Mapping[str, Any]) -> None:
        """Write one line and wait until it is there.

        Raises:
            KafkaException: the brokers do not take it; the batch fails, and is run again.
        """
        from confluent_kafka import KafkaException, Producer

        refused: list[Any] = []

        def told(error: Any, _message: Any) -> None:
            if error is not None:
                refused.append(error)

        producer, self._producer = self._producer or Producer(self._settings), None
        producer.produce(self._topic, msgspec.json.encode(line), key.encode(), on_delivery=told)
        if producer.flush(60) or refused:
            raise KafkaException(refused[0] if refused else f"{self._topic} took nothing within a minute")
        self._producer = producer  # one that failed is not asked again


def _type(stream: StreamConfig, name: str) -> str:
    return TYPES[stream.fields[name].type]


def _key(column: str, kind: str) -> str:
    """A key's part as an object in JSON: numbers and texts stay apart."""
    return f"to_json(named_struct('k', {f'unix_micros({column})' if kind == 'timestamp' else column}))"
