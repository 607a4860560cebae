"""A page that stands open in a browser when its token is revoked."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from streamgauge.stores.tokens import Tokens
from tests.server.given import Process, incident
from tests.services.chromium import Chromium

pytestmark = pytest.mark.services


def sign_in(page: Page, token: str) -> None:
    page.wait_for_url("**/sign-in?next=**")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_it_asks_for_another_and_goes_back_to_where_it_was(chromium: Chromium, process: Process, url: str):
    place = f"/incidents/{incident('a-7', number=1).id}"
    with closing(Tokens(process.config.store.url, process.clock)) as tokens:
        context = chromium.context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        first = tokens.create("on call", ["operate"])
        page.goto(url + place)
        sign_in(page, first)
        page.wait_for_selector("h1:has-text('burst of a-7')")
        page.get_by_label("note").fill("half a senten")
        tokens.revoke(tokens.all()[0].id)
        process.clock.push(timedelta(seconds=2))
        page.get_by_role("button", name="Note it").click()
        sign_in(page, first)
        page.wait_for_selector("text=This token is not valid (any more).")
        page.get_by_label("Token").fill(tokens.create("on call again", ["operate"]))
        process.clock.push(timedelta(seconds=2))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("h1:has-text('burst of a-7')")
        assert page.url == url + place
        assert process.engine is not None
        assert process.engine.acts == [], "what a stale token asked for was done"
        context.close()
