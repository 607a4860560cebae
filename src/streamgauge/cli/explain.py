"""Print each monitor's plan: what is decoded, shared, watched and remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._packs import Brokers, Given, Packs, configured
from streamgauge.cli._store import JsonOption

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.monitor import Monitor
    from streamgauge.plan import Group, StreamPlan


class Form(StrEnum):
    """How monitors are written."""

    YAML = "yaml"
    SQL = "sql"


def command(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)
    ] = None,
    pack: Packs = None,
    brokers: Brokers = None,
    set_: Given = None,
    json: JsonOption = False,
    form: Annotated[
        Form | None,
        typer.Option("--as", help="The monitors alone, as the keys or the statements that say them."),
    ] = None,
) -> None:
    """Print each monitor's plan: what is decoded, shared, watched and remembered.

    Nothing is started and nothing outside is asked.

    Example: streamgauge explain payments.yaml
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.errors import ConfigError

    if file is None and not pack:
        raise ConfigError("say what to explain: `explain FILE`, `explain --pack kafka`, or both")
    config = configured(file, pack or [], brokers, set_ or [])
    if form is not None:
        print(_as_sql(config) if form is Form.SQL else _as_yaml(config))
        return
    plans = list(plan_lines(config))
    if json:
        print_lines(plans)
        return
    for plan in plans:
        for line in _stream_told(plan) if plan["kind"] == "stream" else _monitor_told(plan):
            print(line)


def _as_sql(config: Config) -> str:
    """Each monitor as a statement; a comment says why where there is none."""
    from streamgauge.sql.writing import NoStatementError, statement_of

    parts = []
    for name in config.monitors:
        try:
            parts.append(statement_of(name, config))
        except NoStatementError as reason:
            parts.append(f"-- {name} has no SQL form: {reason}")
    return "\n\n".join(parts)


def _as_yaml(config: Config) -> str:
    """The monitors as keys, those too that are written in SQL; where rows go is left out, it may hold secrets."""
    import yaml

    shown = {"sql", "write"}
    monitors = {
        name: {"stream": monitor.stream}
        | monitor.model_dump(mode="json", by_alias=True, exclude=shown, exclude_defaults=True)
        for name, monitor in config.monitors.items()
    }
    for name, monitor in config.monitors.items():
        for key, part in (("window", monitor.window), ("detect", monitor.detect)):
            if part is not None:
                dumped = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                monitors[name][key] = {"type": part.type, **dumped}
    return yaml.safe_dump({"monitors": monitors}, sort_keys=False, allow_unicode=True, width=120).rstrip()


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
    from streamgauge.formats.shapes import every_of

    config = stream.config
    shapes = sorted(name for name in stream.layout.fields if every_of(name) is not None)
    return {
        "kind": "stream",
        "stream": stream.name,
        "source": config.source.type if config is not None else "built in",
        "format": config.format.type if config is not None else None,
        "fields": sorted(stream.layout.fields.keys() - set(shapes)),
        "fields_declared": len(config.fields) if config is not None else len(stream.layout.fields),
        "lateness": format_duration(timedelta(microseconds=stream.lateness)),
        **({"beside": shapes} if shapes else {}),
    }


def _monitor(config: Config, stream: StreamPlan, group: Group, monitor: Monitor) -> dict[str, Any]:
    from streamgauge.engines.running.footprint import bytes_per_key

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
        "notify": list(settings.notify) if config.notified(settings) else ["as the route says"],
        "writes": None if settings.write is None else settings.write.type,
    }


def _stream_told(plan: Mapping[str, Any]) -> Iterator[str]:
    kind = f"{plan['source']}, {plan['format']}" if plan["format"] else plan["source"]
    yield f"{plan['stream']}  ({kind}; lateness {plan['lateness']})"
    fields = ", ".join(plan["fields"])
    yield f"  decodes {len(plan['fields'])} of {plan['fields_declared']} fields: {fields}"
    for shape in plan.get("beside", ()):
        yield f"  and looks at the {shape}"
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
