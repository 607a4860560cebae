"""Print each monitor's plan: what is decoded, shared, watched and remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import JsonOption, load_file

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.monitor import Monitor
    from streamgauge.plan import Group, StreamPlan


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Print each monitor's plan: what is decoded, shared, watched and remembered.

    Nothing is started and nothing outside is asked.

    Example: streamgauge explain payments.yaml
    """
    from streamgauge.cli._table import print_lines

    plans = list(plan_lines(load_file(file)))
    if json:
        print_lines(plans)
        return
    for plan in plans:
        for line in _stream_told(plan) if plan["kind"] == "stream" else _monitor_told(plan):
            print(line)


def plan_lines(config: Config) -> Iterator[dict[str, Any]]:
    """One object per stream that is watched, each followed by its monitors."""
    from streamgauge.plan import make_plan

    for stream in make_plan(config).streams.values():
        if not stream.groups:
            continue
        yield _stream(stream)
        for group in stream.every_group:
            for monitor in group.monitors:
                yield _monitor(config, stream, group, monitor)


def _stream(stream: StreamPlan) -> dict[str, Any]:
    from datetime import timedelta

    from streamgauge.clock import format_duration

    config = stream.config
    return {
        "kind": "stream",
        "stream": stream.name,
        "source": config.source.type if config is not None else "built in",
        "format": config.format.type if config is not None else None,
        "fields": sorted(stream.layout.fields),
        "fields_declared": len(config.fields) if config is not None else len(stream.layout.fields),
        "lateness": format_duration(timedelta(microseconds=stream.lateness)),
    }


def _monitor(config: Config, stream: StreamPlan, group: Group, monitor: Monitor) -> dict[str, Any]:
    from streamgauge.engines.footprint import bytes_per_key

    settings = config.monitors[monitor.name]
    return {
        "kind": "monitor",
        "monitor": monitor.name,
        "stream": monitor.stream,
        "state": monitor.kind,
        "why": monitor.why,
        "by": list(monitor.by),
        "where": settings.where,
        "window": group.words,
        "computes": monitor.judged or None,
        "shares_window_with": [other.name for other in group.monitors if other is not monitor],
        "detector": None if settings.detect is None else settings.detect.type,
        "when": getattr(settings.detect, "when", None),
        "told_early": [
            {"column": watch.column, "above": watch.limit} for watch in monitor.detector.needs.watches
        ],
        "rows": "changes" if monitor.name in group.changes else "final",
        "bytes_per_key": bytes_per_key(stream, group, monitor),
        "notify": list(settings.notify),
        "writes": None if settings.write is None else settings.write.type,
    }


def _stream_told(plan: Mapping[str, Any]) -> Iterator[str]:
    kind = f"{plan['source']}, {plan['format']}" if plan["format"] else plan["source"]
    yield f"{plan['stream']}  ({kind}; lateness {plan['lateness']})"
    fields = ", ".join(plan["fields"])
    yield f"  decodes {len(plan['fields'])} of {plan['fields_declared']} fields: {fields}"
    yield ""


def _monitor_told(plan: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {plan['monitor']}  {plan['state']}: {plan['why']}"
    shared = plan["shares_window_with"]
    with_whom = f", shared with {', '.join(shared)}" if shared else ""
    grouped = f" by {', '.join(plan['by'])}" if plan["by"] else ""
    rows = {
        "where": plan["where"],
        "window": f"{plan['window']}{grouped}{with_whom}",
        "computes": plan["computes"],
        "judges": f"{plan['detector']}: {plan['when']}" if plan["when"] else plan["detector"],
        "told": _told(plan),
        "state": f"about {plan['bytes_per_key']:,} bytes per key"
        if plan["bytes_per_key"]
        else "none per key",
        "notify": ", ".join(plan["notify"]) or "nobody",
        "writes": f"its rows to {plan['writes']}" if plan["writes"] else None,
    }
    for name, text in rows.items():
        if text:
            yield f"    {name:<10}{text}"
    yield ""


def _told(plan: Mapping[str, Any]) -> str:
    if plan["window"] == "each record":
        return "with each record"
    rows = "; a row at each record that counted" if plan["rows"] == "changes" else ""
    moment = "at the very record at which it begins to hold" if plan["told_early"] else "when a window closes"
    return moment + rows
