"""One Redis with its data in a folder of its own, and what tests do to it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.services.process import Server, ServerProcess, free_ports
from tests.services.redis.install import installed

PASSWORD = "s3cret-of-the-redis-tests"


class RedisServer(Server):
    """Redis on a free loopback port; what it acknowledged survives a kill.

    Args:
        module: whether it has TimeSeries.
    """

    def __init__(self, *, module: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-redis-"))
        (self.port,) = free_ports(1)
        self._module = module
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self, *, within: float = 60.0) -> Self:
        """Start, at first empty; returns when it answers.

        Raises:
            CannotBeHadError: Redis is missing.
            RuntimeError: it did not come up.
        """
        found = installed()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        options += ["--requirepass", PASSWORD, "--appendonly", "yes", "--appendfsync", "no"]
        if self._module:
            options += ["--loadmodule", str(found.module)]
        libraries = f"LD_LIBRARY_PATH={found.libraries}"
        self._process = ServerProcess(
            ["env", libraries, str(found.server), *options], self.folder / "redis.log"
        )
        deadline = time.monotonic() + within
        while not self._answers():
            if not self._process.running or time.monotonic() > deadline:
                words = self._process.last_words()
                self.close()
                raise RuntimeError(f"Redis did not come up:\n{words}")
            time.sleep(0.02)
        return self

    def client(self) -> Any:
        """A client, past all of the product's code."""
        import redis

        return redis.Redis.from_url(self.url, decode_responses=True, protocol=2)

    def do(self, *words: Any) -> Any:
        """What one command answers."""
        with self.client() as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()

    def freeze(self) -> None:
        """It answers no more, and keeps its connections."""
        assert self._process is not None
        self._process.freeze()

    def close(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        import redis

        try:
            return bool(self.do("PING"))
        except redis.RedisError:
            return False
