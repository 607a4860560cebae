"""Watch a running engine: rate, watermark delay, open windows, incidents."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import HERE, ServerOption, ask

if TYPE_CHECKING:
    from rich.console import RenderableType


def command(
    server: ServerOption = HERE,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between pictures.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one picture as one JSON object and end.")
    ] = False,
) -> None:
    """Watch a running engine: rate, watermark delay, open windows, incidents.

    Without a terminal, and with `--once`, it prints one picture and ends.

    Example: streamgauge top --server http://127.0.0.1:8000
    """
    from streamgauge.cli._table import print_lines

    status = ask(server, "/api/v1/status")
    if json:
        print_lines([status])
    elif once or not sys.stdout.isatty():
        for line in plain(status):
            print(line)
    else:
        _watch(server, status, every)


def plain(status: Mapping[str, Any]) -> Iterator[str]:
    """A picture as lines."""
    yield headline(status)
    for title, names, rows in tables(status):
        yield ""
        yield title
        widths = (
            [max(map(len, column)) for column in zip(names, *rows, strict=True)] if rows else map(len, names)
        )
        widths = list(widths)
        for row in [names, *rows]:
            yield (
                "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )


def headline(status: Mapping[str, Any]) -> str:
    """The engine in one line."""
    from streamgauge.channels.wording import number_of

    store = status["store"]
    state = "ready" if status["ready"] else f"starting: {status['starting']}"
    refuses = f"  STORE REFUSES: {store['refuses']}" if store["refuses"] else ""
    return (
        f"streamgauge {status['version']}  {state}  up {_span(status['uptime_seconds'])}  "
        f"{number_of(store['commits'], 'commit')}, the last took {1000 * store['last_commit_seconds']:.0f} ms  "
        f"{number_of(status['incidents_open'], 'incident')} open, {status['incidents_opened']} since the start{refuses}"
    )


def tables(status: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str], list[list[str]]]]:
    """Title, columns and cells of streams, monitors and channels."""
    from streamgauge.channels.wording import printable

    def cells(rows: Iterable[Iterable[object]]) -> list[list[str]]:
        return [["-" if cell is None else printable(cell, 60) for cell in row] for row in rows]

    names: Sequence[str] = ("stream", "records/s", "records", "delay", "lag", "late", "dead letters", "")
    yield "streams", names, cells(map(_stream, status["streams"]))
    names = ("monitor", "stream", "state", "keys", "open windows", "open incidents", "last window")
    yield "monitors", names, cells(map(_monitor, status["monitors"]))
    names = ("channel", "waiting", "tries")
    yield "channels", names, cells(map(_channel, status["channels"]))


def _stream(stream: Mapping[str, Any]) -> list[object]:
    delay = stream["watermark_delay_seconds"]
    lag = stream["lag"]
    return [
        stream["name"],
        f"{stream['records_per_second']:,.0f}",
        f"{stream['records']:,}",
        None if delay is None else _span(delay),
        None if lag is None else f"{lag:,}",
        f"{stream['late']:,}",
        f"{stream['dead_letters']:,}",
        f"LOST: {stream['lost']}" if stream["lost"] else "",
    ]


def _monitor(monitor: Mapping[str, Any]) -> list[object]:
    paused = f"paused: {monitor['paused']}" if monitor.get("paused") else monitor["state"]
    counts = [monitor.get(name) for name in ("keys", "open_windows", "open_incidents")]
    shown = [None if count is None else f"{count:,}" for count in counts]
    return [monitor["name"], monitor["stream"], paused, *shown, monitor.get("last_window_end")]


def _channel(channel: Mapping[str, Any]) -> list[object]:
    tries = ", ".join(f"{count:,} {outcome}" for outcome, count in channel["tries"].items())
    return [channel["name"], f"{channel['waiting']:,}", tries]


def _span(seconds: float) -> str:
    """A duration as people glance at it."""
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02} h"
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def picture(status: Mapping[str, Any]) -> RenderableType:
    """A picture for a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(headline(status), style="bold")]
    for title, names, rows in tables(status):
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for name in names:
            table.add_column(name, justify="left")
        for row in rows:
            table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        parts.append(table)
    return Group(*parts)


def _style(cell: str) -> str:
    if cell.startswith(("firing", "LOST")):
        return "bold red"
    return "yellow" if cell.startswith("paused") else ""


def _watch(server: str, status: Mapping[str, Any], every: float) -> None:
    """Until interrupted; a server that goes away is said and waited for."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from streamgauge.errors import OutsideError

    with Live(picture(status), screen=True, refresh_per_second=4) as live:
        while True:
            time.sleep(every)
            try:
                status = ask(server, "/api/v1/status")
                live.update(picture(status))
            except OutsideError as error:
                live.update(Group(Text(str(error), style="bold red"), picture(status)))
