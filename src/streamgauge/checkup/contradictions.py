"""Settings that are right one by one, and wrong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import Patient
from streamgauge.clock import format_duration
from streamgauge.config.models import Config, MonitorConfig, StreamConfig

NAME = "settings"
_BATCHING = timedelta(milliseconds=50)
"""Producers gather records for so long before they send them; some do by default."""


def examine(patient: Patient) -> Iterator[Finding]:
    """All of them; one line when there is none."""
    config = patient.config
    found = [
        *(Finding(NAME, one.path.removeprefix("$."), Grade.WARNING, one.message) for one in config.warnings),
        *_streams(config),
        *_shared_groups(patient),
        *_loops(patient),
        *_told_twice(config),
    ]
    for name, monitor in config.monitors.items():
        stream = config.streams.get(monitor.stream)
        if stream is not None:
            found += _monitor(name, monitor, stream)
    yield from found or [Finding(NAME, "file", Grade.FINE, "no settings contradict each other")]


def _streams(config: Config) -> Iterator[Finding]:
    for name, stream in config.streams.items():
        about = f"streams.{name}"
        if stream.deadline < _BATCHING and not stream.source.finite:
            yield _warning(
                about,
                f"`deadline: {format_duration(stream.deadline)}` is shorter than producers commonly gather records "
                f"before they send them ({format_duration(_BATCHING)})",
                "write a deadline above the producers' linger.ms, such as 1s, or records come too late",
            )
        if stream.source_timeout <= stream.deadline:
            yield _warning(
                about,
                f"`source_timeout: {format_duration(stream.source_timeout)}` is not longer than "
                f"`deadline: {format_duration(stream.deadline)}`",
                "write a longer source_timeout, or a source that is merely quiet may be told as lost",
            )


def _monitor(name: str, monitor: MonitorConfig, stream: StreamConfig) -> Iterator[Finding]:
    about = f"monitors.{name}"
    size = getattr(monitor.window, "size", None)
    if isinstance(size, timedelta):
        if stream.lateness > size:
            yield _warning(
                about,
                f"windows of {format_duration(size)} wait for `lateness: {format_duration(stream.lateness)}` of "
                f"stream {monitor.stream}: longer than they last",
                "write a shorter lateness or a longer window; what fires early is told at once all the same",
            )
        if stream.limits.forget < size:
            yield _warning(
                about,
                f"keys are forgotten after {format_duration(stream.limits.forget)}, within a window of {format_duration(size)}",
                "write a longer `limits.forget`",
            )
    after = getattr(monitor.detect, "after", None)
    if isinstance(after, timedelta) and after < stream.deadline + stream.lateness:
        yield _warning(
            about,
            f"a silence of {format_duration(after)} is shorter than what time waits for a quiet partition: deadline "
            f"{format_duration(stream.deadline)} and lateness {format_duration(stream.lateness)}",
            f"write `after:` of at least {format_duration(stream.deadline + stream.lateness)}; it is told no sooner anyway",
        )


def _shared_groups(patient: Patient) -> Iterator[Finding]:
    """Two streams in one group of one cluster would share partitions."""
    by_group: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for name, _stream, source in patient.topics():
        by_group[source.brokers, source.group or f"streamgauge-{name}"].append(name)
    for (_brokers, group), names in by_group.items():
        if len(names) > 1:
            yield Finding(
                NAME, f"streams.{names[1]}", Grade.WRONG, f"streams {' and '.join(names)} read in one group, {group}",
                "give each its own `group:`, or leave it out",
            )  # fmt: skip


def _loops(patient: Patient) -> Iterator[Finding]:
    """Notices that are written to a topic which is watched bring new notices."""
    watched = {(name, topic) for name, _stream, source in patient.topics() for topic in source.names}
    for channel, config in patient.config.channels.items():
        topic = getattr(config, "topic", None)
        for name, read in watched:
            if config.type == "kafka" and topic == read:
                yield _warning(
                    f"channels.{channel}",
                    f"notices go to topic {topic}, which stream {name} watches",
                    "name another topic, or each notice may bring the next one",
                )


def _told_twice(config: Config) -> Iterator[Finding]:
    """One rule over windows that overlap, in two monitors that tell the same people."""
    before: dict[str, str] = {}
    for name, monitor in config.monitors.items():
        if monitor.window is None or monitor.detect is None:
            continue
        window = monitor.window.model_dump(exclude={"size", "every"})
        rule = repr((monitor.stream, monitor.where, window, monitor.detect, sorted(monitor.notify)))
        if rule in before:
            yield _warning(
                f"monitors.{name}",
                f"it judges the same as {before[rule]}, over windows that overlap with its own, and tells the same people",
                "keep one of them, write `inhibit:`, or tell others of it; or people hear of each event twice",
            )
        before.setdefault(rule, name)


def _warning(about: str, found: str, advice: str) -> Finding:
    return Finding(NAME, about, Grade.WARNING, found, advice)
