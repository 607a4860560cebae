"""Prefect as a program of its own: flows run as scripts, a server, a worker; and what the API tells of them."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from streamgauge.testing import eventually
from tests.services.environments import environment
from tests.services.process import ServerProcess, answers, free_ports

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "integrations" / "prefect"
PACKAGES = ("prefect==3.8.8", "fastapi>=0.139,<0.151", "apprise<2", "sqlalchemy>=2.0,<2.1")
_LONG = timedelta(seconds=240)
COMMAND = Path(sys.executable).with_name("streamgauge")


def prefect_python() -> Path:
    """Prefect's Python, which knows nothing of ours."""
    return environment("prefect", *PACKAGES)


class Home:
    """A folder in which flows run: Prefect's own files, our logs, and a log of each call of the command.

    Attributes:
        calls: a file with the words of each call, a line each.
        environ: what flows find in the environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.calls = folder / "calls.txt"
        self.command = folder / "streamgauge-called"
        self._write_command()
        ours = ("PREFECT_", "STREAMGAUGE", "KAFKA_", "DRIFT_", "PSI_", "SLACK_", "PYTHON", "VIRTUAL_ENV")
        around = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environ = {
            **around,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "240",
            "DO_NOT_TRACK": "1",
            "STREAMGAUGE_COMMAND": str(self.command),
            "STREAMGAUGE_FOLDER": str(folder),
            "STREAMGAUGE_RETRY_SECONDS": "0.2",
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", ""),
            **variables,
        }

    def _write_command(self) -> None:
        """The real command, behind a line that is noted, and a fault that strikes once where a file asks for it."""
        self.command.write_text(
            f"""#!/bin/sh
echo "$@" >> {self.calls}
job="$1"; [ "$1" = slice ] && job="slice-$2"
strikes() {{ [ -e "{self.folder}/$1-$job" ] && rm "{self.folder}/$1-$job"; }}
if strikes killed; then {COMMAND} "$@" > /dev/null; kill -KILL $$; fi
if strikes away; then echo "somebody is away" >&2; exit 3; fi
if strikes wrong; then echo "no such column" >&2; exit 2; fi
if strikes flow-killed; then kill -KILL $PPID; exit 3; fi
exec {COMMAND} "$@"
"""
        )
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)

    def fault(self, kind: str, job: str) -> None:
        """Of the next call of a job: ``killed`` once its work is done, ``away`` (3), ``wrong`` (2), or ``flow-killed``.

        ``job`` is the verb, of ``slice`` also the word behind it: ``slice-done``.
        """
        (self.folder / f"{kind}-{job}").touch()

    def called(self, verb: str) -> list[str]:
        """The calls of a verb so far."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if line.split()[0] == verb]

    def run(self, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Prefect's Python with these words, to its end."""
        return self._run_in(self.folder, words, variables)

    def _run_in(
        self, folder: Path, words: Sequence[object], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(prefect_python()), *map(str, words)],
            cwd=folder,
            env={**self.environ, **variables},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def flow(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A flow, run as a script."""
        return self.run(FOLDER / "flows" / f"{name}.py", **variables)

    def prefect(self, *words: str, **variables: str) -> str:
        """Prefect's own command line, in the folder of the flows; what it prints."""
        done = self._run_in(FOLDER, ["-m", "prefect", *words], variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *words: str, **variables: str) -> ServerProcess:
        """Prefect's own command line as a server, which ends at the latest with the tests."""
        around = [f"{key}={value}" for key, value in {**self.environ, **variables}.items()]
        env = shutil.which("env") or "/usr/bin/env"
        python = str(prefect_python())
        return ServerProcess(
            [env, "-i", "-C", str(self.folder), *around, python, "-m", "prefect", *words],
            self.folder / f"{name}.log",
        )


class Server:
    """A Prefect server on a free port; use it with ``with``."""

    def __init__(self, home: Home) -> None:
        (self._port,) = free_ports(1)
        self._home = home
        self.api = f"http://127.0.0.1:{self._port}/api"

    def __enter__(self) -> Self:
        words = ("server", "start", "--host", "127.0.0.1", "--port", str(self._port))
        self._process = self._home.start("server", *words)
        try:
            eventually(lambda: not self._process.running or self._answers(), within=_LONG)
            assert self._process.running, self._process.last_words()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def _answers(self) -> bool:
        if not answers(self._port):
            return False
        with urllib.request.urlopen(f"{self.api}/health", timeout=30) as answer:
            return bool(answer.status == 200)

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the API answers to a POST, such as ``/flow_runs/filter``."""
        request = urllib.request.Request(
            self.api + path, json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
