"""The app in a real browser: with data, with an empty store, with the server away; nothing on the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from streamgauge.dashboard.process import App
from streamgauge.dashboard.reach import Reach
from tests.dashboard.given import configured, free_port, served
from tests.services.chromium import Chromium

pytestmark = pytest.mark.services

PAGES = ("Drift", "Forecast", "Anomalies", "Model quality", "Explore")
CHART = "[data-testid=stVegaLiteChart] :is(canvas, svg)"
SECONDS = 60_000


@pytest.fixture(scope="module")
def app(filled: str, app_port: int) -> Iterator[App]:
    """Streamlit, once, over the server with a past."""
    found = App(Reach(filled, filled), port=app_port, quiet=True)
    found.start()
    found.wait_ready()
    yield found
    found.stop()


@contextmanager
def opened(chromium: Chromium, url: str, *, scheme: Any = "light") -> Iterator[Page]:
    """A page whose console must stay silent, and which asks nobody but its own server."""
    context = chromium.context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, timezone_id="Asia/Tokyo"
    )
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            said.append(asked.url)
            if url.split("/")[2] not in asked.url and asked.url.startswith("http")
            else None
        ),
    )
    page.goto(url)
    yield page
    context.close()
    assert not said


def visit(page: Page, name: str) -> None:
    """By the links on top, as people do."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.wait_for_selector(f"h1:has-text('{name}')")
    settled(page)


def settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


@pytest.mark.parametrize(("scheme", "names"), [("light", PAGES), ("dark", PAGES[:2])])
def test_every_page_shows_the_data(chromium: Chromium, app: App, scheme: str, names: tuple[str, ...]):
    with opened(chromium, app.url, scheme=scheme) as page:
        for name in names:
            visit(page, name)
            page.wait_for_selector(CHART)
            assert page.get_by_test_id("stException").count() == 0
            assert page.get_by_text("Asia/Tokyo").count() >= 1
        assert page.locator("a", has_text="On-call pages").get_attribute("href") == app.where.pages


def test_made_up_points_change_the_status_while_one_looks(chromium: Chromium, app: App):
    with opened(chromium, f"{app.url}/?monitor=trial") as page:
        page.wait_for_selector("text=No data yet.")
        for button, status in (("Send without drift", "no drift"), ("Send with drift", "drift")):
            page.get_by_role("button", name="Made-up points").click()
            page.get_by_role("button", name=button).click()
            page.wait_for_selector("text=1,000 points")
            page.keyboard.press("Escape")
            page.wait_for_function(
                "status => [...document.querySelectorAll('[data-testid=stMetricValue]')].some(one => one.innerText.trim() === status)",
                arg=status,
            )


def test_a_server_that_is_away_comes_with_an_empty_store_and_goes(chromium: Chromium, tmp_path: Path):
    port = free_port()
    config = configured(tmp_path)
    config["streams"]["payments"]["source"] = {"type": "http", "token": "nobody-posts-here"}
    with running(f"http://127.0.0.1:{port}") as app, opened(chromium, app.url) as page:
        for name in PAGES:
            visit(page, name)
            page.wait_for_selector("text=No Streamgauge server answers")
        with served(tmp_path, config, port=port, ready=None):
            page.wait_for_selector("text=No data yet.")  # by itself
            for name in PAGES:
                visit(page, name)
                page.wait_for_selector("text=No data yet.")
                assert page.get_by_test_id("stException").count() == 0
        page.wait_for_selector("text=No Streamgauge server answers")


@contextmanager
def running(url: str) -> Iterator[App]:
    app = App(Reach(url, url), port=0, quiet=True)
    app.start()
    app.wait_ready()
    try:
        yield app
    finally:
        app.stop()
