"""A process that has loaded what Streamgauge stands on, and turns into one of its commands on demand, by forking.

Reads requests from its standard input, a socket: a JSON object, and with it what becomes the child's standard input,
output and error, and a socket on which it answers: the child's process id, and once it has ended its exit code.
Nothing of Streamgauge itself is loaded here, nor what starts threads: each child does that for itself, in its own
environment, as ``python -m streamgauge`` does.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from typing import Any

LIBRARIES = (
    "numpy", "pydantic", "yaml", "sqlalchemy.dialects.sqlite", "alembic.command", "sqlglot", "structlog", "rich.live",
    "rich.table", "fastapi", "uvicorn", "websockets", "jinja2", "httpx", "msgspec", "psutil", "prometheus_client", "typer",
    "prometheus_fastapi_instrumentator", "confluent_kafka.admin", "zoneinfo", "multiprocessing", "numba", "datasketches",
)  # fmt: skip
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def serve() -> dict[str, Any] | None:
    """Fork one child for each request; returns the request in a child, and None once nobody asks any more."""
    asking = socket.socket(fileno=os.dup(0))
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    answers: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([asking.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _tell_who_ended(answers)
        if asking.fileno() in ready:
            text, given, _, _ = socket.recv_fds(asking, 1 << 20, 4)
            if not text:
                return None
            request = json.loads(text)
            if (child := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for held in (asking, *answers.values()):
                    held.close()
                _take(given, (wake, woken))
                return dict(request)
            answer = answers[child] = socket.socket(fileno=given[3])
            for descriptor in given[:3]:
                os.close(descriptor)
            answer.sendall(f"{child}\n".encode())


def _tell_who_ended(answers: dict[int, socket.socket]) -> None:
    while answers:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with answers.pop(child) as answer:
            try:
                answer.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            except OSError:
                continue  # whoever started it is no longer interested


def _take(given: list[int], others: tuple[int, ...]) -> None:
    """Make what was given the child's standard input, output and error; it ends with its parent."""
    for number, descriptor in enumerate(given[:3]):
        os.dup2(descriptor, number)
    for descriptor in (*given, *others):
        os.close(descriptor)
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def become(request: dict[str, Any]) -> None:
    """Go on as the program that was asked for, ``python -m streamgauge`` for one, in its folder and environment."""
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.path[1:1] = [path for path in request["environ"].get("PYTHONPATH", "").split(os.pathsep) if path]
    importlib.invalidate_caches()
    unbuffered = bool(request["environ"].get("PYTHONUNBUFFERED"))
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    sys.stdout = _writing(1, errors="strict", at_once=unbuffered)
    sys.stderr = _writing(2, errors="backslashreplace", at_once=True)
    option, what = request["program"]
    sys.argv = [what if option == "-m" else option, *request["arguments"]]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # as `python -c` does


def _writing(number: int, *, errors: str, at_once: bool) -> io.TextIOWrapper:
    """As Python opens its own at its start."""
    stream = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    return io.TextIOWrapper(stream, "utf-8", errors, line_buffering=at_once or os.isatty(number))


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # what is shared is not looked at by each child
    if (asked := serve()) is not None:
        become(asked)
