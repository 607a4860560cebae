"""Take a topic's records slice by slice, for jobs that may be killed and tried again."""

from __future__ import annotations

from typing import Annotated

import typer

from streamgauge.cli import _slice_next as taking
from streamgauge.cli._store import JsonOption
from streamgauge.cli._topics import ConsumerConfig

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _verb() -> None:
    """Take a topic's records slice by slice, for jobs that may be killed and tried again.

    A slice is offered until it is said to be done. How far a group of jobs has come is kept with the brokers.

    Example: streamgauge slice next payments --brokers localhost:9092 --group drift-job --rows 1000
    """


app.command("next")(taking.command)


@app.command()
def done(
    topic: taking.Topic,
    slice_: Annotated[str, typer.Argument(metavar="SLICE", help="What `next` printed.", show_default=False)],
    brokers: taking.Brokers,
    group: taking.Group,
    consumer_config: ConsumerConfig = None,
    json: JsonOption = False,
) -> None:
    """Say that a slice is worked off: the next one begins behind it. Saying so again changes nothing.

    Example: streamgauge slice done payments 0:100-200,1:90-210 --brokers localhost:9092 --group drift-job
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.sources.kafka.ranges import ranges_of

    ranges = ranges_of(topic, slice_)
    with taking.bookmark_of(topic, brokers, group, consumer_config) as bookmark:
        now = bookmark.done(ranges)
    if json:
        print_lines([{"topic": topic, "slice": slice_, "done": True, "before": not now}])
