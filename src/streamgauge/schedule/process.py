"""One try of a run as a process: begun, watched, ended; it ends by itself when nobody watches it any more.

The process reads its standard input, which we hold open and never write to: its end means that we are gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from streamgauge.schedule.book import Run

MODULE = "streamgauge.cli._working"
PATIENCE = 5.0
"""Seconds between the wish that it ends and its end by force."""


class Process:
    """A try that goes on.

    Args:
        job: the job's name.
        words: the verb and its arguments.
        run: which run it is.
        store: where it writes down how it ended.
        config: the configuration's file, for verbs that take ``--config`` and are given none.
        shown: the descriptor that takes what it prints, such as 1; None: nobody sees it.
    """

    def __init__(
        self,
        job: str,
        words: Sequence[str],
        run: Run,
        store: str,
        *,
        config: str | None = None,
        shown: int | None = None,
    ) -> None:
        command = [
            sys.executable,
            "-m",
            MODULE,
            job,
            run.id,
            str(run.due),
            str(run.began),
            store,
            config or "",
            *words,
        ]
        self._process = subprocess.Popen(  # noqa: S603  a verb of ours, with the words of the file
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL if shown is None else shown,
            start_new_session=True,
        )  # fmt: skip
        self.run = run

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative where a signal killed it; None while it goes on."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its exit code."""
        return self._process.wait()

    def stop(self) -> None:
        """End it and whatever it began, and wait until it is over."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
