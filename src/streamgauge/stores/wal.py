"""Folds SQLite's write-ahead log into the file, on a thread of its own.

SQLite would do it inside the commit that makes the log long, which then takes several times as long as the
others; and how soon a notice may leave is measured by the last commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

ENOUGH: Final = 8 * 1024 * 1024
"""From this length on the log is folded (bytes)."""

SHRUNK: Final = 4 * 1024 * 1024
"""What the log's file shrinks to once it has been folded; less than ENOUGH, whose measure is that file."""

AT_MOST: Final = 64 * 1024 * 1024
"""Beyond this length a commit folds it after all: this thread cannot keep up, or a long look hinders it."""


class Folder:
    """One daemon thread, started when there is something to fold first.

    Folding needs no care: it changes where committed pages lie and nothing else, it may be interrupted at any
    instant, and what fails (a full disk, a lock) is tried again after the next commit.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._wal = path.with_name(path.name + "-wal")
        self._connect = connect
        self._wanted = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """After a commit: fold if the log has grown long."""
        try:
            size = self._wal.stat().st_size
        except OSError:
            return
        if size < ENOUGH:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store-wal", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._closing:
                break
            with suppress(sqlite3.Error):
                connection = connection or self._connect()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        if connection is not None:
            connection.close()
