"""Prometheus as a child process."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import httpx

from tests.services.missing import CannotBeHadError
from tests.services.process import Server, ServerProcess, free_ports
from tests.services.prometheus.install import program

PATIENCE = 30.0


class Prometheus(Server):
    """One Prometheus with a configuration and the rules beside it; data in a temporary folder."""

    def __init__(self, config: str, rules: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="streamgauge-prometheus-"))
        (self._folder / "prometheus.yml").write_text(config, "utf-8")
        if rules is not None:
            shutil.copy(rules, self._folder / rules.name)
        self._port = free_ports(1)[0]
        self._server: ServerProcess | None = None
        self._web = httpx.Client(verify=False, timeout=30, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Start it, and wait until it is ready."""
        command = [
            str(program("prometheus")), f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}", f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        ]  # fmt: skip
        self._server = ServerProcess(command, self._folder / "log")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._server.running:
            try:
                if self._web.get(f"{self.url}/-/ready").status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise CannotBeHadError(f"Prometheus does not start: {self._server.last_words()}")

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        answer = self._web.post(f"{self.url}/api/v1/query", data={"query": expr}).json()
        assert answer["status"] == "success", f"{expr}: {answer}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def get(self, path: str) -> Any:
        """The data of another question, such as ``targets`` or ``rules``."""
        return self._web.get(f"{self.url}/api/v1/{path}").json()["data"]

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
        self._web.close()
        shutil.rmtree(self._folder, ignore_errors=True)
