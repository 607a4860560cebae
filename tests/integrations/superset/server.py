"""A real Superset in an environment of its own, started by the script that its image starts with."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.docs.pages import ROOT
from tests.services.environments import environment
from tests.services.process import ServerProcess, free_ports

PACKAGES = (
    "apache-superset==6.1.0", "cachetools==8.0.1", "flask-caching==2.3.1", "psycopg2-binary==2.9.13", "rich==15.0.0",
)  # fmt: skip
PASSWORD = "s3cret-of-superset"


class Superset:
    """One server on a free loopback port, its own tables in a database of PostgreSQL.

    Args:
        folder: for its files.
        database: for SQLAlchemy, with the password.
    """

    def __init__(self, folder: Path, database: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._database = database
        self._folder = folder
        self._process: ServerProcess | None = None

    def start(self) -> Self:
        """Begin to start; it answers some minutes later.

        Raises:
            CannotBeHadError: its environment cannot be made.
        """
        python = environment("superset", *PACKAGES)
        told = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "SUPERSET_HOME": str(self._folder),
            "SUPERSET_CONFIG_PATH": str(ROOT / "integrations/superset/superset_config.py"),
            "SUPERSET_SECRET_KEY": "of the tests, and of nothing else: 0123456789",
            "SUPERSET_DATABASE": self._database,
            "SUPERSET_PASSWORD": PASSWORD,
            "SUPERSET_BIND": f"127.0.0.1:{self.port}",
        }
        words = [f"{name}={value}" for name, value in told.items()]
        command = ["env", "-i", *words, "bash", str(ROOT / "integrations/superset/start.sh")]
        self._process = ServerProcess(command, self._folder / "superset.log")
        return self

    def words(self) -> str:
        """The end of its log."""
        assert self._process is not None
        return self._process.last_words(60)

    def token(self) -> str:
        """Of the first user."""
        body = {"username": "admin", "password": PASSWORD, "provider": "db"}
        answer: str = self.ask("/api/v1/security/login", body=body)["access_token"]
        return answer

    def ask(self, path: str, token: str | None = None, body: Any = None) -> Any:
        """What the API answers; anything but 200 fails."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        asked = urllib.request.Request(f"{self.url}{path}", data, headers)
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:
                assert answer.status == 200, path
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()[:1000]}") from None

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop()
