"""The way from an incident's page to the analysis app: to which of its pages, and with what chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

import streamgauge
from streamgauge.config.models import Config
from streamgauge.server.pages.analysis import ADDRESS, link
from tests.server.given import START, ended, incident

APP = {ADDRESS: "http://app.example:8501/"}
WINDOW = {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "count(*)"}}
MONITORS: dict[str, Any] = {
    "burst": {"window": WINDOW, "detect": {"type": "threshold", "when": "events > 100"}},
    "mix": {"window": {"type": "count", "size": 500}, "detect": {"type": "psi", "reference": {"country": ["CH", "DE"] * 50}}},
    "model": {"detect": {"type": "classification", "id": "account", "prediction": "amount", "label": "bad", "size": "1m"}},
    "quiet": {"detect": {"type": "silence", "by": "country", "after": "30s"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def config() -> Config:
    fields = {"account": "string", "country": "string", "amount": "float", "bad": "bool", "at": "timestamp"}
    payments = {
        "source": {"type": "files", "path": "x.ndjson"},
        "format": "json",
        "fields": fields,
        "time": "at",
    }
    monitors = {name: {"stream": "payments", **one} for name, one in MONITORS.items()}
    return streamgauge.load({"streams": {"payments": payments}, "monitors": monitors})


def asked(config: Config, **changes: Any) -> tuple[str, dict[str, str]]:
    """The page, and what is chosen on it."""
    found = link(config, incident(**changes), APP)
    assert found is not None
    parts = urlsplit(found)
    assert parts.netloc == "app.example:8501"
    return parts.path, {name: texts[0] for name, texts in parse_qs(parts.query).items()}


def test_the_time_around_it_is_chosen(config):
    over = ended(incident())
    found = link(config, replace(over, last_end=over.window_end), APP)
    assert found == (
        "http://app.example:8501/anomalies?monitor=burst&key=a-7&from=2023-11-14T22%3A11%3A40.000Z"
        "&to=2023-11-14T22%3A14%3A30.000Z"
    )


def test_while_it_goes_on_the_time_has_no_end(config):
    assert asked(config)[1] == {"monitor": "burst", "key": "a-7", "from": "2023-11-14T22:11:40.000Z"}


def test_drift_is_shown_as_it_stood_when_it_fired_last(config):
    over = ended(incident(None, monitor="mix"))
    page, chosen = asked(
        config, key=None, monitor="mix", state=over.state, resolved_at=over.resolved_at, last_end=START + 7_000_000
    )  # fmt: skip
    assert page == "/"
    assert chosen["to"] == "2023-11-14T22:13:27.001Z"
    assert "key" not in chosen


@pytest.mark.parametrize(("monitor", "page"), [("burst", "/anomalies"), ("mix", "/"), ("model", "/quality")])
def test_which_page_goes_by_what_the_monitor_judges(config, monitor, page):
    assert asked(config, monitor=monitor)[0] == page


def test_several_fields_are_one_key_as_people_read_it(config):
    assert asked(config, key=("DE & FR", 4))[1]["key"] == "DE & FR · 4"


def test_no_link_where_the_app_shows_nothing_of_it(config):
    assert link(config, incident(monitor="quiet"), APP) is None
    assert link(config, incident(monitor="gone"), APP) is None


@pytest.mark.parametrize("address", ["", "  ", "app.example", "javascript:alert(1)"])
def test_no_link_to_what_is_no_address(config, address):
    assert link(config, incident(), {ADDRESS: address}) is None
    assert link(config, incident(), {}) is None


def test_the_page_has_the_link_where_somebody_said_where_the_app_is(url, monkeypatch):
    found = httpx.get(f"{url}/api/v1/incidents?monitor=burst").json()["incidents"][0]
    page = f"{url}/incidents/{found['id']}"
    monkeypatch.delenv(ADDRESS, raising=False)
    assert "analysis app" not in httpx.get(page).text
    monkeypatch.setenv(ADDRESS, "https://app.example")
    assert 'href="https://app.example/anomalies?monitor=burst&amp;key=a-7&amp;from=' in httpx.get(page).text
