"""Make the topics, tables and series that a configuration writes to, where they are missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._store import JsonOption, load_file

if TYPE_CHECKING:
    from streamgauge.sinks.contract import Prepared

KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY",
        help="Make the series of this key; may be repeated. Default: the keys that a `places` of the file names.",
        show_default=False,
    ),
]


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    key: KeyOption = None,
    json: JsonOption = False,
) -> None:
    """Make the topics, tables and series that a configuration writes to, where they are missing.

    What is there stays as it is, so it may be run as often as one likes. Nothing of it is needed before `run`, which
    makes each with its first row: it is for whoever reads them before, or may make nothing later.

    Example: streamgauge prepare network.yaml --key 10.0.0.1
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.engines.outgoing.preparing import placed, prepare

    config = load_file(file)
    made = there = 0
    for sink, one in prepare(config, placed(config) if key is None else key):
        made, there = made + one.made, there + (not one.made)
        if json:
            print_lines([{"sink": sink, "kind": one.kind, "name": one.name, "made": one.made}])
        else:
            print(_line(sink, one), flush=True)
    if not json:
        print(f"{made} made, {there} were there")


def _line(sink: str, one: Prepared) -> str:
    return f"{'made' if one.made else 'there':<6}{one.kind} {one.name} of {sink}"
