"""Alertmanager as a child process."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import httpx

from tests.services.missing import CannotBeHadError
from tests.services.process import Server, ServerProcess, free_ports

MODULE = "github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1"
CACHE = Path(__file__).parents[3] / ".cache" / "alertmanager"
PATIENCE = 30.0
_CONFIG = """\
route: {{receiver: ours, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: ours
    webhook_configs: [{{url: "{receiver}", send_resolved: true}}]
"""


class Alertmanager(Server):
    """One Alertmanager, which tells ``receiver`` at once of what fires and what is over."""

    def __init__(self, receiver: str = "http://127.0.0.1:9/") -> None:
        self._receiver = receiver
        self._folder = Path(tempfile.mkdtemp(prefix="alertmanager-"))
        self._port = free_ports(1)[0]
        self._server: ServerProcess | None = None
        self._web = httpx.Client(verify=False, timeout=10, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Start it, and wait until it is ready."""
        config = self._folder / "alertmanager.yml"
        config.write_text(_CONFIG.format(receiver=self._receiver))
        command = [
            str(program()), f"--config.file={config}", f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}", "--cluster.listen-address=", "--log.level=warn",
        ]  # fmt: skip
        self._server = ServerProcess(command, self._folder / "log")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._server.running:
            try:
                if self._web.get(f"{self.url}/-/ready").status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.02)
        raise CannotBeHadError(f"Alertmanager does not start: {self._server.last_words()}")

    def lose_everything(self) -> None:
        """Killed with its disk; a new one takes its place."""
        assert self._server is not None
        self._server.kill()
        shutil.rmtree(self._folder / "data", ignore_errors=True)
        self.start()

    def alerts(self) -> list[dict[str, Any]]:
        """What fires there now."""
        found: list[dict[str, Any]] = self._web.get(f"{self.url}/api/v2/alerts").json()
        return found

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
        self._web.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def program() -> Path:
    """The one that was built, one of the machine's, or one built now."""
    for found in (
        CACHE / "alertmanager",
        shutil.which("alertmanager"),
        shutil.which("prometheus-alertmanager"),
    ):
        if found is not None and Path(found).exists():
            return Path(found)
    if shutil.which("go") is None:
        raise CannotBeHadError(
            "Alertmanager is not here: install prometheus-alertmanager, or Go 1.24 to build it"
        )
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(CACHE)}
    built = subprocess.run(
        ["go", "install", MODULE], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if built.returncode != 0:
        raise CannotBeHadError(f"Alertmanager cannot be built: {built.stderr[-500:]}")
    return CACHE / "alertmanager"
