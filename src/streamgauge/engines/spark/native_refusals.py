"""What Structured Streaming's own windows cannot do (``fidelity: native``), and where their outcome differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streamgauge.config.models import BUILT_IN_STREAMS, Config, StreamConfig
from streamgauge.config.windows import HoppingConfig, SessionConfig, TumblingConfig
from streamgauge.engines.spark.native_sql import TYPES, NoWordsError, aggregate_sql, expression_sql
from streamgauge.engines.spark.refusing import Refusal
from streamgauge.plan import Group, make_plan


def _groups(config: Config) -> Iterator[Group]:
    for name, stream in make_plan(config).streams.items():
        if name in config.streams:
            yield from stream.groups


def _of(wrong: Callable[[Group, Config], bool]) -> Callable[[Config], Iterator[str]]:
    """Monitors whose group is ``wrong``."""

    def found(config: Config) -> Iterator[str]:
        for group in _groups(config):
            if wrong(group, config):
                yield from (f"$.monitors.{monitor.name}" for monitor in group.monitors)

    return found


def _uncut(group: Group, config: Config) -> bool:
    window = config.monitors[group.monitors[0].name].window
    return not isinstance(window, TumblingConfig | HoppingConfig | SessionConfig)


def _ungrouped_session(group: Group, _: Config) -> bool:
    return group.sessions and not group.by


def _untranslated(group: Group, _: Config) -> bool:
    window = getattr(group.window, "aggregates", None)
    try:
        if group.where is not None:
            expression_sql(group.where.root)
        for part in () if window is None else window.compute.values():
            aggregate_sql(part)
    except NoWordsError:
        return True
    return bool(group.kept)


def _watching(config: Config) -> Iterator[str]:
    for name, monitor in config.monitors.items():
        if monitor.stream not in config.streams or monitor.stream in BUILT_IN_STREAMS:
            yield f"$.monitors.{name}"


def _read(config: Config) -> Iterator[tuple[str, StreamConfig, frozenset[str]]]:
    """The streams that are watched, and the fields that are read of them."""
    for name, stream in config.streams.items():
        used = [group.fields for group in _groups(config) if group.stream == name]
        if used:
            time = frozenset() if stream.time is None else frozenset({stream.time})
            yield name, stream, time.union(*used)


def _other_formats(config: Config) -> Iterator[str]:
    for name, stream, _ in _read(config):
        if stream.format.type != "json":
            yield f"$.streams.{name}.format"


def _other_fields(config: Config) -> Iterator[str]:
    for name, stream, fields in _read(config):
        for field in sorted(fields & set(stream.fields)):
            spec = stream.fields[field]
            if spec.type not in TYPES or spec.path or spec.compute or spec.from_ == "key":
                yield f"$.streams.{name}.fields.{field}"


def _single(group: Group, _: Config) -> bool:
    return group.kind == "single"


def _kept_empty(group: Group, _: Config) -> bool:
    return group.include_empty


NATIVE_REFUSALS = (
    Refusal(
        "windows other than tumbling, hopping and session",
        "Structured Streaming cuts by event time alone; leave out `fidelity: native`, or run it embedded",
        _of(_uncut),
    ),
    Refusal(
        "sessions without `by`",
        "Spark's session_window needs a key; leave out `fidelity: native`",
        _of(_ungrouped_session),
    ),
    Refusal(
        "functions that are not translated",
        "conditions and aggregates run as Spark's SQL: + - * / %, comparisons, and, or, not, in, is null, coalesce, abs, "
        "floor, ceil, lower, upper, length, trim, and count, sum, avg, min, max, stddev, variance, approx_distinct; "
        "nor do detectors that ask their window for more; leave out `fidelity: native`",
        _of(_untranslated),
    ),
    Refusal(
        "include_empty (native)",
        "Spark's windows exist only where records are; leave out `fidelity: native`",
        _of(_kept_empty),
    ),
    Refusal(
        "single monitors (native)",
        "they depend on the order of records across partitions; leave out `fidelity: native`",
        _of(_single),
    ),
    Refusal(
        "monitors of monitors, of late records and of bad ones",
        "only windows leave Spark; leave out `fidelity: native`",
        _watching,
    ),
    Refusal(
        "formats other than json (native)",
        "the JVM reads JSON by itself; others need our decoders: leave out `fidelity: native`",
        _other_formats,
    ),
    Refusal(
        "fields with `path`, `compute` or `from: key`, lists and maps",
        "Spark's from_json reads what lies at the top of the value; leave out `fidelity: native`",
        _other_fields,
    ),
)
"""Refused beside what the exact mode refuses of sources, stores and sinks."""

NATIVE_DIFFERENCES = (
    (
        "theirs",
        (
            "One watermark for all partitions, the largest event time of any minus the lateness, moved after each micro-batch: "
            "a partition that lags loses its records as late, and how many are late depends on where batches end."
        ),
    ),
    (
        "theirs",
        (
            "Time passes with records alone: the last windows stay open until something newer comes, nothing is told of a "
            "stream that falls silent."
        ),
    ),
    (
        "theirs",
        "Windows are judged when they have closed, by `notify`; there are no early verdicts.",
    ),
    (
        "theirs",
        (
            "Late records and those that cannot be read are left out and not told one by one; a value of the wrong type is "
            "missing, and the record counts. How many were late is in Spark's own `numRowsDroppedByWatermark`."
        ),
    ),
    (
        "theirs",
        (
            "Sums are added in no certain order: the last digits of floats may differ from run to run. approx_distinct is "
            "Spark's estimate."
        ),
    ),
    (
        "theirs",
        (
            "The first windows after a beginning in the middle are not marked as partial; incidents show no samples, "
            "no offset and no partition."
        ),
    ),
    (
        "ours",
        (
            "Each window is a query of its own that reads its topic once: monitors share one where they share stream, `where`, "
            "grouping, cut and `compute`."
        ),
    ),
)
"""Beside those of the exact mode."""
