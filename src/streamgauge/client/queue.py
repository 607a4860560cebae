"""What cannot be told now, in one SQLite file: there before the first try, gone once the server has it.

Several processes may share a file: one sends at a time, the oldest first, so a gauge never goes back to an older value.
Only what goes to the address of the call is sent, so that no token comes to another one's hands.
A request that was sent by a process which was killed before it could note that is sent again under the same
``Idempotency-Key``. What was told is remembered by its name for :data:`REMEMBERED`, so a batch that Spark runs again is
not told again; what a server refuses for good is set aside and holds up nothing.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from streamgauge.client.telling import Door, NotTakenError, Request
from streamgauge.clock import SystemClock, to_micros
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.failpoints import POSTED, reach

REMEMBERED: Final = timedelta(days=7)
PATIENCE: Final = 30.0
"""Seconds to wait for another process that writes."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    type TEXT NOT NULL, body BLOB, state TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (url, key)
)
"""


class Queue:
    """One file.

    Args:
        file: where it is; made where it is missing, with its folder.

    Raises:
        OutsideError: it cannot be written, or is something else.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = Path(file)
        self._clock = SystemClock()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise OutsideError(f"the queue {self._file} cannot be used: {error}; name a file") from error

    def put(self, requests: Sequence[Request]) -> None:
        """Keep them, all or none; those whose name waits, or was told lately, are there already.

        Raises:
            OutsideError: the file cannot be written.
        """
        now = self._clock.now()
        with self._written():
            self._connection.execute(
                "DELETE FROM requests WHERE state = 'told' AND at < ?", [now - to_micros(REMEMBERED)]
            )
            if not requests or self._known(requests[0]):
                return
            self._connection.executemany(
                "INSERT OR IGNORE INTO requests (url, name, key, type, body, state, detail, at) "
                "VALUES (?, ?, ?, ?, ?, 'waiting', '', ?)",
                [(one.url, one.name, one.key, one.type, one.body, now) for one in requests],
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within the block no other process sends from this file; it ends with the process, however that ends."""
        place = os.open(f"{self._file}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)

    def send(self, url: str, door: Door) -> bool:
        """Send what goes to ``url``, the oldest first, until nothing waits or the server is away; whether nothing waits.

        Raises:
            ConfigError: the server says no; what it refuses for good is set aside.
        """
        while (found := self._oldest(url)) is not None:
            number, request = found
            try:
                problem = door.tell(request)
            except NotTakenError as error:
                if not error.for_good:
                    raise ConfigError(f"{error}. It waits in {self._file}") from None
                self._note(number, "refused", str(error))
                raise ConfigError(f"{error}. It is set aside in {self._file}") from None
            if problem is not None:
                return False
            reach(POSTED)
            self._note(number, "told", "")
        return True

    def waiting(self) -> int:
        """How many requests wait."""
        return int(
            self._connection.execute("SELECT count(*) FROM requests WHERE state = 'waiting'").fetchone()[0]
        )

    def refused(self) -> list[tuple[Request, str]]:
        """What was set aside, and why."""
        found = self._connection.execute(
            "SELECT url, name, key, type, body, detail FROM requests WHERE state = 'refused' ORDER BY number"
        )
        return [(Request(*row[:5]), row[5]) for row in found]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _known(self, request: Request) -> bool:
        """Whether all of its name is known; what was refused under it before makes room for a better one."""
        same = [request.url, request.name]
        gone = self._connection.execute(
            "DELETE FROM requests WHERE url = ? AND name = ? AND state = 'refused'", same
        )
        query = "SELECT 1 FROM requests WHERE url = ? AND name = ? LIMIT 1"
        return not gone.rowcount and self._connection.execute(query, same).fetchone() is not None

    def _oldest(self, url: str) -> tuple[int, Request] | None:
        row = self._connection.execute(
            "SELECT number, url, name, key, type, body FROM requests "
            "WHERE state = 'waiting' AND url = ? ORDER BY number LIMIT 1",
            [url],
        ).fetchone()
        return None if row is None else (row[0], Request(*row[1:]))

    def _note(self, number: int, state: str, detail: str) -> None:
        """A told request is remembered without its body."""
        with self._written():
            self._connection.execute(
                "UPDATE requests SET state = ?, detail = ?, at = ?, body = CASE ? WHEN 'told' THEN NULL ELSE body END "
                "WHERE number = ?",
                [state, detail, self._clock.now(), state, number],
            )

    @contextmanager
    def _written(self) -> Iterator[None]:
        """One transaction, on the disk at its end."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutsideError(f"the queue {self._file} cannot be written: {error}") from error
