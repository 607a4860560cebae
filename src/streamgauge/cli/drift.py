"""Compare a file or a topic with a reference, feature by feature."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._topics import ConsumerConfig, Offsets

if TYPE_CHECKING:
    from streamgauge.detectors.once import Drift


class Failing(StrEnum):
    """What ends with 1."""

    drift = "drift"


ReferenceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="REFERENCE", help="A reference, or a .parquet, .csv or .ndjson file.", show_default=False
    ),
]
CurrentArgument = Annotated[
    str,
    typer.Argument(
        metavar="CURRENT",
        help="A .parquet, .csv or .ndjson file, or with --brokers a topic.",
        show_default=False,
    ),
]
Brokers = Annotated[
    str | None,
    typer.Option("--brokers", metavar="HOST:PORT", help="Read a topic of these brokers.", show_default=False),
]
Rows = Annotated[
    int | None,
    typer.Option("--rows", help="Of a topic the newest so many (100,000).", min=1, show_default=False),
]
Method = Annotated[str, typer.Option("--method", help="A drift detector's name.")]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="NAMES",
        help="Columns, with commas; default: all of the reference.",
        show_default=False,
    ),
]
Warning_ = Annotated[
    float | None,
    typer.Option("--warning", help="Limit of `possible_drift`; default: the detector's.", show_default=False),
]
Critical = Annotated[
    float | None,
    typer.Option("--critical", help="Limit of `drift`; default: the detector's.", show_default=False),
]
Least = Annotated[int, typer.Option("--min", help="Fewer rows are not enough.", min=1)]
FailOn = Annotated[
    list[Failing] | None,
    typer.Option("--fail-on", help="End with 1 if any feature drifted.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per feature, then one for all.")]


def command(  # noqa: PLR0917  typer's options are its parameters
    reference: ReferenceArgument,
    current: CurrentArgument,
    brokers: Brokers = None,
    rows: Rows = None,
    offsets: Offsets = None,
    consumer_config: ConsumerConfig = None,
    method: Method = "psi",
    features: Features = None,
    warning: Warning_ = None,
    critical: Critical = None,
    least: Least = 100,
    fail_on: FailOn = None,
    json: Json = False,
) -> None:
    """Compare a file or a topic with a reference, feature by feature.

    Prints value, floor (what chance alone may do with so many rows) and state of each feature, and what moved. Ends with 0
    whatever it finds, unless `--fail-on drift` is given.

    Example: streamgauge drift payments.reference february.parquet
    """
    import streamgauge
    from streamgauge.statistics import reference_file

    given: Any = reference
    if reference.exists() and not reference_file.is_reference(reference) and reference.suffix != ".reference":
        given = _read(reference)
    config: dict[str, Any] = {
        "warning": warning,
        "critical": critical,
        "features": features and features.split(","),
    }
    asked: dict[str, Any] = {key: value for key, value in config.items() if value is not None}
    now = _current(current, (brokers, consumer_config), (rows, offsets))
    found = streamgauge.drift(given, now, method, min=least, **asked)
    _print(found, json=json)
    drifted = found.overall["severity"] in ("warning", "critical")
    if drifted and fail_on:
        raise typer.Exit(1)


def _current(
    text: str, brokers: tuple[str | None, Path | None], records: tuple[int | None, str | None]
) -> Any:
    """The columns of a file or of a topic."""
    from streamgauge.cli._topics import columns_of, topic_config
    from streamgauge.errors import ConfigError

    if brokers[0] is not None:
        return columns_of(topic_config(text, brokers[0], brokers[1]), *records)
    if brokers[1] is not None or records != (None, None):
        raise ConfigError(
            "`--rows`, `--offsets` and `--consumer-config` are of a topic: say of which --brokers"
        )
    return _read(Path(text))


def _read(path: Path) -> Any:
    """A file's columns; says how many lines were none."""
    from streamgauge.sources.table_files import read_table

    frame, unreadable = read_table(path)
    if unreadable:
        print(f"{path}: {unreadable:,} lines are no records and were left out", file=sys.stderr)
    return frame


def _print(found: Drift, *, json: bool) -> None:
    from streamgauge.cli._table import print_lines, print_table

    if json:
        print_lines([{"kind": "feature", "method": found.method, **row} for row in found])
        print_lines([{"kind": "overall", "method": found.method, **found.overall}])
        return
    rows = [
        [row["feature"], _number(row["value"]), _number(row["floor"]), row["state"], _moved(row)]
        for row in sorted(found, key=lambda row: -(row["value"] or 0.0))
    ]
    print_table(["feature", found.method, "floor", "state", "moved"], rows, "no columns")
    overall = found.overall
    share = (
        ""
        if overall["drifted"] is None
        else f", {overall['drifted']:.0%} of {overall['features']} features drifted"
    )
    worst = f"worst is {overall['worst']}{share}; " if overall["value"] is not None else ""
    print(f"{overall['severity']}: {worst}{overall['rows']} rows compared")
    for key, why in (
        ("not_compared", "not compared, since the reference lacks them: {}"),
        ("not_numbers", f"not compared, since {found.method} compares numbers: {{}}"),
        ("left_out", "left out, since nearly each row has its own: {} (--features takes them)"),
    ):
        if overall[key]:
            print(why.format(", ".join(overall[key])))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _moved(row: Mapping[str, Any]) -> str:
    told = []
    for one in row.get("moved", ()):
        name = next(f"{one[key]}" for key in ("bin", "of", "at_most") if key in one)
        name = f"<= {name}" if "at_most" in one else name
        told.append(f"{name}: {one['reference']:g} → {one['current']:g}")
    if "unseen" in row:
        told.append(
            "unseen: " + ", ".join(f"{name} ({count})" for name, count in list(row["unseen"].items())[:5])
        )
    if "missing" in row:
        told.append(f"missing: {row['missing']['reference']:g} → {row['missing']['current']:g}")
    return "; ".join(told)
