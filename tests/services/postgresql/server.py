"""One PostgreSQL with its data in a folder of its own, and what tests do to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.services.missing import CannotBeHadError
from tests.services.process import Server, ServerProcess, free_ports

USER, PASSWORD = "gauge", "s3cret-of-the-tests"
_ACCOUNT = "postgres"
_SETTINGS = {
    "fsync": "off",  # the machine does not lose its power in a test
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


_IN_USE = "pre-existing shared memory block"
"""What it says where a process of the server that was killed a moment ago has not noticed yet; it ends by itself."""


class PostgresServer(Server):
    """PostgreSQL on a free loopback port; ``USER`` may make databases and comes in with ``PASSWORD``.

    Attributes:
        port: where it listens; the same over restarts.
    """

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-postgres-"))
        (self.port,) = free_ports(1)
        self._settings = {**_SETTINGS, **settings}
        self._process: ServerProcess | None = None
        self._made = 0

    def start(self, *, within: float = 60.0) -> Self:
        """Start, at first with an empty database; returns when it takes connections.

        Raises:
            CannotBeHadError: PostgreSQL is missing.
            RuntimeError: it did not come up.
        """
        data = self.folder / "data"
        if not data.exists():
            self._set_up(data)
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        server = [_program("postgres"), "-D", str(data), "-p", str(self.port), *options]
        command = ["env", "--chdir=/", *_as_account(), *server]  # the account may not enter every folder
        self._process = ServerProcess(command, self.folder / "postgres.log")
        deadline = time.monotonic() + within
        while not self._answers():
            if not self._process.running and _IN_USE in self._process.last_words(3):
                self._process = ServerProcess(command, self.folder / "postgres.log")
            if not self._process.running or time.monotonic() > deadline:
                words = self._process.last_words()
                self.close()
                raise RuntimeError(f"PostgreSQL did not come up:\n{words}")
            time.sleep(0.02)
        return self

    def url(self, database: str, *, user: str = USER, password: str | None = PASSWORD, **options: str) -> str:
        """The address of a database, as it stands behind ``store:``."""
        login = user if password is None else f"{user}:{password}"
        asked = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}" + (f"?{asked}" if asked else "")

    def new_database(self, template: str = "template0") -> Database:
        """Make a database."""
        self._made += 1
        name = f"d{self._made}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return Database(self, name)

    def sql(self, statement: str, *values: Any, database: str = "postgres", user: str = USER) -> list[Any]:
        """What a statement finds, past all of the product's code."""
        import psycopg

        with psycopg.connect(self.url(database, user=user), autocommit=True) as connection:
            found = connection.execute(statement.encode(), values or None)
            return found.fetchall() if found.description else []

    def stop(self) -> None:
        """End it as an administrator would in a hurry: sessions are ended, what is committed is kept."""
        assert self._process is not None
        self._process.signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process._child.wait(20)
        self._process.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()

    def close(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _set_up(self, data: Path) -> None:
        initdb = _program("initdb")
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            for path in (self.folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        # Sorted as people sort: whoever relies on the order of bytes is found out.
        locale = ["--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8", "-E", "UTF8"]
        login = ["-U", USER, f"--pwfile={password}", "--auth=scram-sha-256"]
        done = subprocess.run(
            [*_as_account(), initdb, "-D", str(data), "--no-sync", *locale, *login],
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stderr}")

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a server; as text its place without the password."""

    server: PostgresServer
    name: str

    def __str__(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.server.port}/{self.name}"

    def url(self, **options: str) -> str:
        """Its address, as it stands behind ``store:``."""
        return self.server.url(self.name, **options)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """What a statement finds."""
        return self.server.sql(statement, *values, database=self.name)

    def drop(self) -> None:
        """Remove it, whoever is connected to it."""
        self.server.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


def _program(name: str) -> str:
    """One of PostgreSQL's own programs.

    Raises:
        CannotBeHadError: it is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise CannotBeHadError("the tests start PostgreSQL; install it, such as `apt-get install postgresql`")
    return path


def _as_account() -> list[str]:
    """PostgreSQL refuses to run as root. Who changes the user must tie its life to this process anew."""
    account = [f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--init-groups"]
    return ["setpriv", *account, "--pdeathsig", "KILL", "--"] if os.getuid() == 0 else []
