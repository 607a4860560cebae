"""``python -m streamgauge`` in a process of its own, forked from one that has the libraries loaded already.

To load them takes two seconds of a processor, and the tests start hundreds. What a child does from then on is the same:
it has its own process id and environment, may be killed, frozen and interrupted, and loads Streamgauge itself.
That the real command starts is seen by the tests of the verbs, which do without this.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).parents[2]
STREAMGAUGE = ("-m", "streamgauge")


class Started:
    """A child, to be handled as one of :mod:`subprocess`."""

    def __init__(
        self,
        arguments: list[str],
        *,
        stdout: IO[Any],
        stderr: IO[Any],
        environ: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
        program: tuple[str, str] = STREAMGAUGE,
    ) -> None:
        """Start ``streamgauge ARGUMENTS``, or another program; its standard input is empty.

        Args:
            arguments: of the program.
            stdout: what it prints goes there; a file of the system.
            stderr: likewise.
            environ: None = that of this process.
            folder: where it starts, and looks for modules first; None = where this process is.
            program: what Python is told of it: ``-m`` and a module, or ``-c`` and a text.
        """
        self.args = [*program, *arguments]
        self.returncode: int | None = None
        request = {
            "program": program,
            "arguments": arguments,
            "environ": {**(os.environ if environ is None else environ)},
            "folder": str(Path(folder or ".").absolute()),
        }
        self._answers, theirs = socket.socketpair()
        self._said = b""
        with theirs, open(os.devnull, "rb") as nothing:
            given = [nothing.fileno(), stdout.fileno(), stderr.fileno(), theirs.fileno()]
            socket.send_fds(_loaded(), [json.dumps(request).encode()], given)
        self._hear(until=1, timeout=60)
        self.pid = int(self._said.split()[0])

    def poll(self) -> int | None:
        """Its exit code, once it has ended; minus the signal that it ended by."""
        if self.returncode is None:
            self._hear(until=2, timeout=0)
            said = self._said.split(b"\n")
            self.returncode = int(said[1]) if len(said) > 2 else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._hear(until=2, timeout=left)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()

    def _hear(self, *, until: int, timeout: float | None) -> None:
        """Read what it is told about the child until so many lines are there, or the time is over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._said.count(b"\n") < until:
            self._answers.settimeout(None if deadline is None else max(0.0, deadline - time.monotonic()))
            try:
                said = self._answers.recv(64)
            except (BlockingIOError, TimeoutError):
                return
            if not said:
                raise RuntimeError(f"the process that starts others is gone: {self.args}")
            self._said += said


def run(
    arguments: list[str],
    *,
    environ: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    timeout: float = 120,
    program: tuple[str, str] = STREAMGAUGE,
) -> subprocess.CompletedProcess[str]:
    """Run ``streamgauge ARGUMENTS``, or another program, to its end, and take what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given: dict[str, Any] = {"environ": environ, "folder": folder, "program": program}
        with Started(arguments, stdout=out, stderr=err, **given) as child:
            code = child.wait(timeout)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(child.args, code, *texts)


@cache
def _loaded() -> socket.socket:
    """Where to ask; the process is started once, ends with this one, and its children with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    words = [*tied, sys.executable, "-m", "tests.starting.loaded"]
    with theirs:
        child = subprocess.Popen(words, stdin=theirs.fileno(), cwd=ROOT, env=environ, start_new_session=True)
    atexit.register(child.wait)
    atexit.register(ours.close)
    return ours
