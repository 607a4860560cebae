"""``python -m tests.docs.screenshots``: pictures of a real engine's pages, and of the analysis app over the demo."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.docs import app_pictures
from tests.docs.pages import ROOT
from tests.server.serving import serving
from tests.services.chromium import Chromium

FOLDER = ROOT / "docs" / "images" / "pages"


def main() -> None:
    """Take them all: wide and light; the first page also narrow and dark."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    browser = Chromium().start()
    with TemporaryDirectory() as folder, serving(Path(folder), until="burst") as url:
        _take(browser, url + "/", FOLDER / "now.png", width=1280, scheme="light", ready="text=quiet of")
        burst = httpx.get(f"{url}/api/v1/incidents?monitor=burst").json()["incidents"][0]["id"]
        pages = {
            "incident": f"/incidents/{burst}",
            "monitor": "/monitors/burst",
            "streams": "/streams",
        }
        for name, path in pages.items():
            _take(browser, url + path, FOLDER / f"{name}.png", width=1280, scheme="light")
        _take(browser, url + "/", FOLDER / "now-narrow-dark.png", width=390, scheme="dark")
    with TemporaryDirectory() as folder, app_pictures.demo(Path(folder)) as url:
        app_pictures.take(browser, url)
    browser.close()


def _take(
    browser: Chromium, url: str, file: Path, *, width: int, scheme: str, ready: str = ".curve, .chart"
) -> None:
    context = browser.context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(ready)
    page.screenshot(path=str(file))
    context.close()


if __name__ == "__main__":
    main()
