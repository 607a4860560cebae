"""Hand series over from Redis to PostgreSQL: written, compared, and only then removed."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import ConfigOption, JsonOption, load_file
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.handover.moving import Done, Handover, Progress

NameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="The stream or monitor whose series they are; default: the only one that names a history.",
        show_default=False,
    ),
]
Before = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT",
        help="Only samples before this moment (ISO 8601); default: now, less `keep` of the history.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what would be handed over; change nothing.")]


def command(
    name: NameArgument = None,
    config: ConfigOption = None,
    before: Before = None,
    dry_run: DryRun = False,
    json: JsonOption = False,
) -> None:
    """Hand series over from Redis to PostgreSQL: written, compared, and only then removed.

    It may be killed at any point and started again. A second one at the same time is refused (exit code 3).

    Example: streamgauge handover logs --config network.yaml
    """
    from streamgauge.cli._stopping import stopped

    if config is None:
        raise ConfigError("say which configuration it is: `--config FILE`")
    shown = _Shown()
    with stopped() as asked:
        task = _task(load_file(config), name, before)
        task.progress, task.stop = shown.at, asked
        done = task.run(dry=dry_run)
        shown.end()
        _tell(task, done, dry=dry_run, json=json)
        if asked():
            print("stopped in between; start it again for the rest", file=sys.stderr)
            raise SystemExit(130)


def _task(config: Config, name: str | None, before: str | None) -> Handover:
    """What is to be handed over."""
    from streamgauge.clock import SystemClock, to_micros
    from streamgauge.engines.outgoing.refill import sink_of
    from streamgauge.engines.outgoing.row_making import written_columns
    from streamgauge.handover.moving import Handover, check

    sink, settings = sink_of(config, name or _only(config))
    found = check(settings, sink)
    assert found.history is not None
    kept = to_micros(found.history.keep)
    moment = SystemClock().now() - kept if before is None else _moment(before)
    columns = found.numbers(written_columns(config)[sink])
    return Handover(sink, found, columns, moment // 1000)


def _only(config: Config) -> str:
    """The sink that names a history, where no other does."""
    sinks = {f"stream {name}": stream.write for name, stream in config.streams.items()}
    sinks |= {f"monitor {name}": monitor.write for name, monitor in config.monitors.items()}
    found = [name for name, sink in sinks.items() if getattr(sink, "history", None) is not None]
    if len(found) != 1:
        there = f"there are {', '.join(found)}; name one" if found else "no `write:` has a `history`"
        raise ConfigError(f"it is not clear whose series are meant: {there}")
    return found[0]


def _moment(text: str) -> int:
    from datetime import UTC, datetime

    from streamgauge.clock import to_micros

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"--before: `{text}` is no moment; write ISO 8601, such as 2026-03-02T10:00:00Z"
        ) from None
    return to_micros(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def _tell(task: Handover, done: Done, *, dry: bool, json: bool) -> None:
    from streamgauge.cli._table import print_lines
    from streamgauge.clock import iso

    line: dict[str, Any] = {
        "sink": task.sink,
        "before": iso(task.before * 1000),
        "dry_run": dry,
        **asdict(done),
    }
    if json:
        print_lines([line])
        return
    assert task.settings.history is not None
    what = f"{done.points:,} samples of {done.series:,} series of {task.sink} before {line['before']}"
    if dry:
        print(f"{what} would go to table {task.settings.history.table}; nothing was changed")
        return
    print(f"{what}: in table {task.settings.history.table}, compared, and removed from Redis")
    if done.points:
        print(f"sha256 of both sides: {done.checksum}")
    if done.left:
        print(f"{done.left:,} samples kept changing and stay for the next time", file=sys.stderr)


class _Shown:
    """Samples done, rate and time left, on a terminal's last line."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._on = sys.stderr.isatty()

    def at(self, progress: Progress) -> None:
        """It is so far."""
        now = time.monotonic()
        if not self._on or now - self._told < 0.2:
            return
        self._told = now
        rate = progress.done / (now - self._began)
        left = (progress.total - progress.done) / rate if rate else 0
        text = f"{progress.done:,} of {progress.total:,} samples, {rate:,.0f} per second, {left:.0f} s left"
        print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line is cleared."""
        if self._on:
            print(f"\r{'':<70}\r", end="", file=sys.stderr, flush=True)
