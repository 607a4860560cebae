"""List channels, and send one a notice to see whether it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import JsonOption, load_file

if TYPE_CHECKING:
    from streamgauge.channels.contract import Answer
    from streamgauge.config.models import Config

File = Annotated[
    Path,
    typer.Option(
        "--config", metavar="FILE", help="The configuration that declares them.", show_default=False
    ),
]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The configuration that declares them.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List channels, and send one a notice to see whether it arrives.

    Example: streamgauge channels test ops --config payments.yaml
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.errors import ConfigError

    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise ConfigError(
            "name the configuration whose channels you mean: `streamgauge channels --config FILE`"
        )
    found = _listed(load_file(config))
    if json:
        print_lines(found)
    else:
        rows = [[one["name"], one["type"], ", ".join(one["told_by"])] for one in found]
        print_table(("name", "type", "told by"), rows, "no channels")


@app.command("test")
def trial(
    name: Annotated[str, typer.Argument(help="The channel.", show_default=False)],
    config: File,
    json: JsonOption = False,
) -> None:
    """Send a channel the beginning and the end of an incident that is none, and say what it answered.

    It goes out for real, marked as a test, from here and not through the outbox. Ends with 1 unless both arrived.

    Example: streamgauge channels test ops --config payments.yaml
    """
    from streamgauge.channels.contract import Result
    from streamgauge.cli._table import print_lines
    from streamgauge.clock import SystemClock
    from streamgauge.engines.outgoing.told import open_channel
    from streamgauge.errors import ConfigError
    from streamgauge.settings import nearest

    loaded = load_file(config)
    if name not in loaded.channels and name != "console":
        raise ConfigError(f"there is no channel {name!r}; {nearest(name, [*loaded.channels, 'console'])}")
    clock = SystemClock()
    channel = open_channel(loaded, name, clock)
    try:
        answers = []
        for notice in notices(clock.now()):
            answers.append((notice["status"], channel.send(notice)))
            if answers[-1][1].result is not Result.DELIVERED:
                break
    finally:
        channel.close()
    if json:
        print_lines(_as_json(name, status, answer) for status, answer in answers)
    else:
        for status, answer in answers:
            print(_told(status, answer))
    if any(answer.result is not Result.DELIVERED for _, answer in answers):
        raise typer.Exit(1)


def notices(now: int) -> list[dict[str, Any]]:
    """The beginning and the end of an incident that says what it is; ``now`` is the wall clock."""
    from dataclasses import replace

    from streamgauge.incident import Incident, IncidentState, Notice

    begun = Incident(
        monitor="channel-test", key="test", kind="verdict", episode=now, state=IncidentState.FIRING,
        severity="warning", opened_at=now, title="this is a test of the channel: nothing is wrong",
        observed={"test": 1}, expected="nobody has to do anything",
    )  # fmt: skip
    over = replace(begun, state=IncidentState.RESOLVED, resolved_at=now + 1_000_000, reason="recovered")
    return [Notice(begun, 1, "test").as_json(), Notice(over, 2, "test").as_json()]


def _listed(config: Config) -> list[dict[str, Any]]:
    told: dict[str, list[str]] = {name: [] for name in config.channels}
    for monitor, settings in config.monitors.items():
        for name in filter(None, config.notified(settings)):
            told.setdefault(name, []).append(monitor)
    return [
        {"name": name, "type": config.channel(name).type, "told_by": monitors}
        for name, monitors in sorted(told.items())
    ]


def _as_json(name: str, status: str, answer: Answer) -> dict[str, Any]:
    wait = None if answer.wait is None else answer.wait.total_seconds()
    return {
        "channel": name,
        "notice": status,
        "result": str(answer.result),
        "detail": answer.detail,
        "wait_seconds": wait,
    }


def _told(status: str, answer: Answer) -> str:
    from streamgauge.clock import format_duration

    which = "the beginning" if status == "firing" else "the end"
    wait = "" if answer.wait is None else f"; it asks to wait {format_duration(answer.wait)}"
    return f"{which}: {answer.result}{f' ({answer.detail})' if answer.detail else ''}{wait}"
