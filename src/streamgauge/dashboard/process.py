"""The app as a process of its own: Streamlit, started with our look and without its telemetry, ended with us."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from streamgauge.dashboard import reach, theme
from streamgauge.errors import ConfigError, OutsideError

PORT = 8501
APP = Path(__file__).parent / "app.py"
INSTALL = "the analysis app needs Streamlit and Altair: pip install 'streamgauge[ui]'"
READY_SECONDS = 60.0
ENDING = 5.0
"""Seconds that it has to end."""

_SETTINGS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.maxUploadSize": "200",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "global.developmentMode": "false",
    "logger.level": "warning",
    "runner.magicEnabled": "false",
}


@dataclass(slots=True)
class App:
    """The app at one address.

    Args:
        where: how it reaches the server.
        host: where it listens.
        port: 0 takes a free one.
        quiet: what Streamlit says goes nowhere.
    """

    where: reach.Reach
    host: str = "127.0.0.1"
    port: int = PORT
    quiet: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """Where it is served."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  not listened to here
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    def start(self) -> None:
        """Start it; it is up a few seconds later, see :meth:`wait_ready`.

        Raises:
            OutsideError: Streamlit is not installed, or the port is taken.
        """
        check_installed()
        self.port = free_port(self.host, self.port)
        to = subprocess.DEVNULL if self.quiet else None
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own file
            self.command(), env=self.environment(dict(os.environ)), stdin=subprocess.DEVNULL, stdout=to,
            stderr=to,
        )  # fmt: skip

    def command(self) -> list[str]:
        """What is run: no secret is in it."""
        settings = {
            **_SETTINGS,
            **theme.settings(),
            "server.address": self.host,
            "server.port": str(self.port),
        }
        flags = [f"--{name}={value}" for name, value in settings.items()]
        return [sys.executable, "-m", "streamlit", "run", *flags, str(APP)]

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """``given`` with what the app has to know."""
        own = {
            reach.API: self.where.api,
            reach.PAGES: self.where.pages,
            reach.SHARED: str(int(self.where.shared)),
        }
        kept = {name: value for name, value in given.items() if name not in (reach.TOKEN, reach.TOKEN_FILE)}
        return {**kept, **own, **({reach.TOKEN: self.where.token} if self.where.token else {})}

    def wait_ready(self, wait: Callable[[float], None] = time.sleep) -> None:
        """Until it answers.

        Raises:
            OutsideError: it ended, or does not answer.
        """
        import httpx

        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise OutsideError(f"the analysis app ended before it was up; is port {self.port} taken?")
            try:
                if httpx.get(f"{self.url}/_stcore/health", timeout=2.0).is_success:
                    return
            except httpx.TransportError:
                pass
            wait(0.1)
        raise OutsideError(f"the analysis app did not answer at {self.url} within {READY_SECONDS:.0f} s")

    def wait(self) -> int:
        """Until it ends; its exit code."""
        assert self._process is not None
        return self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def check_installed() -> None:
    """Refuse to go on without the extra.

    Raises:
        OutsideError: Streamlit or Altair is missing.
    """
    if any(find_spec(name) is None for name in ("streamlit", "altair")):
        raise OutsideError(INSTALL)


def free_port(host: str, port: int) -> int:
    """``port``, or a free one for 0.

    Raises:
        OutsideError: it is taken, or cannot be listened to.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            found: int = listening.getsockname()[1]
            return found
    except OSError as error:
        raise OutsideError(
            f"cannot listen at {host}:{port}: {error.strerror or error}; name another port: --port 0 takes a free one"
        ) from error


def check_shared(where: reach.Reach, host: str, *, loopback: bool) -> None:
    """Refuse an app that hands its own token to whoever reaches it.

    Raises:
        ConfigError: others can reach ``host``, and a token was given.
    """
    if not loopback and where.token:
        raise ConfigError(
            f"{host} can be reached by others, and each of them would act with the token given. Leave it out: the app "
            "then asks every reader for theirs"
        )
