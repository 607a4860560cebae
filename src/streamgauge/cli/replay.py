"""Run a configuration over recorded streams and print what would have happened."""

from __future__ import annotations

import json as _json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

if TYPE_CHECKING:
    from streamgauge.config import Config
    from streamgauge.engines.replay.replay import Replayed


StreamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stream",
        metavar="NAME=PATH",
        help="Records of a stream: a path or a glob; may be repeated. Default: the files that streams read.",
        show_default=False,
    ),
]
RefillOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Write the rows that the sink of this monitor or stream dropped, from its source's records.",
        show_default=False,
    ),
]
OffsetsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PARTITION=FIRST-LAST",
        help="The records whose rows to write; default: as the newest incident `sink overflow` says.",
        show_default=False,
    ),
]


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    stream: StreamOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line: windows, verdicts, incidents, …")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Records per step; changes only the speed.")
    ] = 20_000,
    no_flush: Annotated[
        bool, typer.Option("--no-flush", help="Leave windows unreported that are open at the end.")
    ] = False,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="End with 1 if there is any: incident, dead-letter or late.")
    ] = None,
    refill: RefillOption = None,
    offsets: OffsetsOption = None,
) -> None:
    """Run a configuration over recorded streams and print what would have happened.

    The same engine as `run`, with time from the records: nothing is sent, nothing is stored, and the same
    records give the same bytes every time.

    Example: streamgauge replay payments.yaml --stream payments=yesterday.ndjson.gz
    """
    from streamgauge import api

    if refill is not None:
        _refill(file, refill, offsets or [], bool(stream))
        return
    if offsets:
        raise typer.BadParameter("it fits --refill; write --stream NAME=PATH", param_hint="--offsets")
    named = _named(stream or [])
    wrong = sorted(set(fail_on or ()) - {"incident", "dead-letter", "late"})
    if wrong:
        raise typer.BadParameter(
            f"{wrong[0]!r} is none of incident, dead-letter, late", param_hint="--fail-on"
        )
    config = api.load(file)
    with _Progress() as progress:
        result = api.replay(
            config,
            named or _own_files(config),
            batch_size=batch_size,
            flush=not no_flush,
            progress=progress.to,
        )
    if json:
        sys.stdout.writelines(_json.dumps(line, ensure_ascii=False) + "\n" for line in result.lines)
    else:
        _tell(result)
    counts = result.lines[-1]
    found = {"incident": counts["incidents"], "dead-letter": counts["dead_letters"], "late": counts["late"]}
    if any(found[what] for what in fail_on or ()):
        raise typer.Exit(1)


def _named(given: list[str]) -> dict[str, list[str]]:
    streams: dict[str, list[str]] = {}
    for text in given:
        name, separator, path = text.partition("=")
        if not separator or not path:
            raise typer.BadParameter(
                f"{text!r}: write NAME=PATH, such as payments=payments.ndjson", param_hint="--stream"
            )
        streams.setdefault(name, []).append(path)
    return streams


def _own_files(config: Config) -> dict[str, list[str]]:
    """The files that streams read anyway: what is replayed where nothing is named."""
    from streamgauge.sources.files import Config as FilesConfig

    sources = {name: stream.source for name, stream in config.streams.items()}
    files: dict[str, list[str]] = {
        name: [*source.path] for name, source in sources.items() if isinstance(source, FilesConfig)
    }
    if not files:
        name = next(iter(sources), "NAME")
        raise typer.BadParameter(
            f"name the records to replay, since no stream reads files; write --stream {name}=PATH",
            param_hint="--stream",
        )
    return files


def _refill(file: Path, name: str, offsets: list[str], streams: bool) -> None:
    from streamgauge.clock import SystemClock
    from streamgauge.config import load
    from streamgauge.engines.outgoing.refill import refill, sink_of

    if streams:
        raise typer.BadParameter(
            "with --refill the records come from the stream's own source", param_hint="--stream"
        )
    config = load(file)
    sink, settings = sink_of(config, name)
    ranges = _ranges(offsets) or _told_ranges(config.store.url, sink)
    for place, (first, last) in ranges.items():
        print(f"records {first} to {last} of {place}", file=sys.stderr)
    with _Progress() as progress:
        done = refill(config, sink, settings, ranges, SystemClock(), progress.to)
    more = f", {done.refused:,} refused for good" if done.refused else ""
    print(f"{done.records:,} records read, {done.written:,} rows of {sink} written{more}")


def _ranges(texts: list[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for text in texts:
        place, _, span = text.rpartition("=")
        first, _, last = span.partition("-")
        if not place or not first.isdigit() or not last.isdigit() or int(last) < int(first):
            message = f"{text!r}: write PARTITION=FIRST-LAST, such as payments:3=1200-4711"
            raise typer.BadParameter(message, param_hint="--offsets")
        found[place] = int(first), int(last)
    return found


def _told_ranges(store: str, sink: str) -> dict[str, tuple[int, int]]:
    """What the newest incident `sink overflow` says.

    Raises:
        ConfigError: there is none.
    """
    from streamgauge.engines.embedded.mishaps import SINK_OVERFLOW
    from streamgauge.errors import ConfigError
    from streamgauge.stores import open_reading

    look = open_reading(store)
    try:
        kind, _, name = sink.partition(" ")
        told = look.incidents(monitor=name if kind == "monitor" else sink, limit=10_000)
    finally:
        look.close()
    newest = next((incident for incident in told if incident.kind == SINK_OVERFLOW), None)
    if newest is None:
        message = f"no incident `{SINK_OVERFLOW}` of {sink} is known; say which records: --offsets PARTITION=FIRST-LAST"
        raise ConfigError(message)
    return {place: (first, last) for place, (first, last) in newest.evidence["offsets"].items()}


def _tell(result: Replayed) -> None:
    from streamgauge.channels.console import render
    from streamgauge.channels.wording import number_of

    for line in result.lines:
        if line["kind"] == "incident":
            print(render(line))
            print()
    counts = result.lines[-1]
    print(
        f"{number_of(counts['records'], 'record')}, {number_of(counts['windows'], 'window')}, "
        f"{number_of(counts['incidents'], 'incident')}, {counts['late']:,} late, "
        f"{number_of(counts['dead_letters'], 'dead letter')}"
    )


class _Progress:
    """A counter on standard error while a terminal looks on; nothing otherwise."""

    def __enter__(self) -> Self:
        self._shown = sys.stderr.isatty()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr)

    def to(self, records: int) -> None:
        """Show how many records have passed."""
        if self._shown:
            print(f"\r{records:,} records", end="", file=sys.stderr, flush=True)
