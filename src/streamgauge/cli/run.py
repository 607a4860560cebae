"""Watch the streams of a configuration until stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgauge.config.models import Config
    from streamgauge.engines.embedded.session import Session


Statements = Annotated[
    list[Path] | None,
    typer.Option(
        "--file", "-f", metavar="FILE.sql", help="Statements instead; may be repeated.", show_default=False
    ),
]
Brokers = Annotated[
    str | None, typer.Option(help="Of the statements' topics, such as localhost:9092.", show_default=False)
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the statements; may be repeated."),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE:TARGET",
        help="Whom the statements' incidents tell: console, csv:PATH, webhook:URL, slack:URL, kafka:TOPIC …",
        show_default="console",
    ),
]


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The configuration.", show_default=False)
    ] = None,
    statements: Statements = None,
    brokers: Brokers = None,
    set_: Parameters = None,
    notify: Notify = None,
    host: Annotated[
        str | None, typer.Option(help="Where the server listens; default: the file's, 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Its port; 0 takes a free one; default: the file's, 8000.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print notices instead of sending them; write no rows.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object per line.")] = False,
) -> None:
    """Watch the streams of a configuration until stopped.

    SIGTERM and Ctrl-C commit and end; SIGHUP reads the file again and takes changed monitors without losing
    the state of the others. Killed at any moment, it goes on where it was: nothing is lost, nothing told twice.

    Example: streamgauge run payments.yaml --dry-run
    """
    from streamgauge.config import load
    from streamgauge.engines.embedded.session import Session
    from streamgauge.errors import ConfigError
    from streamgauge.logs import set_up

    set_up(level=log_level, as_json=log_json)
    if (file is None) == (not statements):
        raise ConfigError(
            "say what to run: a configuration, `run FILE`, or statements, `run -f FILE.sql`, not both"
        )
    if file is None:
        config = _of_statements(statements or [], brokers, set_ or [], notify or [])
    elif brokers or set_ or notify:
        raise ConfigError(
            "`--brokers`, `--set` and `--notify` fit statements (`-f FILE.sql`); write them into the file"
        )
    else:
        config = load(file)
    session = Session(config, path=file, dry_run=dry_run)
    session.run(
        beside=lambda running: _serve(
            running, host or config.server.host, port if port is not None else config.server.port
        )
    )


def _of_statements(
    files: list[Path], brokers: str | None, parameters: list[str], notify: list[str]
) -> Config:
    from streamgauge.cli._statements import pairs, statements
    from streamgauge.errors import ConfigError
    from streamgauge.sql.live import live
    from streamgauge.sql.plan import Given

    if brokers is None:
        raise ConfigError(
            "`-f` needs `--brokers`, such as `--brokers localhost:9092`: streams are topics there"
        )
    given = Given(pairs(parameters, "--set", "NAME=VALUE, such as threshold=20"), brokers=brokers)
    made = live(statements(files), given, notify=notify)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    return made.config


def _serve(session: Session, host: str, port: int) -> Callable[[], None]:
    from streamgauge.server.thread import ServerThread

    server = ServerThread(session, host, port)
    server.start()
    return server.stop
