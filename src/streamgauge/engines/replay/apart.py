"""Work for a process of its own, so that it takes neither time nor memory from the engine, and cannot end it.

For what people ask of a running server that is heavy (a trial), or that a library may not survive (questions to brokers
that go away meanwhile).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import msgspec

from streamgauge.errors import StreamgaugeError
from streamgauge.stores.rows import json_text

MEMORY = 4 * 1024**3
"""Bytes that it may hold."""


class ApartError(StreamgaugeError):
    """Why nothing came of it, in a sentence."""


def ask(work: str, given: Any, seconds: float) -> dict[str, Any]:
    """What the function ``answer`` of the module ``work`` makes of ``given``, which goes there and comes back as JSON.

    Raises:
        ApartError: the work ended with an error for people, took too long, or its process ended.
    """
    command = [sys.executable, "-m", "streamgauge.engines.replay.apart", work]
    child = subprocess.Popen(  # noqa: S603  ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        out, _ = child.communicate(msgspec.json.encode(given), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ApartError(f"it took longer than {seconds:g} s and was ended; ask for less") from None
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise ApartError("its process ended before it had an answer; it may have needed too much memory")
    answer: dict[str, Any] = msgspec.json.decode(out)
    if "refused" in answer:
        raise ApartError(answer["refused"])
    return answer


def main() -> None:
    """Take the work, do it, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else writes to standard output does not belong to the answer
    _bound()
    try:
        answer = import_module(sys.argv[1]).answer(sys.stdin.buffer.read())
    except StreamgaugeError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "it needed too much memory; ask for less"}
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
