"""The engine's picture as plain data for people's tools: moments are ISO 8601 UTC, durations seconds."""

from __future__ import annotations

from typing import Any

from streamgauge import __version__
from streamgauge.clock import iso
from streamgauge.config.models import Config
from streamgauge.engines.reporting.status import EngineStatus, MonitorStatus, PartitionStatus, StreamStatus


def status_shown(status: EngineStatus, config: Config, now: int) -> dict[str, Any]:
    """All of it; ``now`` is the wall clock."""
    return {
        "version": __version__,
        "at": iso(status.at),
        "started_at": iso(status.started_at),
        "uptime_seconds": max(0, now - status.started_at) / 1e6,
        "ready": status.ready,
        "starting": status.starting,
        "streams": streams_shown(status, now),
        "monitors": monitors_shown(status, config),
        "store": {
            "refuses": status.store,
            "commits": status.commits,
            "last_commit_seconds": status.commit_seconds,
        },
        "channels": channels_shown(status),
        "incidents_open": sum(status.open.values()),
        "incidents_opened": sum(status.opened.values()),
    }


def streams_shown(status: EngineStatus, now: int) -> list[dict[str, Any]]:
    """One object per stream that some monitor watches."""
    return [_stream(name, stream, now) for name, stream in status.streams.items()]


def monitors_shown(status: EngineStatus, config: Config) -> list[dict[str, Any]]:
    """One object per monitor of the file, also while the engine has not begun with it."""
    return [
        _monitor(name, settings.stream, settings.description, status.monitors.get(name))
        for name, settings in config.monitors.items()
    ]


def channels_shown(status: EngineStatus) -> list[dict[str, Any]]:
    """One object per channel: what waits, and how tries went."""
    names = sorted({*status.waiting, *(channel for channel, _ in status.notices)})
    return [
        {
            "name": name,
            "waiting": status.waiting.get(name, 0),
            "tries": {
                outcome: count for (channel, outcome), count in status.notices.items() if channel == name
            },
        }
        for name in names
    ]


def _stream(name: str, stream: StreamStatus, now: int) -> dict[str, Any]:
    lags = [partition.lag for partition in stream.partitions.values() if partition.lag is not None]
    delay = None if stream.watermark is None else (now - stream.watermark) / 1e6
    return {
        "name": name,
        "records": stream.records,
        "records_per_second": round(stream.rate, 1),
        "late": stream.late,
        "dead_letters": stream.dead_letters,
        "watermark": iso(stream.watermark),
        "watermark_delay_seconds": delay,
        "lag": sum(lags) if lags else None,
        "lost": stream.lost,
        "group": stream.group,
        "source": dict(stream.source),
        "partitions": {text: _partition(partition) for text, partition in stream.partitions.items()},
    }


def _partition(partition: PartitionStatus) -> dict[str, Any]:
    return {
        "next_offset": partition.next_offset,
        "end_offset": partition.end_offset,
        "lag": partition.lag,
        "caught_up": partition.caught_up,
        "watermark": iso(partition.watermark),
    }


def _monitor(name: str, stream: str, description: str, monitor: MonitorStatus | None) -> dict[str, Any]:
    if monitor is None:
        return {"name": name, "stream": stream, "description": description, "state": "starting"}
    firing = "firing" if monitor.open_incidents else "watching"
    return {
        "name": name,
        "stream": stream,
        "description": description,
        "state": firing if monitor.paused is None else "paused",
        "paused": monitor.paused,
        "kind": monitor.kind,
        "why_this_kind": monitor.why,
        "keys": monitor.keys,
        "open_windows": monitor.open_windows,
        "open_incidents": monitor.open_incidents,
        "last_window_end": iso(monitor.last_end),
    }
