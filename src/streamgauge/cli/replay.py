"""Run a configuration over recorded streams and print what would have happened."""

from __future__ import annotations

import json as _json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

if TYPE_CHECKING:
    from streamgauge.engines.replay import Replayed


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    stream: Annotated[
        list[str],
        typer.Option(
            "--stream",
            metavar="NAME=PATH",
            help="Records of a stream: a path or a glob; may be repeated.",
            show_default=False,
        ),
    ],
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
) -> None:
    """Run a configuration over recorded streams and print what would have happened.

    The same engine as `run`, with time from the records: nothing is sent, nothing is stored, and the same
    records give the same bytes every time.

    Example: streamgauge replay payments.yaml --stream payments=yesterday.ndjson.gz
    """
    from streamgauge import api

    streams: dict[str, list[str | Path]] = {}
    for given in stream:
        name, separator, path = given.partition("=")
        if not separator or not path:
            raise typer.BadParameter(
                f"{given!r}: write NAME=PATH, such as payments=payments.ndjson", param_hint="--stream"
            )
        streams.setdefault(name, []).append(path)
    wrong = sorted(set(fail_on or ()) - {"incident", "dead-letter", "late"})
    if wrong:
        raise typer.BadParameter(
            f"{wrong[0]!r} is none of incident, dead-letter, late", param_hint="--fail-on"
        )
    with _Progress() as progress:
        result = api.replay(
            api.load(file), streams, batch_size=batch_size, flush=not no_flush, progress=progress.to
        )
    if json:
        sys.stdout.writelines(_json.dumps(line, ensure_ascii=False) + "\n" for line in result.lines)
    else:
        _tell(result)
    counts = result.lines[-1]
    found = {"incident": counts["incidents"], "dead-letter": counts["dead_letters"], "late": counts["late"]}
    if any(found[what] for what in fail_on or ()):
        raise typer.Exit(1)


def _tell(result: Replayed) -> None:
    from streamgauge.channels.console import render

    for line in result.lines:
        if line["kind"] == "incident":
            print(render(line))
            print()
    counts = result.lines[-1]
    print(
        f"{counts['records']:,} records, {counts['windows']:,} windows, {counts['incidents']:,} incidents, "
        f"{counts['late']:,} late, {counts['dead_letters']:,} dead letters"
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
