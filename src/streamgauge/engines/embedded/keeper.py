"""Keeps the store ours while nothing is written: kernels compile, a broker does not answer, a commit takes long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from streamgauge.errors import StoreError, StoreTakenError

EVERY = 3.0
"""Seconds between renewals; the store may be taken over after ten of silence."""

_log = structlog.get_logger("streamgauge.engine")


class Renewed(Protocol):
    """The store, as far as this is concerned."""

    def renew(self) -> None:
        """Keep the ownership through a time without commits."""
        ...


@contextmanager
def kept(store: Renewed, every: float = EVERY) -> Iterator[None]:
    """Renew the ownership of ``store`` on a thread of its own.

    Once it is lost this ends quietly: the engine finds out at its next commit and says so.
    """
    ending = threading.Event()

    def renew() -> None:
        while not ending.wait(every):
            try:
                store.renew()
            except StoreTakenError:
                return
            except StoreError as error:
                _log.debug("the store cannot be renewed now", why=str(error))

    thread = threading.Thread(target=renew, name="store keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
