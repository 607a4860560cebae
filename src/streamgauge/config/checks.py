"""What refers to what: names of streams, fields and channels, expressions, and what detectors need.

The models have checked each part by itself. Nothing here touches a broker, a file or the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from streamgauge.batch import ColumnKind
from streamgauge.config.causes import check_causes
from streamgauge.config.counted_twice import check_counted_twice
from streamgauge.config.derived import BOUNDS
from streamgauge.config.document import Document, Path
from streamgauge.config.echoes import check_echoes
from streamgauge.config.matched import check_matched
from streamgauge.config.mistakes import Mistake, mistake
from streamgauge.config.models import BUILT_IN_STREAMS, Config, FieldConfig, MonitorConfig, StreamConfig
from streamgauge.config.places import check_places
from streamgauge.config.plugins import computed_for, module
from streamgauge.config.pruning import Pruned
from streamgauge.config.sharing import check_shared
from streamgauge.config.telling import MannerConfig, channels_of
from streamgauge.config.windows import SessionConfig, WindowConfig, grid
from streamgauge.config.writing import check_sink
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError, ExpressionError
from streamgauge.formats.shapes import every_of
from streamgauge.incidents.labels import RESERVED
from streamgauge.settings import nearest

if TYPE_CHECKING:
    from streamgauge.windows.aggregates import Part

Kinds = Mapping[str, ColumnKind]


@dataclass(slots=True)
class Findings:
    """What the checks found; ``document`` tells the places."""

    document: Document
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)

    def wrong(self, path: Path, message: str, *, at_key: bool = False, position: int | None = None) -> None:
        """Keep a mistake."""
        self.mistakes.append(mistake(self.document, path, message, at_key=at_key, position=position))

    def warn(self, path: Path, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(mistake(self.document, path, message))

    def expression(self, path: Path, error: ExpressionError) -> None:
        """Keep a mistake within an expression, at its character."""
        self.wrong(path, error.message, position=error.position)

    def unknown_fields(self, path: Path, names: Iterable[str], known: Iterable[str]) -> bool:
        """Keep a mistake for each name that is no field; says whether there was one."""
        known = list(known)
        bad = [(i, name) for i, name in enumerate(names) if name not in known]
        for i, name in bad:
            self.wrong((*path, i), f"unknown field `{name}`; {nearest(name, known)}")
        return bool(bad)


def check(config: Config, document: Document, pruned: Pruned) -> Findings:
    """Check a configuration; what lies within ``pruned`` was already found wrong and is not blamed again."""
    findings = Findings(document)
    for name, stream in config.streams.items():
        _stream(findings, ("streams", name), stream, pruned)
    for name, monitor in config.monitors.items():
        _Monitor(config, findings, pruned, name, monitor).check()
    _route(findings, config, pruned)
    _jobs(findings, config, pruned)
    _unused_channels(config, findings, pruned)
    check_shared(config, findings.wrong)
    check_causes(config, findings.wrong)
    check_echoes(config, findings.warn)
    check_matched(config, findings.warn)
    check_counted_twice(config, document, findings.warn)
    return findings


def _stream(findings: Findings, path: Path, stream: StreamConfig, pruned: Pruned) -> None:
    name = str(path[-1])
    if name.startswith("streamgauge."):
        message = f"names that start with `streamgauge.` are built in: {', '.join(BUILT_IN_STREAMS)}"
        findings.wrong(path, f"{message}; choose another name", at_key=True)
    allowed = stream.source.formats
    if (
        allowed is not None
        and stream.format.type not in allowed
        and not pruned.within("streams", name, "format")
    ):
        which = " or ".join(sorted(allowed))
        findings.wrong((*path, "format"), f"records of a source of type {stream.source.type} are {which}")
    if pruned.within("streams", name, "fields"):
        return
    fields = stream.fields
    _computed_fields(findings, path, stream)
    check_places(stream, path, findings.wrong)
    findings.unknown_fields((*path, "key"), stream.key, fields)
    findings.unknown_fields((*path, "partitioned_by"), stream.partitioned_by, fields)
    if stream.write is not None:
        kinds = {field: spec.type for field, spec in fields.items()}
        check_sink(stream.write, (*path, "write"), kinds, findings.wrong, findings.expression)
    if stream.time is None:
        return
    if not findings.unknown_fields((*path, "time"), [stream.time], fields):
        kind = fields[stream.time].type
        if kind != "timestamp":
            findings.wrong((*path, "time"), f"field `{stream.time}` is a {kind}; declare it as timestamp")
        if fields[stream.time].compute is not None:
            findings.wrong((*path, "time"), f"field `{stream.time}` is computed; the event time is read")


def _computed_fields(findings: Findings, path: Path, stream: StreamConfig) -> None:
    from streamgauge.expressions import parse_value

    kinds: Kinds = {name: spec.type for name, spec in stream.fields.items() if spec.compute is None}
    for name, spec in stream.fields.items():
        if spec.compute is None:
            continue
        try:
            kind = parse_value(spec.compute, kinds).kind
        except ExpressionError as error:
            findings.expression((*path, "fields", name, "compute"), error)
            continue
        if kind != spec.type:
            message = f"this gives a {kind}, and the field is declared as {spec.type}"
            findings.wrong((*path, "fields", name, "compute"), message)


def _route(findings: Findings, config: Config, pruned: Pruned) -> None:
    """The channels of the tree are declared."""
    if config.route is not None:
        _branch(findings, ("route",), config.route, (config, pruned))


def _jobs(findings: Findings, config: Config, pruned: Pruned) -> None:
    """The channels that hear of jobs are declared."""
    names = ["console", *config.channels]
    for job, settings in config.schedule.items():
        for i, name in enumerate(settings.notify):
            if name not in names and not pruned.within("channels", name):
                message = f"`channels:` declares no `{name}`; {nearest(name, names)}"
                findings.wrong(("schedule", job, "notify", i), message)


def _branch(findings: Findings, path: Path, node: MannerConfig, known: tuple[Config, Pruned]) -> None:
    config, pruned = known
    names = ["console", *config.channels]
    for i, name in enumerate(node.channels or ()):
        if name not in names and not pruned.within("channels", name):
            message = f"`channels:` declares no `{name}`; {nearest(name, names)}"
            findings.wrong((*path, "channels", i), message)
    for n, branch in enumerate(node.routes):
        _branch(findings, (*path, "routes", n), branch, known)


def _unused_channels(config: Config, findings: Findings, pruned: Pruned) -> None:
    if pruned.within("monitors"):
        return
    used = {name for monitor in config.monitors.values() for name in monitor.notify}
    used |= {name for job in config.schedule.values() for name in job.notify}
    used |= set(channels_of(config.route))
    for name in config.channels:
        if name not in used:
            findings.warn(("channels", name), "no monitor notifies this channel")


def _written_window(document: Document, monitor: Path) -> WindowConfig | None:
    """What can be checked of a window that was refused for its other keys."""
    written = document.at((*monitor, "window"))
    if not isinstance(written, Mapping):
        return None
    try:
        return WindowConfig.model_validate(
            {key: written[key] for key in WindowConfig.model_fields if key in written}
        )
    except ValidationError:
        return None


@dataclass(slots=True)
class _Monitor:
    """The checks of one monitor."""

    config: Config
    findings: Findings
    pruned: Pruned
    name: str
    monitor: MonitorConfig

    @property
    def _path(self) -> Path:
        return ("monitors", self.name)

    def check(self) -> None:
        """Everything that can be said about this monitor."""
        self._purpose()
        self._channels()
        self._incidents()
        fields = self._fields()
        if fields is None:
            return
        kinds: Kinds = {name: field.type for name, field in fields.items()}
        sound = self._where(kinds)
        columns, rising = kinds, frozenset[str]()
        window = self.monitor.window or _written_window(self.findings.document, self._path)
        if window is not None:
            never_negative = frozenset(name for name, f in fields.items() if f.min is not None and f.min >= 0)
            computed = self._window(window, kinds, never_negative)
            sound &= computed is not None
            columns, rising = computed or ({}, rising)
        if sound and not self.pruned.within(*map(str, self._path)):
            self._rows(window, kinds, columns)
            self._detector(kinds, columns, rising)

    def _purpose(self) -> None:
        """It judges, or its rows go somewhere."""
        monitor = self.monitor
        watched = any(other.stream == self.name for other in self.config.monitors.values())
        refused = self.pruned.within("monitors", self.name, "write")
        if monitor.detect is None and monitor.write is None and not watched and not refused:
            message = "`detect` is missing: say what to judge, or with `write:` where its rows go"
            self.findings.wrong(self._path, message, at_key=True)

    def _rows(self, window: WindowConfig | None, kinds: Kinds, columns: Kinds) -> None:
        """What becomes of its rows."""
        monitor = self.monitor
        if monitor.write is None:
            return
        if window is None:
            message = "the rows of windows are written; add a `window:`, or write the records: `write:` on the stream"
            self.findings.wrong((*self._path, "write"), message, at_key=True)
            return
        rows = {**{name: kinds[name] for name in window.by}, **columns, **BOUNDS}
        path = (*self._path, "write")
        revises = getattr(window, "emit", "final") == "changes"
        findings = self.findings
        check_sink(monitor.write, path, rows, findings.wrong, findings.expression, revises=revises)

    def _channels(self) -> None:
        known = ["console", *self.config.channels]
        for i, name in enumerate(self.monitor.notify):
            if name not in known and not self.pruned.within("channels", name):
                message = f"`channels:` declares no `{name}`; {nearest(name, known)}"
                self.findings.wrong((*self._path, "notify", i), message)

    def _incidents(self) -> None:
        """What it asks of its incidents fits how it judges."""
        monitor = self.monitor
        for name in monitor.labels:
            if name in RESERVED:
                message = f"`{name}` is a label that every incident has already; choose another name"
                self.findings.wrong((*self._path, "labels", name), message, at_key=True)
        empty = monitor.window is not None and getattr(monitor.window, "include_empty", False)
        if monitor.no_data == "alert" and not empty and not self.pruned.within(*map(str, self._path)):
            message = "nobody looks at windows without records: add `include_empty: true` to a tumbling or hopping window"
            self.findings.wrong((*self._path, "no_data"), message)
        if monitor.clear_after and isinstance(monitor.window, SessionConfig):
            message = "does not fit sessions: an incident ends with its session; leave it out"
            self.findings.wrong((*self._path, "clear_after"), message)

    def _fields(self) -> Mapping[str, FieldConfig] | None:
        """The fields of its stream; None where they are not known well enough to go on."""
        name = self.monitor.stream
        if name in self.config.streams:
            return None if self.pruned.within("streams", name, "fields") else self.config.streams[name].fields
        if name in BUILT_IN_STREAMS:
            return {field: FieldConfig(type=kind) for field, kind in BUILT_IN_STREAMS[name].items()}
        if self.pruned.within("streams", name):
            return None
        if name in self.config.monitors:
            return self._rows_of(name)
        known = [*self.config.streams, *self.config.monitors, *BUILT_IN_STREAMS]
        self.findings.wrong((*self._path, "stream"), f"unknown stream `{name}`; {nearest(name, known)}")
        return None

    def _rows_of(self, name: str) -> Mapping[str, FieldConfig] | None:
        """What the rows of another monitor hold; None where they cannot be watched."""
        path, seen = (*self._path, "stream"), [self.name]
        while name in self.config.monitors and name not in self.config.streams:
            if name in seen:
                way = " → ".join([*seen[seen.index(name) :], name])
                self.findings.wrong(path, f"monitors watch each other's rows in a circle: {way}")
                return None
            seen.append(name)
            name = self.config.monitors[name].stream
        watched = self.config.monitors[self.monitor.stream]
        if self.pruned.within("monitors", self.monitor.stream):
            return None
        window = watched.window
        changes = getattr(window, "emit", "final") == "changes"
        if window is None or changes:
            what = (
                "with `emit: changes` they are taken back and changed" if changes else "it has no `window:`"
            )
            message = f"the rows of `{self.monitor.stream}` cannot be watched: {what}; only those that are final can"
            self.findings.wrong(path, message)
            return None
        try:
            return {
                field: FieldConfig(type=kind)
                for field, kind in self.config.kinds_of(self.monitor.stream).items()
            }
        except (KeyError, ExpressionError, RecursionError):
            return None  # told where it is written

    def _where(self, kinds: Kinds) -> bool:
        from streamgauge.expressions import parse_condition

        if self.monitor.where is None:
            return True
        try:
            parse_condition(self.monitor.where, kinds)
        except ExpressionError as error:
            self.findings.expression((*self._path, "where"), error)
            return False
        return True

    def _window(
        self, window: WindowConfig, kinds: Kinds, never_negative: frozenset[str]
    ) -> tuple[Kinds, frozenset[str]] | None:
        """The columns that its results carry, and which of them never fall; None after a mistake."""
        from streamgauge.expressions import parse_aggregate

        path = (*self._path, "window")
        sound = not self.findings.unknown_fields((*path, "by"), window.by, kinds)
        if isinstance(window, SessionConfig) and self.monitor.order == "time":
            message = (
                "does not fit sessions: sorting changes nothing about where they begin and end; leave it out"
            )
            self.findings.wrong((*self._path, "order"), message)
            sound = False
        columns: dict[str, ColumnKind] = {}
        rising = set()
        for name, text in window.compute.items():
            try:
                aggregate = parse_aggregate(text, kinds, never_negative)
            except ExpressionError as error:
                self.findings.expression((*path, "compute", name), error)
                sound = False
            else:
                if isinstance(window, SessionConfig) and aggregate.function == "rate":
                    message = (
                        "rate does not fit sessions: one of a single record has no length; compute count(*)"
                    )
                    self.findings.wrong((*path, "compute", name), message)
                    sound = False
                columns[name] = aggregate.kind
                rising |= {name} if aggregate.rising else set()
        return (columns, frozenset(rising)) if sound else None

    def _detector(self, kinds: Kinds, columns: Kinds, rising: frozenset[str]) -> None:
        detect, path = self.monitor.detect, (*self._path, "detect")
        if detect is None:
            return
        by = getattr(detect, "by", ())
        by = (by,) if isinstance(by, str) else tuple(by or ())
        if self.findings.unknown_fields((*path, "by"), by, kinds):
            return
        stream = self.config.streams.get(self.monitor.stream)
        size, advance = grid(self.monitor.window)
        windowed = self.monitor.window is not None
        context = Context(self.name, columns, rising, windowed, size=size, advance=advance)
        if stream is not None:
            masked = frozenset(name for name, field in stream.fields.items() if field.mask)
            context = replace(context, forget=stream.limits.forget, masked=masked)
        try:
            if windowed:
                _check_source(computed_for(detect, kinds), stream)
            module("detectors", detect.type).build(detect, context)
        except ExpressionError as error:
            self.findings.expression((*path, *self._key_of(error)), error)
        except ConfigError as error:
            key, colon, rest = str(error).partition(": ")
            known = colon and key in type(detect).model_fields
            self.findings.wrong((*path, key) if known else path, rest if known else str(error))
        else:
            self._key_by_key(by)

    def _key_of(self, error: ExpressionError) -> Path:
        """Which key of ``detect`` holds the expression."""
        texts = self.monitor.detect.model_dump() if self.monitor.detect is not None else {}
        return _place_of(texts, error.expression) or ()

    def _key_by_key(self, by: tuple[str, ...]) -> None:
        stream = self.config.streams.get(self.monitor.stream)
        detect = self.monitor.detect
        silence = detect is not None and detect.type == "silence"
        if silence and stream is not None and by and by == stream.key:
            self.findings.warn(
                (*self._path, "detect", "by"),
                f"`{', '.join(by)}` is the stream's key: every key that ends for good opens an incident; "
                "group by something that always speaks",
            )


def _check_source(parts: Mapping[str, Part], stream: StreamConfig | None) -> None:
    """Raises ConfigError where whole records are looked at, and the stream's are rows of our own making."""
    reads = (part.argument.columns for part in parts.values() if part.argument is not None)
    if stream is None and any(every_of(name) is not None for columns in reads for name in columns):
        raise ConfigError(
            "it looks at the records of a source; the rows of monitors always have the same fields"
        )


def _place_of(value: object, text: str) -> Path | None:
    """Where within plain data a text stands."""
    if value == text:
        return ()
    if isinstance(value, Mapping):
        inside: Iterable[tuple[str | int, object]] = value.items()
    else:
        inside = enumerate(value) if isinstance(value, (list, tuple)) else ()
    found = ((key, _place_of(item, text)) for key, item in inside)
    return next(((key, *rest) for key, rest in found if rest is not None), None)
