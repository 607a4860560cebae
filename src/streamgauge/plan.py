"""From configuration to what runs: which fields are decoded, which windows are shared, who owns state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from streamgauge.batch import ColumnKind, FieldKind
from streamgauge.clock import to_micros
from streamgauge.config import plugins
from streamgauge.config.models import BUILT_IN_STREAMS, Config, MonitorConfig, StreamConfig
from streamgauge.config.telling import lessons_of
from streamgauge.config.windows import (
    CountConfig,
    EventTimeConfig,
    HoppingConfig,
    RunningConfig,
    SessionConfig,
    TumblingConfig,
    WindowConfig,
    grid,
)
from streamgauge.detectors.contract import Context, Detector
from streamgauge.detectors.unjudged import Unjudged
from streamgauge.expressions import Aggregate, Expression, parse_aggregate, parse_condition
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.formats.shapes import every_of
from streamgauge.incidents.lifecycle import Policy
from streamgauge.incidents.settle import Rule
from streamgauge.monitor import Kind, Monitor
from streamgauge.windows.aggregates import Aggregates, Part
from streamgauge.windows.contract import Watch, Window
from streamgauge.windows.count_window import CountWindow
from streamgauge.windows.each_record import EachRecord
from streamgauge.windows.running_window import RunningWindow
from streamgauge.windows.session_window import SessionWindow
from streamgauge.windows.sorted_window import SortedWindow
from streamgauge.windows.time_window import TimeWindow


@dataclass(frozen=True, slots=True)
class Group:
    """Monitors that share one window: same stream, grouping, ``where``, cut and ``compute``.

    Attributes:
        name, shape: identity of the window's state (``shape`` is a hash of all that shapes it).
        stream, by, kind: as in its monitors.
        where: records for which it surely holds come in; None = all.
        window: counts records in and reports.
        fields: the columns that the window reads.
        monitors: who judges the results.
        include_empty: whether windows without records are results for every known key.
        words: the cut in words, for ``explain``.
        shift: microseconds by which its clocks are ahead of the stream's: lateness - grace.
        margin: microseconds by which more windows are partial than those that start before what was missed.
        changes: the monitors that want a row at each record that counted.
        sessions: whether its windows hold their end, the time of their last record.
        key_kinds: the kinds of ``by``.
        watched: by monitor, the stream of its rows, where other monitors watch it.
        kept: the columns of results that are there for detectors alone: what they asked the window to keep.
    """

    name: str
    shape: str
    stream: str
    by: tuple[str, ...]
    kind: Kind
    where: Expression | None
    window: Window
    fields: frozenset[str]
    monitors: tuple[Monitor, ...]
    include_empty: bool
    words: str
    shift: int = 0
    margin: int = 0
    changes: frozenset[str] = frozenset()
    sessions: bool = False
    key_kinds: Mapping[str, FieldKind] = field(default_factory=dict)
    watched: Mapping[str, StreamPlan] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream and the groups that watch it.

    Attributes:
        name: as declared; built-in streams too.
        config: None for built-in streams.
        layout: what the decoder must find.
        groups: the windows over it.
        lateness: microseconds.
        deadline: seconds until an idle partition counts as idle.
        forget: microseconds after which a key is forgotten.
        key_limit: keys per grouping and partition.
        masked: fields never shown.
    """

    name: str
    config: StreamConfig | None
    layout: Layout
    groups: tuple[Group, ...]
    lateness: int = 0
    deadline: float = 1.0
    forget: int = 86_400_000_000
    key_limit: int = 1_000_000
    masked: frozenset[str] = frozenset()

    @property
    def merged(self) -> bool:
        """Whether some monitor needs the partitions in one order."""
        return any(group.kind != "aligned" for group in self.groups)

    @property
    def every_group(self) -> list[Group]:
        """Its groups, and those that watch rows of their monitors, however far."""
        found = list(self.groups)
        for group in self.groups:
            for rows in group.watched.values():
                found += rows.every_group
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it."""

    streams: Mapping[str, StreamPlan]
    monitors: Mapping[str, Monitor] = field(default_factory=dict)


def make_plan(config: Config) -> Plan:
    """Plan all monitors of a (checked) configuration.

    Raises:
        ConfigError: where a monitor does not fit its stream.
    """
    drafts: dict[str, dict[str, _Draft]] = {}
    for name, monitor in config.monitors.items():
        draft = _draft(name, monitor, config)
        drafts.setdefault(monitor.stream, {}).setdefault(draft.key, draft).monitors[name] = monitor
    streams = {}
    for stream in [*config.streams, *BUILT_IN_STREAMS]:
        groups = _groups(stream, drafts, config)
        if groups or stream in config.streams:
            streams[stream] = _stream_plan(stream, config, groups)
    found = {m.name: m for stream in streams.values() for group in stream.every_group for m in group.monitors}
    return Plan(streams, {name: found[name] for name in config.monitors if name in found})


def _groups(stream: str, drafts: Mapping[str, Mapping[str, _Draft]], config: Config) -> tuple[Group, ...]:
    """The groups over a stream, each with what watches the rows of its monitors."""
    groups = []
    for draft in drafts.get(stream, {}).values():
        watched = {
            name: _rows_plan(name, config, _groups(name, drafts, config))
            for name in draft.monitors
            if name in drafts and name not in config.streams
        }
        groups.append(replace(draft.group(config), watched=watched))
    return tuple(groups)


def _rows_plan(monitor: str, config: Config, groups: tuple[Group, ...]) -> StreamPlan:
    """The stream of a monitor's rows."""
    origin = config.streams.get(config.origin_of(monitor))
    if origin is None:
        return StreamPlan(monitor, None, Layout(monitor, {}), groups)
    limits = origin.limits
    return StreamPlan(
        monitor, None, Layout(monitor, {}), groups, forget=to_micros(limits.forget), key_limit=limits.keys
    )


def _watchers(monitor: str, config: Config) -> list[MonitorConfig]:
    """The monitors that watch a monitor's rows, and those that watch theirs."""
    if monitor in config.streams:
        return []
    found = []
    for name, other in config.monitors.items():
        if other.stream == monitor:
            found += [other, *_watchers(name, config)]
    return found


def _lineage(stream: str, config: Config) -> list[object]:
    """What shapes the rows of a stream that is a monitor."""
    if stream in config.streams or stream not in config.monitors:
        return []
    return [_draft(stream, config.monitors[stream], config).shape]


@dataclass(slots=True)
class _Draft:
    """A group while its monitors are gathered."""

    key: str
    stream: str
    by: tuple[str, ...]
    where: Expression | None
    compute: Mapping[str, Aggregate]
    shape: str
    kept: Mapping[str, Part] = field(default_factory=dict)
    monitors: dict[str, MonitorConfig] = field(default_factory=dict)

    def group(self, config: Config) -> Group:
        """The group, with its detectors built and its window watching their limits."""
        first = next(iter(self.monitors.values()))
        aggregates = Aggregates({**self.compute, **self.kept})
        detectors = {name: _detector(name, m, self, config) for name, m in self.monitors.items()}
        kind, why = _kind(self, first, aggregates, detectors, config)
        watches = [watch for detector in detectors.values() for watch in detector.needs.watches]
        reads = aggregates.reads
        fields = reads | frozenset().union(*(detector.needs.fields for detector in detectors.values()))
        fields |= frozenset(self.by) | (self.where.columns if self.where else frozenset())
        monitors = tuple(
            _learning(
                _notifying(_monitor(name, m, self, (kind, why), detectors[name], fields), config.notified(m)),
                m,
                config,
            )
            for name, m in self.monitors.items()
        )
        changes = frozenset(name for name, m in self.monitors.items() if _options(m).emit == "changes")
        window = _window(first, aggregates, watches, several=kind == "mergeable", changes=bool(changes))
        shift = _shift(first, config)
        if first.order == "time" and kind == "single":
            kinds = config.kinds_of(self.stream)
            seen = reads.union(*(detector.needs.fields for detector in detectors.values()))
            window = SortedWindow(window, {field: kinds.get(field, "string") for field in sorted(seen)})
        include_empty = first.window is not None and first.window.include_empty
        return Group(
            f"window:{self.stream}", self.shape, self.stream, self.by, kind, self.where, window, fields, monitors,
            include_empty, _words(first), shift, _margin(first, shift), changes,
            isinstance(first.window, SessionConfig), {name: config.kinds_of(self.stream)[name] for name in self.by},
            kept=frozenset(name + end for name in self.kept for end in ("", *_ASIDES)),
        )  # fmt: skip


def _draft(name: str, monitor: MonitorConfig, config: Config) -> _Draft:
    kinds = config.kinds_of(monitor.stream)
    by = grouping(monitor)
    where = None if monitor.where is None else parse_condition(monitor.where, kinds)
    window = monitor.window
    rising = frozenset(_never_negative(config, monitor.stream))
    compute = {}
    if window is not None:
        compute = {column: parse_aggregate(text, kinds, rising) for column, text in window.compute.items()}
    cut = {} if window is None else window.model_dump(mode="json", exclude=_beside(window))
    kept = _kept(monitor, kinds)
    goes_on = ["distinct goes on"] if any(part.function == "distinct" for part in compute.values()) else []
    shaping = [
        monitor.stream,
        by,
        monitor.where,
        cut,
        monitor.order,
        *_lineage(monitor.stream, config),
        *goes_on,
        *([{column: part.text for column, part in kept.items()}] if kept else []),
    ]
    shape = digest(shaping)
    key = digest([shape, [] if window is not None else name])
    return _Draft(key, monitor.stream, by, where, compute, shape, kept)


def _kept(monitor: MonitorConfig, kinds: Mapping[str, FieldKind]) -> Mapping[str, Part]:
    """What its detector asks its window to keep beside ``compute:``."""
    if monitor.detect is None or monitor.window is None:
        return {}
    return plugins.computed_for(monitor.detect, kinds)


_OPTIONS = EventTimeConfig(type="none")


def _options(monitor: MonitorConfig) -> EventTimeConfig:
    """What its window says about grace, early verdicts and rows; the defaults where it closes otherwise."""
    return monitor.window if isinstance(monitor.window, EventTimeConfig) else _OPTIONS


def _beside(window: WindowConfig) -> set[str]:
    """Keys of a window that shape neither what it counts nor when it closes."""
    if not isinstance(window, EventTimeConfig):
        return set()
    return {"early", "emit"} if window.grace is not None else {"early", "emit", "grace"}


def _shift(monitor: MonitorConfig, config: Config) -> int:
    """By how much its windows close sooner than the stream's watermark says; below 0: later."""
    grace = _options(monitor).grace
    if grace is None:
        return 0
    stream = config.streams.get(monitor.stream)
    return (0 if stream is None else to_micros(stream.lateness)) - to_micros(grace)


def _margin(monitor: MonitorConfig, shift: int) -> int:
    """How much later than the first record of a reading a window must start that nothing of is missing."""
    gap = to_micros(monitor.window.gap) if isinstance(monitor.window, SessionConfig) else 0
    return max(0, -shift) + gap


def grouping(monitor: MonitorConfig) -> tuple[str, ...]:
    """The fields a monitor is grouped by: its window's ``by``, else its detector's."""
    if monitor.window is not None:
        return monitor.window.by
    return tuple(getattr(monitor.detect, "by", ()) or ())


def _never_negative(config: Config, stream: str) -> list[str]:
    if stream not in config.streams:
        return []
    fields = config.streams[stream].fields
    return [name for name, spec in fields.items() if spec.min is not None and spec.min >= 0]


_ASIDES = ("_lower", "_upper")
"""What may stand beside a column that is an estimate."""

_ZEROS = frozenset({"count", "sum", "distinct", "approx_distinct"})
"""Aggregates that are 0 where there is no record."""


def _detector(name: str, monitor: MonitorConfig, draft: _Draft, config: Config) -> Detector:
    kinds: Mapping[str, ColumnKind] = config.kinds_of(monitor.stream)
    rising: frozenset[str] = frozenset()
    if monitor.window is not None:
        kinds = {column: part.kind for column, part in draft.compute.items()}
        grows = isinstance(monitor.window, EventTimeConfig) and monitor.window.early
        rising = frozenset(column for column, part in draft.compute.items() if part.rising and grows)
    stream = config.streams.get(monitor.stream)
    forget = stream.limits.forget if stream is not None else timedelta(hours=24)
    size, advance = grid(monitor.window)
    masked = frozenset() if stream is None else _masked(stream)
    context = Context(
        name, kinds, rising, monitor.window is not None, forget, size, advance, masked,
        early=isinstance(monitor.window, EventTimeConfig) and monitor.window.early,
        include_empty=monitor.window is not None and monitor.window.include_empty,
        zeros=frozenset(column for column, part in draft.compute.items() if part.function in _ZEROS),
    )  # fmt: skip
    if monitor.detect is None:
        return Unjudged(name)
    built: Detector = plugins.module("detectors", monitor.detect.type).build(monitor.detect, context)
    return built


def _kind(
    draft: _Draft,
    monitor: MonitorConfig,
    aggregates: Aggregates,
    detectors: Mapping[str, Detector],
    config: Config,
) -> tuple[Kind, str]:
    stream = config.streams.get(draft.stream)
    if stream is None and draft.stream in config.monitors:
        return "aligned", f"the rows of {draft.stream} come in one order"
    placed = stream.partitioned_by if stream is not None else ()
    watchers = [watcher for name in draft.monitors for watcher in _watchers(name, config)]
    apart = all(set(placed) <= set(grouping(watcher)) for watcher in watchers)
    if placed and set(placed) <= set(draft.by) and apart:
        return "aligned", f"grouped by {', '.join(draft.by)}, and records are placed by {', '.join(placed)}"
    if isinstance(monitor.window, CountConfig):
        return (
            "single",
            "the last records of a key lie on several partitions, so their order across them counts",
        )
    if aggregates.ordered:
        return "single", "first and last depend on the order across partitions"
    if any(detector.needs.merge == "single" for detector in detectors.values()):
        return "single", "its detector depends on the order across partitions"
    if not draft.by:
        return "mergeable", "one group over all partitions, merged when all have come so far"
    if not apart:
        return "mergeable", "its rows are watched over all partitions"
    declared = f"records are placed by {', '.join(placed)}" if placed else "`partitioned_by` is not declared"
    return "mergeable", f"grouped by {', '.join(draft.by)}, but {declared}"


def _window(
    monitor: MonitorConfig, aggregates: Aggregates, watches: list[Watch], *, several: bool, changes: bool
) -> Window:
    match monitor.window:
        case None:
            return EachRecord()
        case TumblingConfig(size=size):
            long = to_micros(size)
            return TimeWindow(aggregates, long, long, watches, several=several, changes=changes)
        case HoppingConfig(size=size, advance=advance):
            hop = to_micros(advance)
            return TimeWindow(aggregates, to_micros(size), hop, watches, several=several, changes=changes)
        case SessionConfig(gap=gap):
            return SessionWindow(aggregates, to_micros(gap), watches, several=several, changes=changes)
        case CountConfig() as count:
            return CountWindow(aggregates, count.size, count.step, count.least)
        case RunningConfig(every=every):
            return RunningWindow(aggregates, to_micros(every), several=several)
        case other:
            raise AssertionError(f"no window for {other!r}")


def _monitor(
    name: str,
    monitor: MonitorConfig,
    draft: _Draft,
    kind: tuple[Kind, str],
    detector: Detector,
    fields: frozenset[str],
) -> Monitor:
    shaping = {key: getattr(monitor.detect, key) for key in getattr(monitor.detect, "shaped_by", ())}
    return Monitor(
        name=name,
        stream=monitor.stream,
        by=draft.by,
        kind=kind[0],
        why=kind[1],
        detector=detector,
        policy=Policy(
            Rule(
                to_micros(monitor.for_),
                monitor.no_data_after,
                by_moment=isinstance(monitor.window, CountConfig | RunningConfig),
                by_window=isinstance(monitor.window, SessionConfig),
                clear_after=to_micros(monitor.clear_after),
                flaps=0 if monitor.flapping is None else monitor.flapping.openings,
                flaps_within=0 if monitor.flapping is None else to_micros(monitor.flapping.within),
            ),
            monitor.notify,
            holds=monitor.window is None,
            labels={**monitor.labels, "stream": monitor.stream},
            by=draft.by,
            runbook=monitor.runbook,
            description=monitor.description or None,
            no_data=monitor.no_data == "alert",
        ),
        shape=digest([draft.shape, "" if monitor.detect is None else monitor.detect.type, shaping]),
        fields=fields,
        samples=monitor.samples,
        judged=", ".join(f"{column} = {part.text}" for column, part in draft.compute.items()),
        metrics_prefix=monitor.metrics_prefix,
    )


def _notifying(monitor: Monitor, channels: tuple[str, ...]) -> Monitor:
    """The monitor, told through ``channels``; empty where the route decides."""
    return replace(monitor, policy=replace(monitor.policy, channels=channels))


def _learning(monitor: Monitor, declared: MonitorConfig, config: Config) -> Monitor:
    """The monitor with what its detector learns from."""
    needs, window = monitor.detector.needs, declared.window
    whole = not needs.judges_empty or window is None or window.include_empty
    lessons = lessons_of(config, monitor.name, monitor.by, one_by_one=whole and not needs.waits)
    return replace(monitor, policy=replace(monitor.policy, lessons=lessons))


def _stream_plan(name: str, config: Config, groups: tuple[Group, ...]) -> StreamPlan:
    stream = config.streams.get(name)
    if stream is None:
        fields = {field: FieldSpec(field, kind) for field, kind in BUILT_IN_STREAMS[name].items()}
        return StreamPlan(name, None, Layout(name, fields, "at"), groups)
    used = frozenset().union(*(group.fields for group in groups)) | ({stream.time} if stream.time else set())
    used |= set(stream.partitioned_by) if groups else set()
    used |= set(stream.fields) if stream.write is not None else set()
    specs = {
        field: FieldSpec(
            field,
            spec.type,
            spec.path or "",
            spec.min,
            spec.max,
            spec.unit,
            spec.required or field == stream.time,
            spec.from_ == "key",
        )
        for field, spec in stream.fields.items()
        if field in used
    }
    specs |= {field: FieldSpec(field, "string") for field in sorted(used) if every_of(field) is not None}
    return StreamPlan(
        name,
        stream,
        Layout(name, specs, stream.time, to_micros(stream.max_ahead)),
        groups,
        to_micros(stream.lateness),
        stream.deadline.total_seconds(),
        to_micros(stream.limits.forget),
        stream.limits.keys,
        _masked(stream),
    )


def _masked(stream: StreamConfig) -> frozenset[str]:
    return frozenset(field for field, spec in stream.fields.items() if spec.mask)


def digest(parts: object) -> str:
    """16 hexadecimal digits that name ``parts`` (plain data)."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _words(monitor: MonitorConfig) -> str:
    window = monitor.window
    if window is None:
        return "each record"
    parts = window.model_dump(
        mode="json", exclude={"type", "by", "compute", "include_empty", "early", "emit"}, exclude_none=True
    )
    in_order = sorted(parts.items(), key=lambda part: part[0] == "grace")
    return " ".join([window.type, *(f"{key} {value}" for key, value in in_order)])
