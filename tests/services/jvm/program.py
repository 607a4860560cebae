"""The program as a child process."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Self

from streamgauge.testing import eventually
from tests.services.kafka import agent
from tests.services.missing import CannotBeHadError
from tests.services.process import Server, ServerProcess, answers, free_ports

_SOURCE = Path(__file__).with_name("Heap.java")
_SHARE = "0.93"
"""Of its heap, once it is filled."""


class JavaProgram(Server):
    """A Java machine of 128 MB that answers with its metrics; use it with ``with``.

    Attributes:
        port: of the agent; its page is ``/metrics``.
    """

    def __init__(self, rules: Path) -> None:
        """Prepare; nothing runs yet. ``rules``: the agent's file."""
        self._folder = Path(tempfile.mkdtemp(prefix="streamgauge-jvm-"))
        self._rules = rules
        self._full = self._folder / "full"
        self._server: ServerProcess | None = None
        (self.port,) = free_ports(1)

    def start(self) -> Self:
        """Start it, and wait until its page is there.

        Raises:
            CannotBeHadError: there is no Java compiler, or no agent.
        """
        compiler, java = shutil.which("javac"), shutil.which("java")
        if compiler is None or java is None:
            raise CannotBeHadError("needs a Java compiler, such as `apt-get install openjdk-17-jdk-headless`")
        subprocess.run([compiler, "-d", str(self._folder), str(_SOURCE)], check=True, capture_output=True)
        command = [java, "-Xmx128m", "-XX:+UseSerialGC", agent.argument(self.port, self._rules)]
        command += ["-cp", str(self._folder), "Heap", str(self._full), _SHARE]
        self._server = ServerProcess(command, self._folder / "log")
        eventually(lambda: answers(self.port), "the agent", within=timedelta(seconds=120))
        return self

    def fill(self) -> None:
        """From now on it keeps what it makes, until 93 % of its heap are in use."""
        self._full.touch()

    def drop(self) -> None:
        """It lets go of all it kept."""
        self._full.unlink()

    def kill(self) -> None:
        """kill -9."""
        if self._server is not None:
            self._server.kill()

    def close(self) -> None:
        """End it and remove what it wrote."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
