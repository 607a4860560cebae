"""What the Spark engine cannot do, each with its reason: one list for ``check``, for ``run`` and for the docs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamgauge.config.models import BUILT_IN_STREAMS, Config
from streamgauge.engines.spark.native_refusals import NATIVE_REFUSALS
from streamgauge.engines.spark.refusing import Found, Refusal


def refused(config: Config) -> list[Found]:
    """All that Spark cannot do of a (checked) configuration, in the manner that it asks for."""
    native = config.spark.fidelity == "native"
    refusals = (*REFUSALS, *NATIVE_REFUSALS) if native else REFUSALS
    return [
        Found(path, refusal.what, refusal.why)
        for refusal in refusals
        for path in sorted(refusal.found(config))
    ]


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


REFUSALS = (
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
        "write of a stream",
        "rows leave through `notify`, one process, and these would be all records; copy the topic with Kafka Connect, or "
        "write it embedded, where instances share the partitions; `write` of a monitor is done",
        _writes,
    ),
    Refusal(
        "emit: changes",
        "windows leave executors once they have closed, not at each record; leave it out, or run it embedded",
        _changes,
    ),
    Refusal(
        "metrics_prefix",
        "the metrics of models are counted in the process that judges, and no executor is scraped; write "
        "`metrics_prefix: none`, or run it embedded",
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
        "Incidents of windows that are merged of parts show no samples: parts hold no records.",
    ),
    (
        "theirs",
        (
            "Monitors whose records are sent judge in the order in which `notify` hears them: micro-batch by micro-batch, the "
            "partitions of one after each other. Which windows there are and what they hold is the same; early verdicts, single "
            "records and count windows follow that order, as they follow the order of reading embedded."
        ),
    ),
    (
        "ours",
        "`sink overflow` tells how many rows were dropped, but not which records decided those that executors judged.",
    ),
    (
        "ours",
        "A stream that never spoke is not told by `silence` without `by`: that gap has no record to begin with.",
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
