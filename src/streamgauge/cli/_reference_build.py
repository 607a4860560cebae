"""``streamgauge reference build``: from a file or a topic to a reference."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from streamgauge.cli._topics import ConsumerConfig, Offsets

if TYPE_CHECKING:
    from streamgauge.statistics.binning import Binning
    from streamgauge.statistics.columns import Table


From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="FILE|TOPIC",
        help="A .parquet, .csv or .ndjson file, or with --brokers a topic.",
        show_default=False,
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="REF", help="Where the reference is written.", show_default=False)
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="NAMES",
        help="Columns, with commas; default: all but texts that name single records.",
        show_default=False,
    ),
]
Numbered = Annotated[
    str | None,
    typer.Option(
        "--categories", metavar="NAMES", help="Columns of numbers that are names.", show_default=False
    ),
]
How = Annotated[
    str, typer.Option("--binning", help="How numbers become bins: quantile, width, or fixed with --edges.")
]
Many = Annotated[int, typer.Option("--bins", help="Bins of a column of numbers.", min=2, max=1000)]
Edges = Annotated[
    list[str] | None,
    typer.Option(
        "--edges", metavar="NAME=A,B,…", help="For fixed: the inner edges of a column.", show_default=False
    ),
]
Brokers = Annotated[
    str | None,
    typer.Option("--brokers", metavar="HOST:PORT", help="Read a topic of these brokers.", show_default=False),
]
Rows = Annotated[
    int | None,
    typer.Option(
        "--rows",
        help="At most so many rows: a file's first, a topic's newest (100,000).",
        min=1,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per column.")]


def command(  # noqa: PLR0917  typer's options are its parameters
    source: From,
    out: Out,
    features: Features = None,
    categories: Numbered = None,
    binning: How = "quantile",
    bins: Many = 10,
    edges: Edges = None,
    brokers: Brokers = None,
    rows: Rows = None,
    offsets: Offsets = None,
    consumer_config: ConsumerConfig = None,
    json: Json = False,
) -> None:
    """Make a reference of a file's or a topic's columns.

    Example: streamgauge reference build --from january.parquet --out payments.reference --features amount,country
    """
    from streamgauge.cli._bar import steps
    from streamgauge.cli._references import tell, write
    from streamgauge.errors import ConfigError
    from streamgauge.statistics import reference as references

    with steps(1, quiet=json) as begins:
        begins(f"reading {source}")
        table = _table(source, _names(features), (brokers, consumer_config), (rows, offsets))
    if not table.length:
        raise ConfigError(f"{source} holds no records, and a reference needs some")
    left_out = [] if features is not None else table.passing(_names(categories) or [])
    if left_out:
        table = table.chosen([name for name in table.columns if name not in left_out])
    table = table.as_categories(_names(categories) or [])
    if binning not in ("quantile", "width", "fixed"):
        raise ConfigError(f"--binning: expected quantile, width or fixed, got {binning}")
    recipe = references.Recipe(cast("Binning", binning), bins, _edges(edges))
    try:
        with steps(len(table.columns), quiet=json) as begins:
            made = references.build(table.columns, recipe, table.booleans, begins)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    write(made, out)
    tell(made, json=json)
    if left_out and not json:
        print(f"left out, since nearly each row has its own: {', '.join(left_out)} (--features takes them)")


def _table(
    source: str,
    names: Sequence[str] | None,
    brokers: tuple[str | None, Path | None],
    records: tuple[int | None, str | None],
) -> Table:
    from streamgauge.cli._topics import columns_of, topic_config
    from streamgauge.errors import ConfigError
    from streamgauge.sources.table_files import read_table
    from streamgauge.statistics.columns import table

    if brokers[0] is not None:
        return table(columns_of(topic_config(source, brokers[0], brokers[1]), *records)).chosen(names)
    if brokers[1] is not None or records[1] is not None:
        raise ConfigError("`--offsets` and `--consumer-config` are of a topic: say of which --brokers")
    frame, unreadable = read_table(Path(source), names, records[0])
    if unreadable:
        print(f"{source}: {unreadable:,} lines are no records and were left out", file=sys.stderr)
    return table(frame)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _edges(given: Sequence[str] | None) -> dict[str, list[float]] | None:
    from streamgauge.errors import ConfigError

    found = {}
    for text in given or ():
        name, _, numbers = text.partition("=")
        try:
            found[name] = [float(number) for number in numbers.split(",")]
        except ValueError:
            raise ConfigError(f"--edges: expected NAME=1,2,3, got {text}") from None
    return found or None
