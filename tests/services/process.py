"""A server as a child process that never outlives its test run."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_PORTS = range(20_000, 32_000)  # below the range that outgoing connections take theirs from


class ServerProcess:
    """One child in its own process group; killed when this process ends, however it ends.

    ``setpriv`` ties its life to the *thread* that started it, where that program exists: start servers from
    a thread that lives as long as they shall.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                [*tied, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def freeze(self) -> None:
        """SIGSTOP, and wait until it stands still."""
        self.signal(signal.SIGSTOP)
        while self.running and psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)

    def ended(self, patience: float = 60.0) -> int:
        """Wait until it ends by itself, and what it returned; negative is the signal that ended it."""
        return self._child.wait(patience)

    def stop(self, patience: float = 10.0) -> None:
        """Ask it to end; kill it when it does not within ``patience`` seconds."""
        self.signal(signal.SIGTERM)
        try:
            self._child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would, and reap it."""
        self.signal(signal.SIGKILL)
        self._child.wait()
        atexit.unregister(self.kill)

    def last_words(self, lines: int = 20) -> str:
        """The end of its log, for an error message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Server(ABC):
    """What tests start, and end whatever happens: use it with ``with``."""

    @abstractmethod
    def start(self) -> Self:
        """Start it; it answers when this returns."""

    @abstractmethod
    def close(self) -> None:
        """End it, and remove what it wrote."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def free_ports(count: int) -> list[int]:
    """Loopback ports nobody listens on now.

    They lie outside the range of outgoing connections: a client that keeps trying a dead port of that range
    would one day connect to itself and so take the port from the server that comes back.
    """
    chance = random.SystemRandom()
    found: list[int] = []
    while len(found) < count:
        port = chance.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True
