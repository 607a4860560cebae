"""What the Spark engine cannot do, each with its reason: one list for ``check``, for ``run`` and for the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamgauge.config.models import BUILT_IN_STREAMS, Config
from streamgauge.engines.spark.native_refusals import NATIVE_REFUSALS
from streamgauge.engines.spark.refusing import Found, Refusal
from streamgauge.kernels.aggregate import DISTINCT
from streamgauge.plan import Group, make_plan
from streamgauge.windows.each_record import EachRecord
from streamgauge.windows.time_window import TimeWindow


def refused(config: Config) -> list[Found]:
    """All that Spark cannot do of a (checked) configuration, in the manner that it asks for."""
    native = config.spark.fidelity == "native"
    refusals = (*(one for one in REFUSALS if one not in _SPANNING), *NATIVE_REFUSALS) if native else REFUSALS
    return [
        Found(path, refusal.what, refusal.why)
        for refusal in refusals
        for path in sorted(refusal.found(config))
    ]


def _of_kind(kind: str) -> Callable[[Config], Iterator[str]]:
    def found(config: Config) -> Iterator[str]:
        for name, monitor in make_plan(config).monitors.items():
            if monitor.kind == kind and config.origin_of(config.monitors[name].stream) in config.streams:
                yield f"$.monitors.{name}"

    return found


def _spanning(wrong: Callable[[Group], bool]) -> Callable[[Config], Iterator[str]]:
    """Mergeable monitors whose window is ``wrong``."""

    def found(config: Config) -> Iterator[str]:
        for name, stream in make_plan(config).streams.items():
            for group in stream.groups:
                if name in config.streams and group.kind == "mergeable" and wrong(group):
                    yield from (f"$.monitors.{monitor.name}" for monitor in group.monitors)

    return found


def _counts_distinct(group: Group) -> bool:
    return isinstance(group.window, TimeWindow) and bool(
        (group.window.aggregates.ops[:, 0] == DISTINCT).any()
    )


def _about_streams(config: Config) -> Iterator[str]:
    for name, monitor in config.monitors.items():
        if config.origin_of(monitor.stream) in BUILT_IN_STREAMS:
            yield f"$.monitors.{name}"


def _watched(config: Config) -> dict[str, Any]:
    """The sources of the streams that some monitor watches."""
    origins = {config.origin_of(monitor.stream) for monitor in config.monitors.values()}
    return {name: stream.source for name, stream in config.streams.items() if name in origins}


def _other_sources(config: Config) -> Iterator[str]:
    for name, source in _watched(config).items():
        if source.type != "kafka":
            yield f"$.streams.{name}.source"


def _patterns(config: Config) -> Iterator[str]:
    for name, source in _watched(config).items():
        if getattr(source, "pattern", None):
            yield f"$.streams.{name}.source.pattern"


def _settings(config: Config) -> Iterator[str]:
    for name, source in _watched(config).items():
        if getattr(source, "settings", None):
            yield f"$.streams.{name}.source.settings"


def _several_clusters(config: Config) -> Iterator[str]:
    sources = {n: s for n, s in _watched(config).items() if s.type == "kafka"}
    first = next(iter(sources.values()), None)
    for name, source in sources.items():
        if first is not None and (source.brokers, source.start) != (first.brokers, first.start):
            yield f"$.streams.{name}.source"


def _writes(config: Config) -> Iterator[str]:
    for name, stream in config.streams.items():
        if stream.write is not None:
            yield f"$.streams.{name}.write"
    for name, monitor in config.monitors.items():
        if monitor.write is not None:
            yield f"$.monitors.{name}.write"


def _changes(config: Config) -> Iterator[str]:
    for name, monitor in config.monitors.items():
        if getattr(monitor.window, "emit", None) == "changes":
            yield f"$.monitors.{name}.window.emit"


def _prefixed(config: Config) -> Iterator[str]:
    for name, monitor in config.monitors.items():
        if monitor.metrics_prefix is not None:
            yield f"$.monitors.{name}.metrics_prefix"


def _shared(config: Config) -> Iterator[str]:
    if config.store.shared:
        yield "$.store.shared"


_SPANNING = (
    Refusal(
        "single records judged over several partitions",
        "a monitor without a window that spans partitions needs each record in one place; declare `partitioned_by` "
        "where the producer places records by what it is grouped by, give it a window, or run it embedded",
        _spanning(lambda group: isinstance(group.window, EachRecord)),
    ),
    Refusal(
        "sessions over several partitions",
        "which records one session holds is known only where all are; declare `partitioned_by`, or run it embedded",
        _spanning(lambda group: group.sessions),
    ),
    Refusal(
        "distinct over several partitions",
        "all its values would have to leave the cluster; compute approx_distinct, or run it embedded",
        _spanning(_counts_distinct),
    ),
    Refusal(
        "include_empty over several partitions",
        "`notify` merges windows that hold records, and does not know since when each key is there; run it embedded",
        _spanning(lambda group: group.include_empty),
    ),
)
"""Of what spans partitions, which Spark's own windows do by themselves."""

REFUSALS = (
    *_SPANNING,
    Refusal(
        "single monitors",
        "they depend on the order of records across partitions, and on Spark each partition is judged by itself; "
        "run it embedded",
        _of_kind("single"),
    ),
    Refusal(
        "monitors of streamgauge.late and streamgauge.dead_letters",
        "these tell of all partitions at once; run it embedded, or watch the topic that `notify` reads",
        _about_streams,
    ),
    Refusal(
        "sources other than kafka",
        "the exact mode counts on partitions, offsets and their ends; run it embedded",
        _other_sources,
    ),
    Refusal(
        "topics by pattern",
        "topics that appear later would have no stream when the query was built; write `topics:`",
        _patterns,
    ),
    Refusal(
        "settings of librdkafka",
        "Spark reads with the Java client, whose settings for TLS, SASL and the rest are called otherwise and are "
        "not translated; run it embedded",
        _settings,
    ),
    Refusal(
        "streams of several clusters, or with different beginnings",
        "one query reads all streams, so that their ends are asked for after their records; write a file for each",
        _several_clusters,
    ),
    Refusal(
        "a shared store",
        "`notify` is one process, and instances that share a store read the streams themselves; leave `shared` out",
        _shared,
    ),
    Refusal(
        "write",
        "rows for sinks leave through the store's spool, which executors do not have; the lines of windows on the "
        "topic that `notify` reads hold the same values",
        _writes,
    ),
    Refusal(
        "emit: changes",
        "rows at each record are meant for sinks, which are not written from Spark",
        _changes,
    ),
    Refusal(
        "metrics_prefix",
        "the metrics of models are counted in the process that judges, and no executor is scraped; run it embedded",
        _prefixed,
    ),
)
"""All of it, in the order in which it is told."""

DIFFERENCES = (
    (
        "theirs",
        (
            "Verdicts come when a micro-batch ends, not within the tick after the record: moments, values and ids are the "
            "same, people hear of them up to a trigger (1 s) and the time of a batch later."
        ),
    ),
    (
        "theirs",
        (
            "Early verdicts of monitors that span partitions come once all partitions have come as far: which windows fire, "
            "and what becomes of them, is the same; moment, observed values, offset and partition are those of the last "
            "record that its partition had counted in that micro-batch."
        ),
    ),
    (
        "theirs",
        (
            "Of a partition that is made while the query runs, records of windows that were judged without it are left "
            "out and not told as late."
        ),
    ),
    (
        "ours",
        "Incidents of monitors that span partitions show no samples: parts hold no records.",
    ),
    (
        "theirs",
        (
            "After a transaction's mark at the very end of a partition, time passes only with the next record: Spark does "
            "not say that it has read past the mark."
        ),
    ),
    (
        "theirs",
        (
            "A partition whose records are gone (retention) ends the query with Spark's own error; embedded goes on and "
            "marks windows as partial."
        ),
    ),
    (
        "ours",
        (
            "`source lost`, `key limit` and `key on two partitions` are not told: nobody on the driver sees keys, and lag "
            "is a metric of the query."
        ),
    ),
    (
        "ours",
        (
            "What people say with `ack` and `close` reaches `notify`, not the executors: lessons that detectors draw from "
            "open incidents follow the verdicts alone. A monitor that failed and was paused goes on when the query is "
            "started with a new checkpoint."
        ),
    ),
    (
        "never",
        (
            "Wall-clock moments (when people were told) and samples of records that a restart fell between are each run's "
            "own."
        ),
    ),
)
"""Where the outcome may differ from the embedded engine's: whose it is to mend, and what."""
