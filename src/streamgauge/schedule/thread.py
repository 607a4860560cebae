"""The thread that keeps the jobs of a running configuration going."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from streamgauge.clock import Clock
from streamgauge.config.models import Config
from streamgauge.errors import StoreError
from streamgauge.schedule.book import Book, Job, Run
from streamgauge.schedule.process import Process
from streamgauge.schedule.running import Running

TURN = 1.0
"""Seconds between two looks at what is due."""

_log = structlog.get_logger("streamgauge.schedule")

Known = Callable[[Mapping[str, Job]], None]
"""Told of the jobs as they are, after each turn."""


@contextmanager
def kept_going(
    config: Callable[[], Config], clock: Clock, known: Known, *, path: Path | None = None
) -> Iterator[None]:
    """Run what is due while the block lasts; at its end what goes on is ended, and begun again by the next engine.

    Args:
        config: the configuration that is in force now.
        clock: whose wall clock says what is due.
        known: see :data:`Known`.
        path: the configuration's file, for verbs that take ``--config``.
    """
    ending = threading.Event()
    thread = threading.Thread(
        target=_go_on, args=(config, clock, known, path, ending), name="schedule", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _go_on(
    config: Callable[[], Config], clock: Clock, known: Known, path: Path | None, ending: threading.Event
) -> None:
    running: Running | None = None
    book: Book | None = None
    try:
        while True:
            jobs = config().schedule
            try:
                if running is None and jobs:
                    book = Book(config().store.url)
                    running = Running(book, clock, _beginner(config().store.url, path))
                if running is not None:
                    known(running.turn(jobs))
            except StoreError as error:
                _log.warning("the store refuses what is known of jobs; it is tried again", why=str(error))
            if ending.wait(TURN):
                return
    finally:
        if running is not None:
            running.stop()
        if book is not None:
            book.close()


def _beginner(store: str, path: Path | None) -> Callable[[str, Sequence[str], Run], Process]:
    config = None if path is None else str(path)

    def begin(job: str, words: Sequence[str], run: Run) -> Process:
        return Process(job, words, run, store, config=config)

    return begin
