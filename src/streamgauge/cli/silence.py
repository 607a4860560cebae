"""Make, list and take back silences: times at which some incidents are not told."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from streamgauge.cli._store import HERE, JsonOption, ServerOption, ask, tell
from streamgauge.errors import ConfigError

EVER = "1970-01-01T00:00:00.000Z"
"""Since when maintenance is there that names no beginning."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Also those that have ended.")] = False,
    server: ServerOption = HERE,
    json: JsonOption = False,
) -> None:
    """Make, list and take back silences: times at which some incidents are not told.

    Without a further word, lists them.

    Example: streamgauge silence add monitor=burst country=CH --for 2h --comment "load test"
    """
    if context.invoked_subcommand is None:
        _list(server, over=over, json=json)


@app.command("list")
def listed(
    over: Annotated[bool, typer.Option("--over", help="Also those that have ended.")] = False,
    server: ServerOption = HERE,
    json: JsonOption = False,
) -> None:
    """List them.

    Example: streamgauge silence list --json
    """
    _list(server, over=over, json=json)


@app.command("add")
def add(
    matchers: Annotated[
        list[str],
        typer.Argument(metavar="MATCHER", help="Such as severity=warning or account=~a-.*; all must hold."),
    ],
    *,
    for_: Annotated[
        str | None, typer.Option("--for", help="For how long, such as 2h.", show_default=False)
    ] = None,
    start: Annotated[str | None, typer.Option(help="From when on; default: now.", show_default=False)] = None,
    end: Annotated[str | None, typer.Option(help="Until when.", show_default=False)] = None,
    weekly: Annotated[
        str | None, typer.Option(help='Only then, such as "mon-fri 02:00-04:00".', show_default=False)
    ] = None,
    zone: Annotated[str, typer.Option(help="The time zone of --weekly.")] = "UTC",
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Also where it mutes everything.")] = False,
    who: Annotated[
        str | None,
        typer.Option("--as", metavar="WHO", help="Who you are; default: your login.", show_default=False),
    ] = None,
    server: ServerOption = HERE,
    json: JsonOption = False,
) -> None:
    """Make one; it mutes once this prints.

    Example: streamgauge silence add team=web --weekly "sat,sun 22:00-06:00" --zone Europe/Berlin
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.cli.ack import _login

    if for_ is not None and end is not None:
        raise ConfigError("`--for` and `--end` both say when it ends: give one of them")
    body = {
        "matchers": matchers,
        "for": for_,
        "start": _moment("--start", start),
        "end": _moment("--end", end),
        "weekly": weekly,
        "zone": zone,
        "comment": comment,
        "everything": yes,
        "who": who or _login(),
    }
    answer = tell(server, "/api/v1/silences", body)
    if json:
        print_lines([answer])
    else:
        until = f" until {answer['end']}" if answer["end"] else ""
        print(f"silence {answer['id']} is {answer['state']}{until}: {' '.join(answer['matchers'])}")
        for doubt in answer.get("doubts", ()):
            print(f"warning: {doubt}", file=sys.stderr)


@app.command("expire")
def expire(
    silence: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id.")],
    server: ServerOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take one back; what it muted and fires still is told.

    Example: streamgauge silence expire 3f9c01ab
    """
    from streamgauge.cli._table import print_lines

    answer = tell(server, f"/api/v1/silences/{quote(silence, safe='')}/expire", {})
    if json:
        print_lines([answer])
    else:
        print(f"silence {answer['id']} is over: {' '.join(answer['matchers'])}")


def _list(server: str, *, over: bool, json: bool) -> None:
    from streamgauge.cli._table import print_lines, print_table

    found = ask(server, "/api/v1/silences", over=str(over).lower())["silences"]
    if json:
        print_lines(found)
        return
    names = ("id", "state", "matchers", "start", "end", "weekly", "author", "comment")
    print_table(names, [_row(each, names) for each in found], "no silences")


def _row(silence: dict[str, Any], names: tuple[str, ...]) -> list[object]:
    shown = {**silence, "matchers": " ".join(silence["matchers"])}
    if shown["start"] == EVER:
        shown["start"] = None
    return [shown[name] for name in names]


def _moment(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is no moment such as 2026-01-31T12:00:00Z") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).isoformat()
