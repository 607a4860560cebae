"""One process that drives a query: topics, the checkpoint's page, metrics, and an end in order."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from streamgauge.clock import SystemClock
from streamgauge.config.models import Config
from streamgauge.engines.spark import job, versions
from streamgauge.engines.spark.floors import Floors
from streamgauge.engines.spark.forwarding import sent_of
from streamgauge.errors import OutsideError, SourceError
from streamgauge.plan import make_plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST_TASKS = 200
"""Tasks that judge at once where nobody says how many: as many as partitions, up to Spark's own default."""

_log = structlog.get_logger("streamgauge.spark")


def drive(
    config: Config, settings: job.Settings, name: str, *, metrics_at: tuple[str, int] | None = None
) -> None:
    """Run a configuration on Spark until SIGTERM or SIGINT, or until the query fails.

    Args:
        config: checked.
        settings: of the run.
        name: of the query.
        metrics_at: host and port at which metrics are served; None: nowhere.

    Raises:
        ConfigError: it asks for what Spark cannot do.
        OutsideError: pyspark, Java or the brokers are missing.
        SourceError: the query failed.
    """
    job.require_spark()
    read = job.reading(config)
    tasks = min(MOST_TASKS, len(job.partitions_of(read.brokers, sorted(read.streams))))
    settings = replace(settings, conf={"spark.sql.shuffle.partitions": str(tasks), **settings.conf})
    make_topics(read.brokers, (settings.topic, settings.times))
    logging.getLogger("py4j").setLevel(logging.WARNING)
    spark = job.session(settings, f"streamgauge {name}")
    try:
        with _told_to_stop() as stopping:
            _run(spark, config, settings, name, (stopping, metrics_at))
    finally:
        spark.stop()


def _run(
    spark: SparkSession,
    config: Config,
    settings: job.Settings,
    name: str,
    around: tuple[threading.Event, tuple[str, int] | None],
) -> None:
    from pyspark.errors import StreamingQueryException

    from streamgauge.engines.spark.listener import Listener
    from streamgauge.engines.spark.progress import Metrics

    stopping, metrics_at = around
    metrics = Metrics()
    spark.streams.addListener(Listener(metrics, SystemClock(), _mark(config, settings)))
    page = begin(spark, config, settings)
    with _served(metrics, metrics_at):
        queries = job.start(spark, config, settings, name, page.run)
        try:
            while not stopping.is_set() and not spark.streams.awaitAnyTermination(1):
                pass
        except StreamingQueryException as failed:
            raise SourceError(f"the query on Spark failed: {_reason(failed)}") from failed
        finally:
            for query in queries:
                query.stop()


def _mark(config: Config, settings: job.Settings) -> Callable[[], int | None]:
    """How far event time has come in the slowest partition, as partitions tell it; Spark's own windows say it themselves."""
    if config.spark.fidelity == "native":
        return lambda: None
    floors = Floors({"bootstrap.servers": job.reading(config).brokers}, settings.times)
    return lambda: floors.told().slowest()


def begin(spark: SparkSession, config: Config, settings: job.Settings) -> versions.Made:
    """The checkpoint's page, brought up to date; says what changed since it was last written."""
    plan = make_plan(config)
    before = versions.read(spark, settings.checkpoint)
    now = versions.made(plan, settings.topic, None if before is None else before.run)
    if before is not None:
        for sentence in versions.changes(before, now):
            _log.warning("the checkpoint is of another version of the file", what=sentence)
    if sent := sent_of(config):
        _log.info("the records of these monitors leave the cluster, and `notify` judges them", monitors=sent)
    if now != before:
        versions.write(spark, settings.checkpoint, now)
    return now


def make_topics(brokers: str, topics: tuple[str, ...]) -> None:
    """Make what is missing, with one partition each: the lines of a source partition stay in order.

    Raises:
        OutsideError: the brokers refuse.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": brokers})
    for name, future in admin.create_topics([NewTopic(topic, 1) for topic in topics]).items():
        try:
            future.result(15)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise OutsideError(f"the topic {name} cannot be made: {error.args[0].str()}") from None


def default_checkpoint(file: Path) -> str:
    """Beside the file."""
    return str(file.resolve().with_suffix(".checkpoint"))


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Set by SIGTERM and SIGINT."""
    stopping = threading.Event()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGTERM), int(signal.SIGINT)):
            before[number] = signal.signal(number, lambda _number, _frame: stopping.set())
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _served(metrics: Any, at: tuple[str, int] | None) -> Iterator[None]:
    if at is None:
        yield
        return
    from prometheus_client import start_http_server

    server, thread = start_http_server(at[1], addr=at[0], registry=metrics.registry)
    _log.info("metrics are served", url=f"http://{at[0]}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)


def _reason(failed: Exception) -> str:
    """The line of Spark's long text that says what happened."""
    lines = [line.strip() for line in str(failed).splitlines() if line.strip()]
    told = [line for line in lines if "Error:" in line or "Exception:" in line]
    return (told or lines or [type(failed).__name__])[-1][:500]
