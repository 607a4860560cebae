"""Demos as real processes beside each other: the streams last as long as they last, so none waits for another."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamgauge.testing import eventually

_URL = re.compile(r"http://127\.0\.0\.1:(\d+)")

WITH_RULES = """
import sys
from pathlib import Path
from streamgauge.demo.play import Manner, play
from streamgauge.demo.stage import Play
rules, records, rate = sys.argv[1:]
what = Play(int(records), float(rate), 1, Path(rules).read_text("utf-8"))
sys.exit(play(what, Manner(port=0, as_json=True)))
"""
"""Plays with another file than the one that is shipped."""


class Demo:
    """One demo that runs; what it prints is gathered while it does."""

    def __init__(self, arguments: list[str], **environ: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "80", "LINES": "24", "PYTHONUNBUFFERED": "1", **environ},
        )
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [
            threading.Thread(target=kept.extend, args=(pipe,), daemon=True)
            for kept, pipe in ((self._out, self._process.stdout), (self._err, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def out(self) -> str:
        """The standard output so far."""
        return "".join(self._out)

    @property
    def err(self) -> str:
        """The error output so far."""
        return "".join(self._err)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The standard output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def server(self) -> str:
        """Where its server is; waits until it says so."""
        eventually(lambda: _URL.search(self.out + self.err) or self.ended, "its address", within=_LONG)
        found = _URL.search(self.out + self.err)
        assert found, self.told()
        return found[0]

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def says(self, text: str) -> None:
        """Wait until ``text`` was printed."""
        eventually(lambda: text in self.out + self.err or self.ended, text, within=_LONG)
        assert text in self.out + self.err, self.told()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(150)
        for reader in self._readers:
            reader.join(10)
        return code

    def close(self) -> None:
        """End it, whatever it does."""
        if not self.ended:
            self._process.kill()
        self._process.wait(10)

    def told(self) -> str:
        """Everything that it printed."""
        return f"--- standard output\n{self.out}\n--- error output\n{self.err}"


class Terminal:
    """A pseudo-terminal of 24 lines and 80 columns, with a demo in it."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        plain = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamgauge", "demo", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**plain, "TERM": "xterm-256color", **environ},
        )
        os.close(theirs)
        self._ours = ours
        self.shown = ""

    def end(self) -> int:
        """Read until it is over; the exit code."""
        printed = bytearray()
        with suppress(OSError):  # how a terminal says that nobody writes any more
            while piece := os.read(self._ours, 65_536):
                printed += piece
        self.shown = printed.decode("utf-8")
        return self._process.wait(30)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._ours)


_LONG = timedelta(seconds=90)


def demo(*arguments: str | Path, **environ: str) -> Demo:
    """``streamgauge demo …``."""
    return Demo(["-m", "streamgauge", "demo", *map(str, arguments)], **environ)


def demo_with(rules: Path, *, seconds: float, rate: int = 1000) -> Demo:
    """A demo whose file is ``rules``."""
    arguments = ["-c", WITH_RULES, str(rules), str(round(seconds * rate)), str(rate)]
    return Demo(arguments, STREAMGAUGE_JIT="off")
