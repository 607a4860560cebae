"""Ask how a system is now, and say what is wrong and what to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._packs import Brokers, Given, Packs, configured
from streamgauge.cli._store import JsonOption

if TYPE_CHECKING:
    from datetime import timedelta

    from streamgauge.health.judging import Standing


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)
    ] = None,
    pack: Packs = None,
    brokers: Brokers = None,
    set_: Given = None,
    looks: Annotated[int, typer.Option(min=1, help="How often each system is asked.")] = 2,
    every: Annotated[str, typer.Option(metavar="DURATION", help="The time between two.")] = "2s",
    json: JsonOption = False,
) -> None:
    """Ask how a system is now, and say what is wrong and what to do.

    Asks what the pollers of a pack or a file ask, read-only, and needs no running engine. Ends with 1 if something is
    wrong, with 3 if something cannot be reached.

    Example: streamgauge health --pack kafka --brokers localhost:9092
    """
    from streamgauge.clock import SystemClock
    from streamgauge.errors import ConfigError
    from streamgauge.health.judging import exit_code, judge
    from streamgauge.health.looking import look, polled
    from streamgauge.logs import set_up
    from streamgauge.packs import addresses

    if file is None and not pack:
        raise ConfigError("say what to look at: `health --pack kafka`, `health FILE`, or both")
    set_up(level="error")
    config = configured(file, pack or [], brokers, set_ or [])
    if not polled(config):
        raise ConfigError(
            "no stream asks a system: `health` looks at pollers, such as kafka_lag; see docs/sources"
        )
    found = judge(config, look(config, looks, _duration(every), SystemClock()), addresses(pack or []))
    _print(found, json=json)
    raise typer.Exit(exit_code(found))


def _duration(text: str) -> timedelta:
    from streamgauge.clock import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--every") from None


def _print(found: list[Standing], *, json: bool) -> None:
    from dataclasses import asdict

    from streamgauge.cli._table import print_lines, print_table

    if json:
        print_lines(asdict(one) for one in found)
        return
    rows = [_row(one) for one in found if one.state != "ok" or one.key is None]
    print_table(["what", "state", "why", "what to do"], [*rows, *_fine(found)], "there is nothing to look at")


def _row(one: Standing) -> tuple[str, str, str, str]:
    return f"{one.what} {_key(one.key)}".strip(), one.state, one.why, one.do


def _fine(found: list[Standing]) -> list[tuple[str, str, str, str]]:
    """One row for all keys of a monitor that are well; which ones, `--json` says."""
    every = Counter(one.what for one in found if one.key is not None)
    fine = Counter(one.what for one in found if one.key is not None and one.state == "ok")
    return [(what, "ok", f"{count} of {every[what]}", "") for what, count in fine.items()]


def _key(key: Any) -> str:
    if key is None:
        return ""
    return " · ".join(map(str, key)) if isinstance(key, list | tuple) else str(key)
