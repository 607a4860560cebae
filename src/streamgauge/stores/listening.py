"""Hears on a connection of its own when something was decided: PostgreSQL says so with the commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from streamgauge.stores.member import DECIDED
from streamgauge.stores.postgres import Postgres

PATIENCE = 0.5
"""Seconds between looks whether to end."""

RETRY = 1.0
"""Seconds before a connection that broke is made anew; whoever waits looks by itself meanwhile."""

_log = structlog.get_logger(__name__)


@contextmanager
def listening(url: str, heard: threading.Event) -> Iterator[None]:
    """Set ``heard`` whenever an instance on the store at ``url`` has committed what it decided."""
    backend = Postgres(make_url(url), existing=True)
    ending = threading.Event()
    thread = threading.Thread(
        target=_listen, args=(backend.engine, heard, ending), name="listener", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(5)
        backend.close()


def _listen(engine: Engine, heard: threading.Event, ending: threading.Event) -> None:
    while not ending.is_set():
        pooled: Any = None
        try:
            pooled = engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()  # it is ours for as long as it lives
            connection.autocommit = True
            connection.execute(f"LISTEN {DECIDED}")
            heard.set()  # what was said before that
            while not ending.is_set():
                for _ in connection.notifies(timeout=PATIENCE, stop_after=1):
                    heard.set()
        except Exception as error:  # noqa: BLE001  whatever broke it, it is made anew
            _log.debug("nothing is heard of what was decided; it is looked at instead", why=str(error))
            ending.wait(RETRY)
        finally:
            if pooled is not None:
                with suppress(Exception):
                    pooled.close()
