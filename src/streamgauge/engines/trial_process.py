"""The process that tries drafts, so that no trial ever takes time or memory from the engine beside it.

It runs :func:`main`: a :class:`~streamgauge.engines.trial.Job` comes in, its outcome as JSON goes out.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import msgspec

from streamgauge.engines.trial import Job, run
from streamgauge.errors import StreamgaugeError
from streamgauge.stores.rows import json_text

MEMORY = 4 * 1024**3
"""Bytes that it may hold."""


class TrialError(StreamgaugeError):
    """Why nothing came of a trial, in a sentence."""


def ask(job: Job, seconds: float) -> dict[str, Any]:
    """Have a job done by a process of its own.

    Raises:
        TrialError: the draft is wrong, its records cannot be had, or it took too long.
    """
    command = [sys.executable, "-m", "streamgauge.engines.trial_process"]
    child = subprocess.Popen(  # noqa: S603  ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        out, _ = child.communicate(pickle.dumps(job), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise TrialError(
            f"it took longer than {seconds:g} s and was ended; ask for less time, or give fewer records"
        ) from None
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise TrialError("its process ended before it had an answer; it may have needed too much memory")
    answer: dict[str, Any] = msgspec.json.decode(out)
    if "refused" in answer:
        raise TrialError(answer["refused"])
    return answer


def main() -> None:
    """Take a job, do it, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else writes to standard output does not belong to the answer
    _bound()
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301  see above
    try:
        answer = run(job).as_json()
    except StreamgaugeError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "it needed too much memory; ask for less time, or give fewer records"}
    out.write(json_text(answer).encode())
    out.close()
    os._exit(0)  # clients of brokers may still be talking


def _bound() -> None:
    with suppress(OSError):
        os.nice(10)
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
