"""Finds Chromium, or brings it where this machine lets us, and starts it without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from tests.services.missing import CannotBeHadError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL = (
    ["apt-get", "update", "-qq"],
    ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
)


class Chromium:
    """One browser; pages of a test come from a context of their own."""

    def __init__(self) -> None:
        self._playwright: Any = None
        self._browser: Browser | None = None

    def start(self) -> Chromium:
        """Start it.

        Raises:
            CannotBeHadError: there is none, and this machine does not let us install it.
        """
        from playwright.sync_api import sync_playwright

        path = found() or brought()
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=path, args=list(QUIET))
        return self

    def context(self, **settings: Any) -> BrowserContext:
        """A fresh profile: no cookies, no cache."""
        assert self._browser is not None
        return self._browser.new_context(**settings)

    def close(self) -> None:
        """End it."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()


def found() -> str | None:
    """Where a Chromium is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def brought() -> str:
    """Install Debian's, where we may.

    Raises:
        CannotBeHadError: we may not, or it fails.
    """
    sentence = "there is no Chromium; install it (Debian: apt-get install chromium)"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotBeHadError(sentence)
    for command in INSTALL:
        done = subprocess.run(
            command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, check=False,
            timeout=600,
        )  # fmt: skip
        if done.returncode:
            raise CannotBeHadError(f"{sentence}: {done.stderr.decode(errors='replace')[-300:]}")
    path = found()
    if path is None:
        raise CannotBeHadError(sentence)
    return path
