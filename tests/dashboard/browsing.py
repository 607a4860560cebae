"""The app in a real browser, whose console must stay silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, Response

from tests.services.chromium import Chromium

CHART = "[data-testid=stVegaLiteChart] :is(canvas, svg)"
SECONDS = 60_000
ITSELF = ("/_stcore/health", "/_stcore/host-config")
"""Where Streamlit's own script looks for its server: below the page's own path first, where it is not."""


@contextmanager
def opened(chromium: Chromium, url: str, *also: str, scheme: Any = "light") -> Iterator[Page]:
    """A page whose console must stay silent, and which asks nobody but its own server, and those at ``also``."""
    context = chromium.context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, timezone_id="Asia/Tokyo"
    )
    said: list[str] = []
    hosts = [one.split("/")[2] for one in (url, *also)]

    def asked(request: Request) -> None:
        if request.url.startswith("http") and request.url.split("/")[2] not in hosts:
            said.append(request.url)

    def answered(response: Response) -> None:
        if response.status >= 400 and not response.url.endswith(ITSELF):
            said.append(f"{response.status} {response.url}")

    def told(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            said.append(message.text)

    context.on("request", asked)
    context.on("response", answered)
    context.on("console", told)
    context.on("weberror", lambda error: said.append(str(error.error)))
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(url)
    yield page
    context.close()
    assert said == []
