# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""How flows call Streamgauge: its command, in an environment of its own, as a process of the task.

``STREAMGAUGE_COMMAND`` says which command that is (``streamgauge``); words before it are fine, such as ``uv run streamgauge``.
``STREAMGAUGE_FOLDER`` says where configurations and files lie: paths count from there (the present folder). Secrets belong in the environment, which the command shares; its words are seen by everyone on the machine.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger
from prefect.tasks import exponential_backoff

OUTSIDE = 3
"""The exit code that says: something outside is missing. Trying again may help."""
PAUSE = float(os.environ.get("STREAMGAUGE_RETRY_SECONDS", "10"))
"""Seconds before the second try; each next pause is twice as long."""
LIMIT = float(os.environ.get("STREAMGAUGE_TIMEOUT_SECONDS", "3600"))
"""Seconds after which a call is ended and has failed."""


class JobFailedError(RuntimeError):
    """A call that did not end well.

    Attributes:
        code: its exit code; negative: the signal that killed it.
    """

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        super().__init__(said or f"it ended with {code}")

    def __reduce__(self) -> tuple[type[JobFailedError], tuple[int, str]]:
        return type(self), (self.code, str(self))

    @property
    def may_pass(self) -> bool:
        """Whether trying again may help: somebody was away, or the process was killed."""
        return self.code == OUTSIDE or self.code < 0


def may_pass(_task: object, _task_run: object, state: Any) -> bool:
    """Prefect's question whether a failed task is tried again; wrong usage stays wrong."""
    try:
        state.result()
    except JobFailedError as error:
        return error.may_pass
    except Exception:  # noqa: BLE001  whatever else went wrong may pass
        return True
    return False


RETRIES: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": exponential_backoff(PAUSE),
    "retry_condition_fn": may_pass,
}
"""What tasks that call are made with."""


def folder() -> Path:
    """Where paths count from."""
    return Path(os.environ.get("STREAMGAUGE_FOLDER", "."))


def call(words: Sequence[str], good: Sequence[int] = (0,)) -> list[dict[str, Any]]:
    """Run ``streamgauge WORDS``; what it prints as JSON, line by line. What it says beside that goes to the run's log.

    Args:
        words: the verb and its options.
        good: exit codes that are no failure; 1 says that a check asked for failed.

    Raises:
        JobFailedError: it ended otherwise, was killed, or took longer than ``STREAMGAUGE_TIMEOUT_SECONDS``.
    """
    logger = get_run_logger()
    command = [*shlex.split(os.environ.get("STREAMGAUGE_COMMAND", "streamgauge")), *words]
    logger.info("%s", shlex.join(["streamgauge", *words]))
    try:
        process = subprocess.Popen(  # noqa: S603  a verb, with the words of the flow
            command, cwd=folder(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        told = f"{command[0]} cannot be run ({error.strerror}): say in STREAMGAUGE_COMMAND where it is"
        raise JobFailedError(2, told) from error
    said: list[str] = []
    assert process.stderr is not None
    listening = threading.Thread(target=_pass_on, args=(process.stderr, said, logger), daemon=True)
    listening.start()
    late = threading.Timer(LIMIT, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        code = process.wait()
        listening.join()
    finally:
        late.cancel()
        process.kill()
    if code not in good:
        raise JobFailedError(code, "\n".join(said[-20:]))
    return [json.loads(line) for line in lines if line.startswith("{")]


def _pass_on(stream: Any, said: list[str], logger: Any) -> None:
    for line in stream:
        said.append(line.rstrip("\n"))
        logger.info("%s", said[-1])
