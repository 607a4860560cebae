"""Make, merge and show references: what drift is measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamgauge.cli import _reference_build as building
from streamgauge.cli._references import tell, write

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _verb() -> None:
    """Make, merge and show references: what drift is measured against.

    A reference holds bins, counts and quantiles of some columns, no rows; a few kB for each.

    Example: streamgauge reference build --from january.parquet --out payments.reference
    """


app.command("build")(building.command)


@app.command()
def merge(
    files: Annotated[
        list[Path], typer.Argument(metavar="REF", help="Two references or more.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="REF", help="Where the merged one is written.", show_default=False),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per column.")] = False,
) -> None:
    """Make one reference of several, as if built from all their rows.

    Rows, missing values, categories and frequent values add up exactly; edges and shares of other numbers lie within
    a point (1 % of the rows) of what all rows would give.

    Example: streamgauge reference merge january.reference february.reference --out both.reference
    """
    from streamgauge.statistics import reference, reference_file

    made = reference.merged([reference_file.load(path) for path in files])
    write(made, out)
    tell(made, json=json)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="REF", help="A reference.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per column.")] = False,
) -> None:
    """Show what a reference knows of each column.

    Example: streamgauge reference show payments.reference
    """
    from streamgauge.statistics import reference_file

    tell(reference_file.load(file), json=json)
