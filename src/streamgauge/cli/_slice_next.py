"""``streamgauge slice next``: which records of a topic are to be worked on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import JsonOption
from streamgauge.cli._topics import ConsumerConfig

if TYPE_CHECKING:
    from streamgauge.sources.kafka.bookmark import Bookmark, Taken

Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="The topic.", show_default=False)]
Brokers = Annotated[
    str, typer.Option("--brokers", metavar="HOST:PORT", help="Its brokers.", show_default=False)
]
Group = Annotated[
    str,
    typer.Option(
        "--group", metavar="NAME", help="Whose slices they are; nothing else reads in it.", show_default=False
    ),
]
Rows = Annotated[int, typer.Option("--rows", help="At most so many records.", min=1)]
Least = Annotated[int, typer.Option("--min", help="While fewer wait there is no new slice.", min=1)]


def command(  # noqa: PLR0917  typer's options are its parameters
    topic: Topic,
    brokers: Brokers,
    group: Group,
    rows: Rows = 10_000,
    least: Least = 1,
    consumer_config: ConsumerConfig = None,
    json: JsonOption = False,
) -> None:
    """Print the slice to work on: the one that is not done yet, else the next one; nothing where too few records wait.

    Example: streamgauge slice next payments --brokers localhost:9092 --group drift-job --min 100 --json
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.sources.kafka.ranges import text_of

    with bookmark_of(topic, brokers, group, consumer_config) as bookmark:
        taken = bookmark.next(rows, least)
    if taken.lost:
        print(f"{taken.lost:,} records of {topic} were removed before anybody took them", file=sys.stderr)
    if json:
        print_lines([_row(topic, taken)])
    elif taken.ranges:
        print(text_of(taken.ranges))


def bookmark_of(topic: str, brokers: str, group: str, settings: Path | None) -> Bookmark:
    """How far a group of jobs has come.

    Raises:
        ConfigError: a setting is none.
        OutsideError: the file of settings cannot be read.
    """
    from streamgauge.cli._topics import topic_config
    from streamgauge.clock import SystemClock
    from streamgauge.sources.kafka.bookmark import Bookmark

    return Bookmark(topic_config(topic, brokers, settings, group), SystemClock())


def _row(topic: str, taken: Taken) -> dict[str, Any]:
    from streamgauge.clock import iso
    from streamgauge.sources.kafka.ranges import records_of, text_of

    return {
        "topic": topic,
        "slice": text_of(taken.ranges) or None,
        "records": records_of(taken.ranges),
        "taken_at": iso(taken.taken_at),
        "again": taken.again,
        "waiting": taken.waiting,
        "lost": taken.lost,
    }
