"""Ask files a question in SQL: windows, counts and conditions in the ksqlDB manner."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from streamgauge.sql.answers import Answer
    from streamgauge.sql.plan import Given, Plan
    from streamgauge.sql.script import Script

TEXT = "<query>"
"""How messages call the statement on the command line."""


class Form(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    NDJSON = "ndjson"
    CSV = "csv"


class Emit(StrEnum):
    """What a SELECT with windows gives."""

    FINAL = "final"
    CHANGES = "changes"


_EMITS: dict[Emit, Literal["final", "changes"]] = {Emit.FINAL: "final", Emit.CHANGES: "changes"}


StreamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stream",
        metavar="NAME=PATH",
        help="Records of a stream: a path, a glob or topic:NAME; may be repeated.",
        show_default=False,
    ),
]


def command(  # noqa: PLR0917  typer's options are its parameters
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="Statements, behind those of the files.", show_default=False),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", metavar="FILE", help="Statements; may be repeated.", show_default=False),
    ] = None,
    stream: StreamOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be repeated.", show_default=False),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The field with the event time.", show_default=False)
    ] = None,
    lateness: Annotated[
        str, typer.Option(metavar="DURATION", help="How much out of order records may come, such as 2s.")
    ] = "0s",
    emit: Annotated[
        Emit | None,
        typer.Option(help="What a SELECT with windows gives that does not say EMIT.", show_default="final"),
    ] = None,
    brokers: Annotated[
        str | None,
        typer.Option(help="Read the topic of a stream, live, until LIMIT or Ctrl-C.", show_default=False),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How rows are printed.")] = Form.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format ndjson.")] = False,
    no_flush: Annotated[
        bool, typer.Option("--no-flush", help="Leave windows unreported that are open at the end.")
    ] = False,
) -> None:
    """Ask files a question in SQL: windows, counts and conditions in the ksqlDB manner.

    Prints the rows of each SELECT; where there is none, those of each CREATE … AS SELECT. What was passed over
    and how many records were read goes to the error output.

    Example: streamgauge query 'SELECT account, COUNT(*) AS events FROM payments
    WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY account HAVING COUNT(*) > 100' --stream payments=payments.ndjson
    """
    from streamgauge.cli._rows import Progress, print_rows
    from streamgauge.sql.parse import parse
    from streamgauge.sql.plan import plan
    from streamgauge.sql.running import Run

    given = _given(stream or [], set_ or [], time, lateness, brokers)
    given = replace(given, emit=None if emit is None else _EMITS[emit])
    planned = plan(parse(_scripts(sql, file or [])), given)
    for note in planned.notes:
        print(f"note: {note}", file=sys.stderr)
    shape = Form.NDJSON if json else form
    if brokers is not None:
        _live(planned, given, shape)
        return
    with Progress() as progress:
        answers = list(Run(planned, flush=not no_flush, progress=progress.to).answers())
    asked = [answer for answer in answers if answer.name is None] or answers
    print_rows(asked, shape)
    _tell(asked)


def _live(planned: Plan, given: Given, form: Form) -> None:
    """Print rows as they come; Ctrl-C and a closed pipe end it as LIMIT does."""
    from streamgauge.cli._rows import Printer
    from streamgauge.cli._stopping import stopped
    from streamgauge.clock import SystemClock
    from streamgauge.logs import set_up
    from streamgauge.sql.watching import asked_live, watched

    set_up(level="warning", as_json=False)
    step = asked_live(planned)
    printer = Printer(form)
    last: Answer | None = None
    with stopped() as is_stopped:
        for answer in watched(step, given, SystemClock(), lambda: not is_stopped()):
            printer.add(answer)
            last = answer
    if last is not None:
        print(f"{_counted(last.records, 'record')}, {_counted(printer.rows, 'row')}", file=sys.stderr)


def _scripts(sql: str | None, files: list[Path]) -> list[Script]:
    from streamgauge.cli._statements import scripts
    from streamgauge.errors import ConfigError
    from streamgauge.sql.script import Script

    found = scripts(files) + ([] if sql is None else [Script(TEXT, sql)])
    if not found:
        raise ConfigError("what is the question? Write the statement in quotes, or -f FILE.sql")
    return found


def _given(
    stream: list[str], parameters: list[str], time: str | None, lateness: str, brokers: str | None
) -> Given:
    from streamgauge.cli._statements import pair, pairs
    from streamgauge.clock import SystemClock
    from streamgauge.profiling.for_queries import sample, sample_topic
    from streamgauge.sql.plan import BROKERS, Given
    from streamgauge.sql.streams import Topic

    paths: dict[str, list[str]] = {}
    topics: dict[str, Topic] = {}
    for text in stream:
        name, path = pair(text, "--stream", "NAME=PATH, such as payments=payments.ndjson")
        if not path.startswith("topic:"):
            paths.setdefault(name, []).append(path)
            continue
        if brokers is None:
            raise typer.BadParameter(f"{path}: say where it is with --brokers", param_hint="--stream")
        topics[name] = sample_topic(name, path.removeprefix("topic:"), brokers, time, SystemClock())
    files = {name: sample(name, given, time) for name, given in paths.items()}
    set_ = pairs(parameters, "--set", "NAME=VALUE, such as threshold=20")
    now = SystemClock().now()
    return Given(set_, files, topics, time, _duration(lateness), brokers or BROKERS, now)


def _duration(text: str) -> timedelta:
    from streamgauge.clock import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lateness") from None


def _tell(answers: list[Answer]) -> None:
    rows = sum(answer.rows.height for answer in answers)
    records = max((answer.records for answer in answers), default=0)
    counts = [_counted(records, "record"), _counted(rows, "row")]
    late = max((answer.late for answer in answers), default=0)
    bad = max((answer.dead_letters for answer in answers), default=0)
    counts += [f"{late:,} late"] if late else []
    counts += [f"{bad:,} that cannot be read"] if bad else []
    print(", ".join(counts), file=sys.stderr)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
