"""Make incidents of what a run on Spark judged, and tell people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    topic: Annotated[
        str | None,
        typer.Option(
            help="Where the verdicts are; default: FILE's name and `.verdicts`.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Where the server listens; default: the file's, 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Its port; 0 takes a free one; default: the file's, 8000.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print notices instead of sending them.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object per line.")] = False,
) -> None:
    """Make incidents of what a run on Spark judged, and tell people.

    Reads the topic to which `run FILE --engine spark` writes, drops what was written twice, and does all that a run
    does after a verdict: incidents, notices, history, acknowledgements, the server. Killed at any moment, it goes on
    where it was.

    Example: streamgauge notify payments.yaml
    """
    from streamgauge.cli.run import serve
    from streamgauge.config import load
    from streamgauge.engines.spark.job import reading, verdicts_of
    from streamgauge.engines.spark.notifying import NotifySession, Topic
    from streamgauge.logs import set_up

    set_up(level=log_level, as_json=log_json)
    config = load(file)
    lines = Topic(reading(config).brokers, topic or verdicts_of(file))
    session = NotifySession(config, lines, path=file, dry_run=dry_run)
    session.run(
        beside=lambda running: serve(
            running, host or config.server.host, port if port is not None else config.server.port
        )
    )
