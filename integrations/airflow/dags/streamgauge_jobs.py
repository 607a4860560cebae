# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""How tasks call Streamgauge: a verb of its own environment as a child process, or its server over HTTP.

Airflow's environment does not hold the package ``streamgauge``; this file imports the standard library and Airflow alone.
Where Streamgauge is, the worker's environment says:

- ``STREAMGAUGE_COMMAND``: the program, such as ``/opt/streamgauge/bin/streamgauge``; default: ``streamgauge``.
- ``STREAMGAUGE_FOLDER``: where configurations and files lie and jobs run; default: the present folder.

Jobs may be killed and called again at any point: what is done already they find in their stores.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowFailException

log = logging.getLogger("airflow.task.streamgauge")

FAILED, WRONG, MISSING = 1, 2, 3
"""Exit codes: a check that was asked for failed; wrong usage or configuration; something outside is missing, or another one
does the same just now."""

PATIENCE = 20.0
"""Seconds that a job may take to end in order when its task is stopped."""

TRIED_AGAIN: dict[str, Any] = {
    "retries": int(os.environ.get("STREAMGAUGE_RETRIES", "4")),
    "retry_delay": timedelta(seconds=float(os.environ.get("STREAMGAUGE_RETRY_SECONDS", "30"))),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
"""What every task has: a server that is away, a worker that is killed, pass."""


def folder() -> Path:
    """Where jobs run, and paths count from."""
    return Path(os.environ.get("STREAMGAUGE_FOLDER", "."))


def call(
    *words: str,
    environ: Mapping[str, str] | None = None,
    progress: str | None = None,
) -> list[dict[str, Any]]:
    """Run ``streamgauge WORDS`` to its end; its log becomes the task's, its JSON objects come back.

    Args:
        words: the verb and its options. No secrets: everyone on the machine sees them.
        environ: variables beside the worker's own, such as a token.
        progress: a file of one JSON object that the job renews; each change is logged.

    Raises:
        AirflowFailException: it ended with 1 or 2, so that another try would end the same.
        AirflowException: it ended otherwise, or was killed, so that another try is worth it.
    """
    command = [*shlex.split(os.environ.get("STREAMGAUGE_COMMAND", "streamgauge")), *words]
    log.info("calls %s in %s", shlex.join(command), folder())
    objects: list[dict[str, Any]] = []
    with _running(command, {**os.environ, **(environ or {})}) as child:
        readers = [
            threading.Thread(target=_keep, args=(child.stdout, objects)),
            threading.Thread(target=_tell, args=(child.stderr,)),
        ]
        for reader in readers:
            reader.start()
        code = _ended(child, None if progress is None else folder() / progress)
        for reader in readers:
            reader.join(PATIENCE)
    if code == 0:
        return objects
    told = f"`{words[0]}` {_how(code)}; its last lines stand above"
    raise AirflowFailException(told) if code in (FAILED, WRONG) else AirflowException(told)


def post(connection_id: str, path: str, body: Mapping[str, Any]) -> None:
    """Tell a running Streamgauge something; its address and token are those of the connection.

    Raises:
        AirflowFailException: it refuses.
        AirflowException: it is away, or asks for patience.
    """
    url, token = server(connection_id)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    asked = urllib.request.Request(url + path, json.dumps(body).encode(), headers)  # noqa: S310  an administrator's
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310  likewise
            log.info("%s%s answered %s", url, path, answer.status)
    except urllib.error.HTTPError as error:
        told = f"{url}{path} answered {error.code}: {error.read(1000).decode(errors='replace')}"
        passes = error.code in (408, 429) or error.code >= 500
        raise (AirflowException if passes else AirflowFailException)(told) from None
    except OSError as error:
        raise AirflowException(f"no Streamgauge answers at {url}: {error}") from None


def server(connection_id: str) -> tuple[str, str]:
    """Address and token (the password, empty where there is none) of an Airflow connection; asked for in a task only."""
    found = Connection.get(connection_id)
    scheme = found.conn_type if found.conn_type in ("http", "https") else "http"
    host = found.host or "127.0.0.1"
    url = host if "://" in host else f"{scheme}://{host}"
    return (f"{url}:{found.port}" if found.port else url).rstrip("/"), found.password or ""


def options(given: Mapping[str, Any]) -> list[str]:
    """Options and values as words; those without a value are left out.

    >>> options({"--by": "country", "--window": "", "--scores": True})
    ['--by', 'country', '--scores']
    """
    words: list[str] = []
    for name, value in given.items():
        if value is True:
            words.append(name)
        elif value not in (None, "", False):
            words += [name, str(value)]
    return words


@contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A child that does not outlive its task: ended in order, then killed; with a killed task it goes too."""
    child = subprocess.Popen(  # noqa: S603  the words are the DAG's
        command,
        cwd=folder(),
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=_goes_with_its_parent if sys.platform == "linux" else None,  # noqa: PLW1509  no thread runs yet
    )
    try:
        yield child
    finally:  # also when the task timed out or was stopped
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _goes_with_its_parent() -> None:
    """PR_SET_PDEATHSIG: the kernel ends the child when the thread that started it is gone."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _ended(child: subprocess.Popen[str], progress: Path | None) -> int:
    """Its exit code; meanwhile how far it is."""
    told = ""
    while True:
        try:
            return child.wait(2.0)
        except subprocess.TimeoutExpired:
            with suppress(OSError, AttributeError):
                now = progress.read_text("utf-8").strip()  # type: ignore[union-attr]  None is passed over
                if now != told:
                    log.info("so far: %s", now)
                    told = now


def _keep(lines: IO[str], objects: list[dict[str, Any]]) -> None:
    for line in lines:
        log.info("%s", line.rstrip())
        with suppress(ValueError):
            if isinstance(one := json.loads(line), dict):
                objects.append(one)


def _tell(lines: IO[str]) -> None:
    for line in lines:
        log.info("%s", line.rstrip())


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    reasons = {
        FAILED: "a check failed",
        WRONG: "wrong usage or configuration",
        MISSING: "something outside is missing, or another one runs",
    }
    return f"ended with {code}" + (f" ({reasons[code]})" if code in reasons else "")
