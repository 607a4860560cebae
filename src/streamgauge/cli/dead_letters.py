"""List records that could not be read; read them again and put them back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import ConfigOption, JsonOption, StoreOption, load_file, open_look

if TYPE_CHECKING:
    from streamgauge.engines.outgoing.second_reading import Reread
    from streamgauge.stores.contract import DeadLetter

StreamOption = Annotated[str | None, typer.Option(help="Only those of this stream.", show_default=False)]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    stream: StreamOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List records that could not be read; read them again and put them back.

    The newest first, with their place and the reason; `--json` prints what was kept of the record too.

    Example: streamgauge dead-letters --config payments.yaml --stream payments
    """
    if context.invoked_subcommand is not None:
        return
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.clock import iso

    with open_look(config, store) as look:
        found = look.dead_letters(stream=stream, limit=limit)
    if json:
        print_lines(_as_json(letter) for letter in found)
        return
    rows = [
        [
            iso(letter.at),
            letter.stream,
            letter.partition,
            letter.offset,
            letter.reason,
            iso(letter.replayed_at),
        ]
        for letter in found
    ]
    print_table(("at", "stream", "partition", "offset", "reason", "put back"), rows, "no dead letters")


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The configuration as it is now.", show_default=False)
    ],
    stream: StreamOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest.")] = 100_000,
    to_topic: Annotated[
        bool,
        typer.Option(
            "--to-topic", help="Put those that can be read now back into the Kafka topic that they came from."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Read dead letters again with the present configuration and tell which can be read now.

    With `--to-topic` these go back into their partitions, once each, and are marked; a running engine then
    counts them as new records. Letters that were put back before are left out.

    Example: streamgauge dead-letters replay payments.yaml --stream payments --to-topic
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.clock import SystemClock
    from streamgauge.engines.outgoing.second_reading import put_back, read_again
    from streamgauge.stores import open_reading

    config, clock = load_file(file), SystemClock()
    with closing(open_reading(config.store.url, read_only=not to_topic)) as look:
        kept = [one for one in look.dead_letters(stream=stream, limit=limit) if one.replayed_at is None]
        outcomes = read_again(config, reversed(kept), clock)
        fine = [outcome.letter for outcome in outcomes if outcome.readable]
        if to_topic and fine:
            put_back(config, fine)
            look.mark_replayed([letter.sequence for letter in fine], clock.now())
    if json:
        print_lines(_outcome(outcome, put_back=to_topic) for outcome in outcomes)
        return
    _tell(outcomes, put_back=to_topic)


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    from streamgauge.clock import iso
    from streamgauge.engines.outgoing.dead_letters import as_json

    return {**as_json(letter), "put_back_at": iso(letter.replayed_at)}


def _outcome(outcome: Reread, *, put_back: bool) -> dict[str, Any]:
    letter = outcome.letter
    return {
        "stream": letter.stream,
        "partition": str(letter.partition),
        "offset": letter.offset,
        "readable": outcome.readable,
        "reason": outcome.reason,
        "reason_then": letter.reason,
        "put_back": put_back and outcome.readable,
    }


def _tell(outcomes: list[Reread], *, put_back: bool) -> None:
    from streamgauge.cli._table import print_table

    rows = [
        [
            outcome.letter.stream,
            outcome.letter.partition,
            outcome.letter.offset,
            ("put back" if put_back else "readable now") if outcome.readable else outcome.reason,
        ]
        for outcome in outcomes
    ]
    print_table(("stream", "partition", "offset", "now"), rows, "no dead letters that were not put back")
    fine = sum(outcome.readable for outcome in outcomes)
    if fine and not put_back:
        print(f"{fine} of {len(outcomes)} can be read now; `--to-topic` puts those of Kafka streams back")
