"""Every exported metric in one list, and the registry that shows them.

The engine's numbers are not counted a second time here: at each scrape the newest picture of the engine
(:class:`~streamgauge.engines.reporting.status.EngineStatus`) is rendered, off the hot path. Only the HTTP metrics, which
belong to the server, are counted by prometheus_fastapi_instrumentator, into the same registry.

``docs/metrics.md`` has a row for each; a test holds that.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from streamgauge import __version__
from streamgauge.clock import Clock
from streamgauge.engines.reporting.spread import Spread
from streamgauge.engines.reporting.status import EngineStatus, StatusBoard
from streamgauge.engines.spark.progress import EXPORTED

if TYPE_CHECKING:
    from streamgauge.engines.reporting.drift_totals import DriftTotals
    from streamgauge.engines.reporting.status import MonitorStatus, StreamStatus
    from streamgauge.schedule.book import Job

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Labels: TypeAlias = tuple[str, ...]
Whose: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Metric:
    """One exported metric.

    Attributes:
        name: as queries write it; counters end in ``_total``.
        kind: counter, gauge or histogram.
        help: one sentence.
        labels: the names of its labels, in order.
        ours: whether it is rendered from the engine's picture; else the library beside it counts it.
    """

    name: str
    kind: Kind
    help: str
    labels: Labels = ()
    ours: bool = True


METRICS: tuple[Metric, ...] = (
    Metric("kafka_messages_consumed_total", "counter", "Messages read from Kafka, unreadable ones included.", ("stream", "topic")),
    Metric("kafka_consumer_lag", "gauge", "Messages of a partition that were not counted yet.", ("group", "topic", "partition")),
    Metric("kafka_brokers", "gauge", "Brokers of the cluster."),
    Metric("kafka_broker_info", "gauge", "Always 1; a broker and its address.", ("id", "address")),
    Metric("kafka_topic_partitions", "gauge", "Partitions of a topic.", ("topic",)),
    Metric("kafka_topic_partition_current_offset", "gauge", "The offset that a partition's next record will get.", ("topic", "partition")),
    Metric("kafka_topic_partition_oldest_offset", "gauge", "The oldest offset of a partition that is kept.", ("topic", "partition")),
    Metric("kafka_topic_partition_leader", "gauge", "The broker that leads a partition; -1: none.", ("topic", "partition")),
    Metric("kafka_topic_partition_leader_is_preferred", "gauge", "1 if the leader is the one that it should be.", ("topic", "partition")),
    Metric("kafka_topic_partition_replicas", "gauge", "Replicas of a partition.", ("topic", "partition")),
    Metric("kafka_topic_partition_in_sync_replica", "gauge", "Replicas of a partition that are in sync.", ("topic", "partition")),
    Metric("kafka_topic_partition_under_replicated_partition", "gauge", "1 while a replica of a partition is not in sync.", ("topic", "partition")),
    Metric("kafka_consumergroup_current_offset", "gauge", "The offset that a consumer group has committed.", ("consumergroup", "topic", "partition")),
    Metric("kafka_consumergroup_lag", "gauge", "Records of a partition that a consumer group has not committed yet.", ("consumergroup", "topic", "partition")),
    Metric("kafka_consumergroup_current_offset_sum", "gauge", "The same over a topic's partitions: offsets.", ("consumergroup", "topic")),
    Metric("kafka_consumergroup_lag_sum", "gauge", "The same over a topic's partitions: lag.", ("consumergroup", "topic")),
    Metric("kafka_consumergroup_members", "gauge", "Members of a consumer group.", ("consumergroup",)),
    Metric("real_time_psi_score", "gauge", "PSI of the worst feature in the last check.", ("monitor",)),
    Metric("drift_detection_events_total", "counter", "Checks of drift detectors, by status: no_drift, possible_drift, drift.", ("monitor", "status")),
    Metric("psi_calculation_duration_seconds", "histogram", "Seconds that a check of a drift detector took."),
    Metric("streamgauge_build_info", "gauge", "Always 1; which version runs on which Python.", ("version", "python")),
    Metric("streamgauge_ready", "gauge", "1 once kernels are compiled, the store is ours and the sources are open."),
    Metric("streamgauge_loop_age_seconds", "gauge", "Seconds since the engine's loop was last seen to turn."),
    Metric("streamgauge_records_total", "counter", "Records read that could be used.", ("stream",)),
    Metric("streamgauge_records_per_second", "gauge", "Records per second over the last moments.", ("stream",)),
    Metric("streamgauge_watermark_delay_seconds", "gauge", "How far a stream's watermark lies behind the wall clock.", ("stream",)),
    Metric("streamgauge_late_records_total", "counter", "Records that came after their window had closed, once per shared window.", ("stream",)),
    Metric("streamgauge_dead_letters_total", "counter", "Records that could not be used.", ("stream",)),
    Metric("streamgauge_source_lost", "gauge", "1 while a stream's source gives no sign of life.", ("stream",)),
    Metric("streamgauge_partition_lag", "gauge", "Records of a partition that were not counted yet, of any source that knows its end.", ("stream", "partition")),
    Metric("streamgauge_open_windows", "gauge", "Windows that are filling now.", ("stream", "monitor")),
    Metric("streamgauge_keys", "gauge", "Keys that a monitor knows.", ("stream", "monitor")),
    Metric("streamgauge_monitor_paused", "gauge", "1 while a monitor is paused.", ("stream", "monitor")),
    Metric("streamgauge_incidents_open", "gauge", "Incidents that fire now.", ("monitor", "severity")),
    Metric("streamgauge_incidents_total", "counter", "Incidents that began to fire.", ("monitor", "severity")),
    Metric("streamgauge_notices_total", "counter", "Tries to deliver a notice, by outcome: delivered, try again, give up.", ("channel", "outcome")),
    Metric("streamgauge_notice_seconds", "histogram", "Seconds from the decision to the answer that settled a notice.", ("channel",)),
    Metric("streamgauge_outbox_waiting", "gauge", "Notices that wait for delivery.", ("channel",)),
    Metric("streamgauge_sink_rows_total", "counter", "Rows for sinks, by outcome: written, refused (never to be written), dropped (no room).", ("sink", "outcome")),
    Metric("streamgauge_spool_waiting", "gauge", "Rows that wait for a sink.", ("sink",)),
    Metric("streamgauge_commits_total", "counter", "Commits that succeeded."),
    Metric("streamgauge_commit_seconds", "histogram", "Seconds that a commit took."),
    Metric("streamgauge_store_refusing", "gauge", "1 while the store refuses commits."),
    Metric("streamgauge_job_running", "gauge", "1 while a job of `schedule:` runs.", ("job",)),
    Metric("streamgauge_job_seconds", "gauge", "Seconds that a job's last run took.", ("job",)),
    Metric("streamgauge_job_last_success_timestamp_seconds", "gauge", "When a job last ended well, Unix time.", ("job",)),
    Metric("streamgauge_job_next_timestamp_seconds", "gauge", "When a job is due next, Unix time.", ("job",)),
    Metric("streamgauge_job_runs_total", "counter", "Runs of a job that have ended.", ("job",)),
    Metric("streamgauge_job_failures_total", "counter", "Runs of a job that have failed.", ("job",)),
    Metric("streamgauge_job_overruns_total", "counter", "Moments at which a job was due and still ran, so that they were passed over.", ("job",)),
    Metric("fraud_transactions_total", "counter", "Transactions that a monitor with `metrics_prefix: fraud` judged.", ("result",)),
    Metric("fraud_model_precision", "gauge", "Share of the alarms that were right; from labels that came, or told by POST /update_metrics."),
    Metric("fraud_model_recall", "gauge", "Share of what there was to find that was found."),
    Metric("fraud_model_accuracy", "gauge", "Share of the predictions that were right."),
    Metric("fraud_model_feature_drift", "gauge", "How far a feature has drifted; the empty feature is all of them together.", ("feature",)),
    Metric("http_requests_total", "counter", "Requests to this server.", ("handler", "status", "method"), ours=False),
    Metric("http_request_duration_seconds", "histogram", "Seconds that requests to this server took.", ("handler", "method"), ours=False),
    Metric("process_cpu_seconds_total", "counter", "CPU time of this process.", ours=False),
    Metric("process_resident_memory_bytes", "gauge", "Memory in use by this process.", ours=False),
    Metric("process_virtual_memory_bytes", "gauge", "Address space of this process.", ours=False),
    Metric("process_start_time_seconds", "gauge", "When this process started, Unix time.", ours=False),
    Metric("process_open_fds", "gauge", "Open files and sockets of this process.", ours=False),
    Metric("process_max_fds", "gauge", "How many it may have open.", ours=False),
)  # fmt: skip
"""All of them."""

SPARK: tuple[Metric, ...] = tuple(Metric(*row, ours=False) for row in EXPORTED)
"""Those of a run with ``--engine spark``, which its driver serves instead."""

Outbox: TypeAlias = Callable[[], Mapping[str, int]]
"""Asked at each scrape: how many notices wait per channel."""

Sample: TypeAlias = tuple[Labels, float | Spread]


def make_registry(board: StatusBoard, clock: Clock, outbox: Outbox | None = None) -> CollectorRegistry:
    """A registry of our own that shows the engine and this process.

    Args:
        board: where the engine puts its picture.
        clock: for delays, which grow also while the engine's loop stands still.
        outbox: counts what waits, in the store; without it, and where it raises ``StoreError``, what the
            engine holds in memory is shown.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Engine(board, clock, outbox))
    ProcessCollector(registry=registry)
    return registry


class _Engine(Collector):
    """Renders the newest picture."""

    def __init__(self, board: StatusBoard, clock: Clock, outbox: Outbox | None) -> None:
        self._board = board
        self._clock = clock
        self._outbox = outbox

    def collect(self) -> Iterator[Family]:
        """Each metric of ours, also where it has no sample yet."""
        status = self._board.now
        samples: dict[str, list[Sample]] = {}
        for part in (self._of_engine(status), _of_streams(status, self._clock), _of_monitors(status)):
            for name, labels, value in part:
                samples.setdefault(name, []).append((labels, value))
        for name, labels, number in _of_jobs(self._board.totals.jobs):
            samples.setdefault(name, []).append((labels, number))
        for name, labels, told in _of_drift(self._board.totals.drift):
            samples.setdefault(name, []).append((labels, told))
        for (name, labels), value in list(self._board.gauges.items()):
            samples.setdefault(name, []).append((labels, value))
        for name, shown in _of_pollers(self._board, samples).items():
            samples.setdefault(name, []).extend(shown.items())
        for metric in METRICS:
            if metric.ours:
                yield _family(metric, samples.get(metric.name, []))

    def describe(self) -> list[Family]:
        """The names, so that no other collector takes one of them."""
        return [_family(metric, []) for metric in METRICS if metric.ours]

    def _of_engine(self, status: EngineStatus) -> Iterator[tuple[str, Labels, float | Spread]]:
        yield "streamgauge_build_info", (__version__, platform.python_version()), 1
        yield "streamgauge_ready", (), status.ready
        if status.turned_at is not None:
            yield "streamgauge_loop_age_seconds", (), max(0.0, self._clock.monotonic() - status.turned_at)
        yield "streamgauge_commits_total", (), status.commits
        yield "streamgauge_store_refusing", (), status.store is not None
        if status.commit_times is not None:
            yield "streamgauge_commit_seconds", (), status.commit_times
        for channel, waiting in self._waiting(status).items():
            yield "streamgauge_outbox_waiting", (channel,), waiting
        for tried, count in status.notices.items():
            yield "streamgauge_notices_total", tried, count
        for sink, waiting in status.spooled.items():
            yield "streamgauge_spool_waiting", (sink,), waiting
        for told, count in status.rows.items():
            yield "streamgauge_sink_rows_total", told, count
        for channel, spread in status.notice_times.items():
            yield "streamgauge_notice_seconds", (channel,), spread
        for (monitor, severity), count in _with_known(status.open, status.opened).items():
            yield "streamgauge_incidents_open", (monitor, severity), count
        for opened, count in status.opened.items():
            yield "streamgauge_incidents_total", opened, count

    def _waiting(self, status: EngineStatus) -> Mapping[str, int]:
        from streamgauge.errors import StoreError

        if self._outbox is None:
            return status.waiting
        try:
            return dict.fromkeys(status.waiting, 0) | dict(self._outbox())
        except StoreError:
            return status.waiting


def _with_known(now: Mapping[Whose, int], ever: Iterable[Whose]) -> dict[Whose, int]:
    """``now``, with a zero for what was there before: an alert that counts must see the end."""
    return dict.fromkeys(ever, 0) | dict(now)


def _of_streams(status: EngineStatus, clock: Clock) -> Iterator[tuple[str, Labels, float]]:
    for name, stream in status.streams.items():
        yield "streamgauge_records_total", (name,), stream.records
        yield "streamgauge_records_per_second", (name,), stream.rate
        yield "streamgauge_late_records_total", (name,), stream.late
        yield "streamgauge_dead_letters_total", (name,), stream.dead_letters
        yield "streamgauge_source_lost", (name,), stream.lost is not None
        if stream.watermark is not None:
            yield "streamgauge_watermark_delay_seconds", (name,), (clock.now() - stream.watermark) / 1e6
        yield from _of_partitions(name, stream)


def _of_partitions(name: str, stream: StreamStatus) -> Iterator[tuple[str, Labels, float]]:
    from streamgauge.batch import Partition

    is_kafka = stream.source.get("type") == "kafka"
    if is_kafka:
        for topic, count in stream.consumed.items():
            yield "kafka_messages_consumed_total", (name, topic), count
    for text, partition in stream.partitions.items():
        if partition.lag is None:
            continue
        yield "streamgauge_partition_lag", (name, text), partition.lag
        if is_kafka:
            topic, number = Partition.parse(text)
            yield "kafka_consumer_lag", (stream.group or "", topic, str(number)), partition.lag


def _of_monitors(status: EngineStatus) -> Iterator[tuple[str, Labels, float]]:
    for name, monitor in status.monitors.items():
        yield from _of_monitor((monitor.stream, name), monitor)


def _of_monitor(labels: Labels, monitor: MonitorStatus) -> Iterator[tuple[str, Labels, float]]:
    yield "streamgauge_open_windows", labels, monitor.open_windows
    yield "streamgauge_keys", labels, monitor.keys
    yield "streamgauge_monitor_paused", labels, monitor.paused is not None


def _of_jobs(jobs: Mapping[str, Job]) -> Iterator[tuple[str, Labels, float]]:
    for name, job in jobs.items():
        labels = (name,)
        yield "streamgauge_job_running", labels, job.run is not None and job.run.again_at is None
        yield "streamgauge_job_next_timestamp_seconds", labels, job.next / 1e6
        yield "streamgauge_job_runs_total", labels, job.runs
        yield "streamgauge_job_failures_total", labels, job.failures
        yield "streamgauge_job_overruns_total", labels, job.overruns
        if job.last is not None:
            yield "streamgauge_job_seconds", labels, job.last.seconds
        if job.succeeded_at is not None:
            yield "streamgauge_job_last_success_timestamp_seconds", labels, job.succeeded_at / 1e6


def _of_pollers(
    board: StatusBoard, known: Mapping[str, list[Sample]]
) -> Mapping[str, Mapping[Labels, float]]:
    """What pollers show of their newest answers; what is known here already, or told by two of them, stands once."""
    shown: dict[str, dict[Labels, float]] = {}
    for exposed in board.exposed:
        for name, labels, value in exposed():
            shown.setdefault(name, {})[labels] = value
    for name, told in shown.items():
        for labels, _ in known.get(name, ()):
            told.pop(labels, None)
    return shown


def _of_drift(drift: DriftTotals) -> Iterator[tuple[str, Labels, float | Spread]]:
    for monitor, score in dict(drift.scores).items():
        yield "real_time_psi_score", (monitor,), score
    for counted, count in dict(drift.events).items():
        yield "drift_detection_events_total", counted, count
    if drift.events:
        yield "psi_calculation_duration_seconds", (), drift.times.now()


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, spread in samples:
            assert isinstance(spread, Spread)
            histogram.add_metric(labels, buckets=spread.cumulative, sum_value=spread.total)
        return histogram
    of_kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = of_kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        assert not isinstance(value, Spread)
        family.add_metric(labels, float(value))
    return family
