"""The on-call pages in a real browser, over a running engine that finds planted faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from streamgauge.testing import eventually
from tests.server.serving import serving
from tests.services.chromium import Chromium

pytestmark = pytest.mark.services

PAGES = ["/", "/incidents", "/monitors", "/monitors/burst", "/streams", "/silences"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a running engine serves its pages, once it has found the burst."""
    with serving(tmp_path_factory.mktemp("pages"), until="burst") as url:
        yield url


@contextmanager
def opened(chromium: Chromium, url: str, *, size: Any = None, scheme: Any = "light") -> Iterator[Page]:
    """A page whose console must stay silent."""
    context = chromium.context(viewport=size or WIDE, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert not said


@pytest.mark.parametrize("path", PAGES)
def test_nothing_keeps_people_from_using_a_page(chromium: Chromium, served: str, path: str):
    for scheme in ("light", "dark"):
        with opened(chromium, served + path, scheme=scheme) as page:
            page.wait_for_selector("h1")
            found = Axe().run(page).response["violations"]
            assert not [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in SERIOUS]


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_page_does_not_scroll_sideways(chromium: Chromium, served: str, path: str):
    with opened(chromium, served + path, size=NARROW) as page:
        page.wait_for_selector("h1")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_what_goes_on_is_kept_fresh_without_jumping(chromium: Chromium, served: str):
    with opened(chromium, served + "/") as page:
        number = page.locator(".card .large .number")
        page.evaluate("window.scrollTo(0, 120); window.marked = document.querySelector('.card')")
        before, top = number.inner_text(), page.evaluate("window.scrollY")
        eventually(lambda: number.inner_text() != before, within=timedelta(seconds=60))
        assert page.evaluate("window.scrollY") == top
        assert page.evaluate("window.marked === document.querySelector('.card')"), "replaced, not morphed"


def test_from_what_fires_to_its_incident_and_its_monitor(chromium: Chromium, served: str):
    with opened(chromium, served + "/incidents?monitor=burst") as page:
        page.locator("td.what a").first.click()
        page.wait_for_selector("svg.chart .mark")
        assert "burst of" in page.locator("h1").inner_text()
        assert page.locator("svg.chart .limit").count() == 1
        page.get_by_role("link", name="burst", exact=True).first.click()
        page.wait_for_selector("pre")
        assert "events > 100" in page.locator("pre").inner_text()


def incident(url: str, monitor: str = "burst") -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/api/v1/incidents?monitor={monitor}").json()["incidents"][0]
    answer: dict[str, Any] = httpx.get(f"{url}/api/v1/incidents/{found['id']}").json()
    return answer


def test_a_note_an_owner_and_feedback_reach_the_api_and_the_page(chromium: Chromium, served: str):
    one = incident(served)
    with opened(chromium, f"{served}/incidents/{one['id']}") as page:
        page.get_by_label("note").fill("<b>looked into it</b>")
        page.get_by_role("button", name="Note it").click()
        page.wait_for_selector("#said:has-text('Done.')")
        page.get_by_role("button", name="Useful").click()
        page.wait_for_selector("dd:has-text('useful')")
        assert page.locator("dd:has-text('<b>looked into it</b>')").count() == 1
    told = incident(served)
    assert (told["note"], told["feedback"]) == ("<b>looked into it</b>", "useful")


def test_an_acknowledgement_reaches_the_api(chromium: Chromium, served: str):
    """The burst comes anew each five minutes, so one that fires is asked for by a rule that always holds."""
    eventually(lambda: httpx.get(f"{served}/api/v1/incidents?monitor=any").json()["incidents"])
    one = incident(served, "any")
    with opened(chromium, f"{served}/incidents/{one['id']}") as page:
        page.get_by_role("button", name="Acknowledge").click()
        page.wait_for_selector(".badge:has-text('acknowledged')")
        assert page.get_by_role("button", name="Acknowledge").count() == 0
    assert incident(served, "any")["state"] == "acknowledged"


def test_a_silence_is_made_mutes_and_is_taken_back(chromium: Chromium, served: str):
    with opened(chromium, served + "/silences") as page:
        page.get_by_label("about").fill("monitor=quiet")
        page.get_by_label("why").fill("moving the rack")
        page.get_by_role("button", name="Silence", exact=True).click()
        page.wait_for_selector("td:has-text('moving the rack')")
        (made,) = httpx.get(f"{served}/api/v1/silences").json()["silences"]
        assert made["comment"] == "moving the rack"
        page.get_by_role("button", name="Take back").click()
        page.wait_for_selector("h2:has-text('Over')")
    assert httpx.get(f"{served}/api/v1/silences").json()["silences"] == []


def test_what_the_api_refuses_is_said(chromium: Chromium, served: str):
    context = chromium.context(viewport=WIDE)
    page = context.new_page()
    page.goto(served + "/silences")
    page.get_by_label("about").fill("nonsense")
    page.get_by_role("button", name="Silence", exact=True).click()
    page.wait_for_selector("#said.trouble:has-text('is not a matcher')")
    context.close()


def test_by_keyboard_alone(chromium: Chromium, served: str):
    with opened(chromium, served + "/") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/incidents")


def test_a_changed_copy_of_a_monitor_is_tried_on_the_last_hour(chromium: Chromium, served: str):
    with opened(chromium, served + "/monitors/any") as page:
        page.wait_for_selector("h2:has-text('Why') + div p:not(.empty)")
        written = page.get_by_label("The monitor, as below")
        text = written.input_value()
        assert "type: threshold" in text
        written.fill(text.replace("n > 0", "n > 1"))
        page.get_by_role("button", name="Try it").click()
        page.wait_for_selector("#outcome", timeout=90_000)
        assert "It would have fired 1 time; 1 did fire. In both: 1." in page.locator("#outcome").inner_text()
        assert "n > 1" in written.input_value(), "what was written is gone"
        assert page.locator("#tried svg.chart .mark").count() == 1
        found = Axe().run(page).response["violations"]
        assert not [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in SERIOUS]


def test_a_draft_that_makes_no_sense_is_refused_in_words(chromium: Chromium, served: str):
    context = chromium.context(viewport=WIDE)  # its console hears of the refusal
    page = context.new_page()
    page.goto(served + "/monitors/burst")
    page.get_by_label("The monitor, as below").fill("stream: payments\ndetect: {type: thresold}")
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("#said.trouble:has-text('threshold')", timeout=60_000)
    context.close()


def test_streams_show_their_newest_records_and_which_key_lies_where(chromium: Chromium, served: str):
    with opened(chromium, served + "/streams") as page:
        records = page.get_by_role("region", name="Newest records of payments")
        records.wait_for()
        assert records.locator("tbody tr").count() == 5
        keys = page.get_by_role("region", name="Keys by partition of payments")
        assert keys.locator("tbody tr").count() == 3


def test_the_description_of_the_api_opens_without_the_internet(chromium: Chromium, served: str):
    """Whatever it asked elsewhere would be an error in the console."""
    with opened(chromium, served + "/docs") as page:
        page.wait_for_selector(".opblock", timeout=60_000)
        assert page.locator(".opblock").count() > 30
