"""See the data: drift, forecasts, anomalies, model quality in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from streamgauge.cli._store import HERE


def command(
    api: Annotated[str, typer.Option("--api", metavar="URL", help="The running server.")] = HERE,
    host: Annotated[str, typer.Option(help="Where the app listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the app; 0 takes a free one.")] = 8501,
    pages: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The server as readers reach it; default: as --api.", show_default=False
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Its first line is the token; else STREAMGAUGE_TOKEN.", show_default=False
        ),
    ] = None,
) -> None:
    """See the data: drift, forecasts, anomalies, model quality in a browser.

    A Streamlit app over the server's API, until Ctrl-C. It needs the extra `ui`: pip install 'streamgauge[ui]'.

    Example: streamgauge ui --api http://127.0.0.1:8000
    """
    from streamgauge.dashboard.process import App, check_shared
    from streamgauge.dashboard.reach import TOKEN, TOKEN_FILE, Reach, token_of
    from streamgauge.server.refusals import is_loopback

    file = str(token_file) if token_file is not None else os.environ.get(TOKEN_FILE, "")
    token = token_of("" if token_file is not None else os.environ.get(TOKEN, ""), file)
    loopback = is_loopback(host)
    where = Reach(api.rstrip("/"), (pages or api).rstrip("/"), token, not loopback)
    check_shared(where, host, loopback=loopback)
    app = App(where, host, port)
    app.start()
    try:
        app.wait_ready()
        print(f"analysis app: {app.url} (server: {where.api}); Ctrl-C ends")
        raise typer.Exit(3 if app.wait() else 0)
    finally:
        app.stop()
