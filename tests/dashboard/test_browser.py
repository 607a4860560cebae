"""The app in a real browser: with data, with an empty store, with the server away; nothing on the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from streamgauge.dashboard.process import App
from streamgauge.dashboard.reach import Reach
from tests.dashboard.browsing import CHART, SECONDS, opened
from tests.dashboard.given import configured, free_port, served
from tests.services.chromium import Chromium

pytestmark = pytest.mark.services

SLOW = 60_000
"""Milliseconds, on a machine that does much else; how long it takes on a quiet one is measured in ``benchmarks``."""
PAGES = ("Drift", "Forecast", "Anomalies", "Model quality", "Explore")


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


def test_from_an_incident_to_its_chart_and_back(chromium: Chromium, app: App, filled: str):
    one = httpx.get(f"{filled}/api/v1/incidents?monitor=burst", timeout=30).json()["incidents"][0]
    with opened(chromium, f"{filled}/incidents/{one['id']}", app.url) as page:
        with page.expect_popup() as opening:
            page.get_by_role("link", name="Look at it in the analysis app").click()
        chart = opening.value
        chart.wait_for_selector("h1:has-text('Anomalies')", timeout=SECONDS)
        chart.wait_for_selector(CHART, timeout=SECONDS)
        settled(chart)
        for label, chosen in (("Monitor", "burst"), ("Key", one["key"]), ("Time", "from … to …")):
            assert chart.get_by_role("combobox", name=label).first.input_value() == chosen
        box = chart.locator("[data-testid=stVegaLiteChart]").first.bounding_box()
        assert box is not None
        chart.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.15 * box["height"])  # within its band
        chart.wait_for_url(f"{filled}/incidents/{one['id']}", timeout=SECONDS)
        chart.go_back()
        chart.wait_for_selector(CHART, timeout=SECONDS)
        assert chart.get_by_role("combobox", name="Key").first.input_value() == one["key"]


def test_pages_over_a_million_windows(chromium: Chromium, app: App):
    with opened(chromium, f"{app.url}/explore?monitor=day") as page:
        shows(page, "1,036,800 windows, shown as 500 points")
        page.get_by_label("At least").fill("130")
        page.keyboard.press("Enter")
        shows(page, "rows", CHART)
        with page.expect_download() as coming:
            page.get_by_role("button", name="CSV", exact=True).click()
        assert coming.value.suggested_filename == "day.csv"
        assert coming.value.path().read_text("utf-8").startswith("key,start,end,windows,severity,")
    with opened(chromium, f"{app.url}/anomalies?monitor=day&key=a-3") as page:
        shows(page, "86,400 windows, shown as 500 points")
        page.get_by_role("combobox", name="Value").click()
        page.get_by_role("option", name="spent", exact=True).click()
        shows(page, "spent and what was expected", CHART)


def shows(page: Page, text: str, *more: str) -> None:
    for selector in (f"text={text}", CHART, *more):
        page.wait_for_selector(selector, timeout=SLOW)


@contextmanager
def running(url: str) -> Iterator[App]:
    app = App(Reach(url, url), port=0, quiet=True)
    app.start()
    app.wait_ready()
    try:
        yield app
    finally:
        app.stop()
