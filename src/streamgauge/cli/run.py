"""Watch the streams of a configuration until stopped."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._packs import Packs, configured

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
    str | None,
    typer.Option(help="Of the statements' topics or the packs, such as localhost:9092.", show_default=False),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A parameter of the statements or packs; may be repeated."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE:TARGET",
        help="Whom the statements' incidents tell: console, csv:PATH, webhook:URL, slack:URL, kafka:TOPIC …",
        show_default="console",
    ),
]
Engine = Annotated[str, typer.Option(help="Who runs it: embedded, in this process, or spark.")]
Master = Annotated[
    str | None, typer.Option(help="Spark's, such as local[2] or spark://HOST:7077.", show_default=False)
]
Topic = Annotated[
    str | None,
    typer.Option(
        help="Where Spark writes verdicts; default: FILE's name and `.verdicts`.", show_default=False
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        help="Where Spark keeps its state; default: beside FILE, `.checkpoint`.", show_default=False
    ),
]
Conf = Annotated[
    list[str] | None,
    typer.Option("--conf", metavar="NAME=VALUE", help="A setting of Spark; may be repeated."),
]

Summary = Annotated[
    bool,
    typer.Option(
        "--summary",
        help="Print at the end what was read and written: one JSON object per stream, then one per sink.",
    ),
]


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)
    ] = None,
    statements: Statements = None,
    pack: Packs = None,
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
    engine: Engine = "embedded",
    master: Master = None,
    topic: Topic = None,
    checkpoint: Checkpoint = None,
    conf: Conf = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object per line.")] = False,
    summary: Summary = False,
) -> None:
    """Watch the streams of a configuration until stopped.

    SIGTERM and Ctrl-C commit and end; SIGHUP reads the file again and takes changed monitors without losing
    the state of the others. Killed at any moment, it goes on where it was: nothing is lost, nothing told twice.

    Example: streamgauge run payments.yaml --dry-run
    """
    from streamgauge.cli._summary import print_summary
    from streamgauge.engines.embedded.session import Session
    from streamgauge.errors import ConfigError
    from streamgauge.logs import set_up

    set_up(level=log_level, as_json=log_json)
    if (file is None and not pack) == (not statements):
        raise ConfigError(
            "say what to run: a configuration, `run FILE`, a pack, `run --pack kafka`, both of them, or statements, "
            "`run -f FILE.sql`, by themselves"
        )
    read: Callable[[], Config] | None = None
    if statements:
        config = _of_statements(statements, brokers, set_ or [], notify or [])
    else:
        _refuse_notify(notify)
        read = partial(configured, file, pack or [], brokers, set_ or [])
        config = _saying_elsewhere(read())
    on_spark = {"--master": master, "--topic": topic, "--checkpoint": checkpoint, "--conf": conf}
    if engine == "spark":
        if summary:
            raise ConfigError("`--summary` fits the embedded engine; Spark tells its own progress")
        _on_spark(config, file, on_spark, (host or "127.0.0.1", port) if port is not None else None)
        return
    _refuse_strange(engine, on_spark)
    session = Session(config, path=file, read=read, dry_run=dry_run)
    session.run(
        beside=lambda running: serve(
            running, host or config.server.host, port if port is not None else config.server.port
        )
    )
    if summary:
        print_summary(session)


def _saying_elsewhere(config: Config) -> Config:
    """Say which files are looked for beside the configuration and lie here: a new store would begin from nothing."""
    from streamgauge.config.folders import ELSEWHERE

    for warning in config.warnings:
        if warning.message.startswith(ELSEWHERE):
            print(f"warning: {warning}", file=sys.stderr)
    return config


def _refuse_notify(notify: list[str] | None) -> None:
    """Raises ConfigError: a configuration has its own words for whom to tell."""
    from streamgauge.errors import ConfigError

    if notify:
        raise ConfigError(
            "`--notify` fits statements (`-f FILE.sql`); write `channels:` and a `route:` into a file, "
            "which may stand beside `--pack`"
        )


def _refuse_strange(engine: str, on_spark: dict[str, Any]) -> None:
    """Raises ConfigError for an engine that there is not, and for options that are Spark's alone."""
    from streamgauge.errors import ConfigError

    if engine != "embedded":
        raise ConfigError(f"--engine: there is no engine {engine!r}; write embedded or spark")
    for option, value in on_spark.items():
        if value:
            raise ConfigError(f"`{option}` fits `--engine spark` only")


def _on_spark(
    config: Config, file: Path | None, options: dict[str, Any], metrics_at: tuple[str, int] | None
) -> None:
    """Run on Spark; what it judges is told by `streamgauge notify FILE`."""
    from streamgauge.cli._statements import pairs
    from streamgauge.engines.spark.driving import default_checkpoint, drive
    from streamgauge.engines.spark.job import Settings, verdicts_of
    from streamgauge.errors import ConfigError

    if file is None:
        raise ConfigError("`--engine spark` runs a configuration; write the statements into one, as `sql:`")
    settings = Settings(
        options["--checkpoint"] or default_checkpoint(file),
        options["--topic"] or verdicts_of(file),
        options["--master"],
        pairs(options["--conf"] or [], "--conf", "NAME=VALUE, such as spark.executor.memory=2g"),
    )
    drive(config, settings, file.stem, metrics_at=metrics_at)


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


def serve(session: Session, host: str, port: int) -> Callable[[], None]:
    """Start the server beside a session; what ends it."""
    from streamgauge.server.thread import ServerThread

    server = ServerThread(session, host, port)
    server.start()
    return server.stop
