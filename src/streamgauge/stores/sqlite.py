"""What is SQLite's own: how it is opened, made durable, locked, and what its errors mean.

Everything else of a store is the same for every database and lives in :mod:`streamgauge.stores.sql`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from streamgauge.errors import ConfigError, StoreDamagedError, StoreError
from streamgauge.stores import wal

BUSY_SECONDS = 5.0
"""How long a transaction waits for another program's; ``sqlite:///x.db?timeout=1`` sets another."""

PAGE_BYTES = 16_384
"""Checkpoints are large: with pages of 4 KiB SQLite spends twice the time on their chains of pages."""

_POLL = 0.002
"""Seconds between two tries where SQLite does not wait by itself."""

_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}


class SQLite:
    """A store in one file.

    ``durability``: ``process`` (synchronous=NORMAL) survives the death of the process at any instant; a power
    failure may take the last commits with it, all of each or nothing. ``power`` (FULL) waits for the disk at
    each commit. ``existing``: a store that is not there is an error, and not made.
    """

    def __init__(
        self, url: URL, *, durability: str = "process", existing: bool = False, read_only: bool = False
    ) -> None:
        self.path = _path_of(url)
        self.where = str(self.path)
        self.read_only = read_only
        self.existing = existing or read_only
        self._busy = _busy_seconds(url)
        self._synchronous = _SYNCHRONOUS[durability]
        self._check_folder()
        self.engine = self._engine()
        self._folder = wal.Folder(self.path, self._connect)

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        return insert(table)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is the only writer from its beginning."""
        with self.engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection
        self._folder.look()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and hinders nobody."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections; the last one of all programs folds the WAL into the file."""
        self._folder.close()
        self.engine.dispose()

    def explain(self, error: DBAPIError) -> StoreError:
        """The error in words: what happened, where, what to do."""
        text = str(error.orig)
        for telltale, say in _SAYINGS.items():
            if telltale in text:
                return say(self, text)
        return StoreError(f"the store {self.where} failed: {text}")

    def _engine(self) -> Engine:
        # Connections that were needed once stay open (0 = as many as there are threads): to open one costs more
        # than most transactions.
        engine = create_engine(
            URL.create("sqlite", database=self.where), creator=self._connect, poolclass=QueuePool, pool_size=0
        )
        event.listen(engine, "begin", _begin)
        return engine

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rw" if self.existing else "rwc"
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=self._busy, check_same_thread=False)
        connection.isolation_level = None  # transactions begin where _begin says, not where sqlite3 guesses
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            if not self.read_only:
                connection.execute(f"PRAGMA page_size={PAGE_BYTES}")  # takes effect in an empty file only
                self._keep_a_wal(connection)
                connection.execute(f"PRAGMA synchronous={self._synchronous}")
                connection.execute(f"PRAGMA wal_autocheckpoint={wal.AT_MOST // PAGE_BYTES}")
                connection.execute(f"PRAGMA journal_size_limit={wal.SHRUNK}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep_a_wal(self, connection: sqlite3.Connection) -> None:
        """Two that make the same new file meet here, where SQLite refuses at once instead of waiting."""
        until = time.monotonic() + self._busy
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= until:
                    raise
                time.sleep(_POLL)
            else:
                return

    def _check_folder(self) -> None:
        folder = self.path.absolute().parent
        if not folder.is_dir():
            raise StoreError(
                f"the store {self.where} cannot be opened: the folder {folder} does not exist; create it, or "
                "name another place under `store:`"
            )
        if self.path.is_dir():
            raise StoreError(f"the store {self.where} is a folder; name a file in it, such as streamgauge.db")
        if self.existing and not self.path.exists():
            raise StoreError(
                f"there is no store at {self.path.absolute()}; `streamgauge run` makes one, or name the file "
                "whose `store:` you mean"
            )

    def _full(self, text: str) -> StoreError:
        return StoreError(
            f"the store {self.where} cannot grow ({text}; {self._free()} free): make room on its disk. Nothing "
            "was written, nothing is lost, and it is tried again"
        )

    def _free(self) -> str:
        with suppress(OSError):
            return _size(shutil.disk_usage(self.path.absolute().parent).free)
        return "unknown room"

    def _locked(self, _text: str) -> StoreError:
        others = _users_of(self.path)
        who = " and ".join(others) if others else "another program"
        return StoreError(
            f"the store {self.where} is locked by {who} (waited {self._busy:g} s); end what holds it. Nothing "
            "was written, and it is tried again"
        )

    def _no_database(self, _text: str) -> StoreError:
        return StoreDamagedError(
            f"{self.where} is not a SQLite database, or its beginning is damaged; name another file under "
            "`store:`, or put back a copy"
        )

    def _malformed(self, text: str) -> StoreError:
        return StoreDamagedError(
            f"the store {self.where} is damaged ({text}); put back a copy, or move the file away to start "
            f"new. What can be read comes out with: sqlite3 {self.where} .recover"
        )

    def _read_only(self, _text: str) -> StoreError:
        return StoreError(
            f"the store {self.where} cannot be written: the file, its folder or the disk is read-only for "
            f"{_user()}; change the permissions, or name another place under `store:`"
        )

    def _cannot_open(self, _text: str) -> StoreError:
        what = "read" if self.read_only else "written"
        return StoreError(
            f"the store {self.where} cannot be opened: file and folder must be there and be {what} by {_user()}"
        )

    def _input_output(self, text: str) -> StoreError:
        return StoreError(
            f"the store {self.where} could not be written ({text}; {self._free()} free): its disk is failing or "
            "gone, or a limit on the size of files is reached (ulimit -f). Nothing was written, nothing is lost, "
            "and it is tried again"
        )


_SAYINGS = {
    "database or disk is full": SQLite._full,
    "database is locked": SQLite._locked,
    "file is not a database": SQLite._no_database,
    "malformed": SQLite._malformed,
    "readonly database": SQLite._read_only,
    "unable to open database file": SQLite._cannot_open,
    "disk I/O error": SQLite._input_output,
}


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _busy_seconds(url: URL) -> float:
    """How long to wait for another writer: ``?timeout=SECONDS``."""
    text = str(url.query.get("timeout", BUSY_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigError(f"{url}: timeout={text} is no number of seconds; write for example ?timeout=5")
    return seconds


def _path_of(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            f"{url} names no file, and a store must survive a restart; write sqlite:///streamgauge.db, or "
            "sqlite:////var/lib/streamgauge/streamgauge.db with four slashes for a path from the root"
        )
    return Path(url.database)


def _users_of(path: Path) -> list[str]:
    """Processes that have the file open, best effort: what we may not look into is left out."""
    import psutil

    target, found = str(path.resolve()), []
    for process in psutil.process_iter(["pid", "name"]):
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and any(file.path == target for file in process.open_files()):
                found.append(f"{process.info['name']} (pid {process.pid})")
    return found


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _user() -> str:
    import getpass

    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"
