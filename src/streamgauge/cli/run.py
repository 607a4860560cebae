"""Watch the streams of a configuration until stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgauge.engines.session import Session


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
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
    """Watch the streams of a configuration until stopped.

    SIGTERM and Ctrl-C commit and end; SIGHUP reads the file again and takes changed monitors without losing
    the state of the others. Killed at any moment, it goes on where it was: nothing is lost, nothing told twice.

    Example: streamgauge run payments.yaml --dry-run
    """
    from streamgauge.config import load
    from streamgauge.engines.session import Session
    from streamgauge.logs import set_up

    set_up(level=log_level, as_json=log_json)
    config = load(file)
    session = Session(config, path=file, dry_run=dry_run)
    session.run(
        beside=lambda running: _serve(
            running, host or config.server.host, port if port is not None else config.server.port
        )
    )


def _serve(session: Session, host: str, port: int) -> Callable[[], None]:
    from streamgauge.server.thread import ServerThread

    server = ServerThread(session, host, port)
    server.start()
    return server.stop
