"""The pictures of the analysis app in ``docs/images/app``: of the demo at its end, in a real Chromium."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page

from streamgauge.testing import eventually
from tests.docs.pages import ROOT
from tests.docs.sessions import environment
from tests.services.chromium import Chromium

FOLDER = ROOT / "docs" / "images" / "app"
PAGES: Mapping[str, str] = {
    "Drift": "?monitor=mix",
    "Forecast": "forecast?monitor=orders",
    "Anomalies": "anomalies?monitor=refusals",
    "Model quality": "quality?monitor=model",
    "Explore": "explore?monitor=burst",
}
DARK = "Anomalies"
WAIT = timedelta(minutes=4)
CHART = "[data-testid=stVegaLiteChart] :is(canvas, svg)"


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Where the app of a demo is, once its stream has ended."""
    log = folder / "log"
    command = [
        sys.executable,
        "-m",
        "streamgauge",
        "demo",
        "--ui",
        "--plain",
        "--port",
        "0",
        "--keep",
        str(folder / "kept"),
    ]
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, env=environment(), cwd=folder)
    try:
        eventually(lambda: "look around at" in log.read_text("utf-8"), within=WAIT)
        address = re.search(r"the analysis app: (\S+)", log.read_text("utf-8"))
        assert address is not None
        yield address[1]
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)


def take(browser: Chromium, url: str) -> None:
    """All pages, light; one also dark."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, path in PAGES.items():
        for scheme in ("light", "dark") if name == DARK else ("light",):
            file = name.lower().replace(" ", "-") + ("-dark" if scheme == "dark" else "")
            _take(browser, f"{url}/{path}", FOLDER / f"{file}.png", scheme)


def _take(browser: Chromium, url: str, file: Path, scheme: str) -> None:
    context = browser.context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, timezone_id="Europe/Zurich"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(CHART, timeout=60_000)
    if "monitor=mix" in url:
        page.get_by_text("Live", exact=True).click()  # else it is asked anew while the picture is taken
    _settle(page)
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": 1280, "height": min(int(height) + 20, 1500)})
    _settle(page)
    page.screenshot(path=str(file))
    context.close()


def _settle(page: Page) -> None:
    """Until nothing is drawn any more: two looks alike."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    before = b""
    for _ in range(20):
        page.wait_for_timeout(500)
        now = page.screenshot()
        if now == before:
            return
        before = now
