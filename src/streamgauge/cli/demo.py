"""See it happen: invented payments with planted faults, found and told while you look on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SECONDS = 48
"""How long the stream lasts unless told otherwise: the last fault's windows have closed by then."""


def command(  # noqa: PLR0917  typer's options are its parameters
    records: Annotated[
        int | None,
        typer.Option(min=1, help=f"How many; default: {SECONDS} s of them.", show_default=False),
    ] = None,
    rate: Annotated[float, typer.Option(min=100, help="Records per second.")] = 2000.0,
    seed: Annotated[int, typer.Option(min=0, help="Which day; other faults with another seed.")] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Of /metrics and /api; default: 8000, else a free one.", show_default=False
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Leave the file, the store and the log there.", show_default=False
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the table as one JSON object per line.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines instead of the live view.")] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave the pages up at the end, until Ctrl-C.")
    ] = False,
    ui: Annotated[
        bool, typer.Option("--ui", help="Serve the analysis app too, at port 8501 or a free one; stays.")
    ] = False,
) -> None:
    """See it happen: invented payments with planted faults, found and told while you look on.

    Payments at 2,000 a second for 48 s, in which five faults are planted, go the whole way: rules in a file,
    the engine, its store, and a webhook that the demo starts itself. Nothing else is needed. At the end it
    tells what was planted and what was found; it ends with 1 if a fault was missed or one was invented.

    Example: streamgauge demo --keep demo
    """
    from streamgauge.demo.play import Manner, play
    from streamgauge.demo.stage import Play

    chosen = records if records is not None else round(SECONDS * rate)
    raise typer.Exit(play(Play(chosen, rate, seed), Manner(port, keep, json, plain, stay, ui)))
