"""The dashboard in a browser, as somebody sees it who has signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from streamgauge.testing import eventually
from tests.services.chromium import Chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHARTS = 8
PATIENCE = timedelta(minutes=3)


def opened(chromium: Chromium, url: str, password: str) -> Page:
    """The page, once every chart is drawn; tall enough to show all of them."""
    page = chromium.context(viewport={"width": 1500, "height": 1950}).new_page()
    page.set_default_timeout(PATIENCE.total_seconds() * 1000)
    page.goto(f"{url}/login/")
    page.fill("input#username", "admin")
    page.fill("input[type=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda at: "login" not in at)
    page.goto(f"{url}/superset/dashboard/streamgauge/")
    holders = page.locator(".dashboard-component-chart-holder")
    drawn = holders.filter(has=page.locator("canvas, table"))
    eventually(lambda: drawn.count() == CHARTS, "each chart is drawn", within=PATIENCE)
    eventually(lambda: page.locator(".loading").count() == 0, "nothing loads any more", within=PATIENCE)
    assert holders.count() == CHARTS
    seen = [b""]

    def still() -> bool:
        seen.append(page.screenshot())
        return seen[-1] == seen[-2]

    eventually(still, "lines are drawn to their ends", within=PATIENCE)
    return page
