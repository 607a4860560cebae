"""What the Spark engine cannot do, each with its reason: one list for ``check``, for ``run`` and for the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from streamgauge.config.models import BUILT_IN_STREAMS, Config
from streamgauge.plan import make_plan


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that a file may ask for and this engine cannot do.

    Attributes:
        what: in a few words.
        why: the reason, and what to do instead; one sentence.
        found: the places of a configuration that ask for it.
    """

    what: str
    why: str
    found: Callable[[Config], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """Where a configuration asks for what cannot be done."""

    path: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.why}"


def refused(config: Config) -> list[Found]:
    """All that Spark cannot do of a (checked) configuration."""
    return [
        Found(path, refusal.what, refusal.why)
        for refusal in REFUSALS
        for path in sorted(refusal.found(config))
    ]


def _of_kind(kind: str) -> Callable[[Config], Iterator[str]]:
    def found(config: Config) -> Iterator[str]:
        for name, monitor in make_plan(config).monitors.items():
            if monitor.kind == kind and config.origin_of(config.monitors[name].stream) in config.streams:
                yield f"$.monitors.{name}"

    return found


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


REFUSALS = (
    Refusal(
        "mergeable monitors",
        "their parts of each partition would have to be merged outside the cluster, which `notify` does not do; "
        "declare `partitioned_by` where the producer places records by what the monitor is grouped by, "
        "or run it embedded",
        _of_kind("mergeable"),
    ),
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
