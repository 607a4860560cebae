"""The on-call pages over real HTTP: what each shows of a given past, and that nothing of a record gets through raw."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from streamgauge.config.telling import MaintenanceConfig
from streamgauge.server import replay
from streamgauge.server.pages.charts import Series, line
from streamgauge.stores.contract import Commit
from tests.server.given import P0, Process, fill, incident
from tests.server.test_samples import batch
from tests.server.trying import WINDOW, within

MARKUP = re.compile(r"<[^>]+>")
PAGES = ["/", "/incidents", "/monitors", "/monitors/burst", "/streams", "/silences"]


def html(url: str, path: str) -> str:
    answer = httpx.get(url + path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def text(url: str, path: str) -> str:
    """What people read, in one line."""
    return re.sub(r"\s+", " ", MARKUP.sub(" ", html(url, path)))


def test_now_says_what_fires_and_how_streams_and_monitors_stand(resting: str):
    found = text(resting, "/")
    assert "1 incident is firing" in found
    assert "burst of a-7: events 101" in found
    assert "42 records/s" in found
    assert "behind 5s" in found
    assert "burst 1 firing" in found
    assert "refused paused" in found
    assert "2 waiting · 3 delivered" in found
    assert "burst of a-9: events 101" in found.partition("Ended last")[2]


def test_the_head_counts_what_began_after_the_engine_s_last_picture(process: Process, url: str):
    process.status.now = replace(process.status.now, open={})
    assert "1 incident is firing" in text(url, "/")


def test_now_says_what_keeps_the_engine_from_its_work(process: Process, url: str):
    process.show(store="the disk is full")
    found = text(url, "/")
    assert "Something keeps it from its work" in found
    assert "the disk is full" in found


def test_now_of_a_process_that_has_nothing_to_show_says_what_to_do(process: Process, url: str):
    process.show(streams={}, monitors={}, open={}, waiting={}, notices={})
    found = text(url, "/")
    assert "No stream is read yet" in found
    assert "streamgauge check FILE" in found


def test_an_incident_with_its_series_its_records_its_course_and_what_else_fired(process: Process, url: str):
    labels = {"stream": "payments"}
    both = [incident("a-7", number=1, labels=labels), incident("a-9", number=0, labels=labels)]
    fill(process.config, [Commit(incidents=both)])
    firing = next(
        i for i in httpx.get(f"{url}/api/v1/incidents").json()["incidents"] if i["state"] == "firing"
    )
    page = html(url, f"/incidents/{firing['id']}")
    assert '<svg class="chart"' in page
    assert 'class="mark"' in page
    found = text(url, f"/incidents/{firing['id']}")
    assert "observed events 101 · spent 1500" in found
    assert "expected not (events &gt; 100" in found
    assert "rule many payments of one account" in found
    assert "burst of a-9" in found.partition("first cause first")[2]
    assert "firing" in found.partition("Course")[2]


def test_incidents_by_state_and_monitor(resting: str):
    assert "burst of a-7" in text(resting, "/incidents?state=firing")
    assert "burst of a-9" not in text(resting, "/incidents?state=firing")
    assert "No incident of this kind yet" in text(resting, "/incidents?monitor=refused")


def test_a_long_list_has_pages_that_leave_none_out(process: Process, url: str):
    fill(process.config, [Commit(incidents=[incident(f"k-{n}", number=n) for n in range(70)])])
    seen: list[str] = []
    path: str | None = "/incidents?monitor=burst"
    while path:
        page = html(url, path)
        seen += re.findall(r"burst of (k-\d+)", page)
        older = re.search(r'href="([^"]+)">older ones', page)
        path = older[1].replace("&amp;", "&") if older else None
    assert sorted(seen) == sorted(f"k-{n}" for n in range(70))


def test_monitors_and_one_of_them_with_its_curve_its_key_and_its_lines_of_the_file(resting: str):
    assert "many payments of one account" in text(resting, "/monitors")
    page = html(resting, "/monitors/burst")
    assert '<svg class="chart"' in page
    assert "events &gt; 100 and (spent &gt; 1000" in page
    assert re.search(r'value="&#34;a-9&#34;"[^>]*>a-9<', page)
    assert "aligned: grouped by account" in text(resting, "/monitors/burst")


def test_streams_with_their_partitions_and_what_could_not_be_read(resting: str):
    found = text(resting, "/streams")
    assert "payments:0 120 125 5 no" in found
    assert "not JSON: the text ends too early" in found
    assert "&#34;account&#34;:&#34;a&#34;" in html(resting, "/streams")


def test_an_incident_that_is_muted_owned_and_noted_says_so(process: Process, url: str):
    one = incident(
        "a-5", number=6, owner="ana", note="on it", muted="silence 1 by bob: rack", runbook="javascript:alert(1)",
        labels={"monitor": "burst", "key": "a 5"},
    )  # fmt: skip
    fill(process.config, [Commit(incidents=[one])])
    found = text(url, f"/incidents/{one.id}")
    assert "owner ana note on it not told silence 1 by bob: rack" in found
    page = html(url, f"/incidents/{one.id}")
    assert "javascript:" not in page
    assert 'name="matchers" value="key=&#34;a 5&#34;"' in page


def test_no_silence_says_how_to_make_one(resting: str):
    assert "Nothing is silenced" in text(resting, "/silences")


def test_weekly_maintenance_is_told_in_words(process: Process, url: str):
    weekly = {"match": ("monitor=burst",), "weekly": "sat,sun 02:00-04:00", "zone": "Europe/Berlin"}
    declared = {"load": MaintenanceConfig.model_validate(weekly)}
    process.config = process.config.model_copy(update={"maintenance": declared})
    assert "monitor=burst sat,sun 02:00-04:00 Europe/Berlin the configuration" in text(url, "/silences")


@pytest.mark.parametrize("path", ["/incidents/nobody", "/monitors/nobody"])
def test_what_is_not_there_is_said_on_a_page(resting: str, path: str):
    answer = httpx.get(resting + path)
    assert answer.status_code == 404
    assert "There is no" in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_the_part_that_changes_comes_alone_when_asked_for(resting: str, path: str):
    part = httpx.get(resting + path, headers={"HX-Request": "true", "HX-Target": "live"}).text
    assert part.strip().startswith('<div id="live"')
    assert "<html" not in part


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_of_its_own(resting: str, path: str):
    answer = httpx.get(resting + path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|https?://", answer.text)
    for loaded in re.findall(r'(?:src|href)="(/pages/static/[^"]+)"', answer.text):
        assert httpx.get(resting + loaded).status_code == 200


def test_hostile_values_are_only_text(process: Process, url: str):
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">\x1b[2J'
    one = incident(
        evil, number=3, title=f"burst of {evil}", samples=({"account": evil},), observed={"events": evil}
    )
    fill(process.config, [Commit(incidents=[one])])
    for path in ("/", "/incidents", f"/incidents/{one.id}"):
        page = html(url, path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "\x1b" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_value_of_a_million_characters_is_cut(process: Process, url: str):
    one = replace(incident("a-1", number=4), title="x" * 1_000_000, observed={"events": "y" * 1_000_000})
    fill(process.config, [Commit(incidents=[one])])
    assert len(html(url, f"/incidents/{one.id}")) < 20_000


def test_events_come_while_the_server_lives(url: str):
    with httpx.stream("GET", f"{url}/pages/events", timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert any(line == "event: picture" for line in lines)


def test_a_chart_of_many_points_stays_small_and_keeps_its_extremes():
    values = [float(n % 50) for n in range(50_000)]
    values[12_345] = 999.0
    drawn = line(Series("events, per window", list(range(50_000)), values, limit=100.0))
    assert len(drawn) < 30_000
    assert "999" not in drawn  # no label, but its place is the highest of all
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn)]
    assert min(heights) < 35
    assert 'class="limit"' in drawn


def test_a_changed_copy_of_a_monitor_is_tried_beside_what_fired(web: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "ask", within)
    page = html(web, "/monitors/high")
    assert "when: mean &gt; 50" in page.partition('id="draft"')[2]
    draft = f"stream: payments\nwindow: {WINDOW}\ndetect: {{type: threshold, when: mean > 15}}"
    answer = httpx.post(f"{web}/monitors/high/try", json={"draft": draft, "last": "1h"}, timeout=60)
    said = re.sub(r"\s+", " ", MARKUP.sub(" ", answer.text))
    assert answer.status_code == 200
    assert "It would have fired 2 times; 1 did fire. In both: 1." in said
    assert 'class="mark"' in answer.text
    assert 'class="beside"' in answer.text
    refused = httpx.post(f"{web}/monitors/high/try", json={"draft": "stream: nowhere"}, timeout=60)
    assert refused.status_code == 422
    assert "nowhere" in refused.json()["error"]


def test_a_monitor_that_learns_shows_its_band_and_why_it_keeps_still(web: str):
    assert '<path class="band"' in html(web, "/monitors/odd?key=%22b%22")
    assert text(web, "/monitors/high/why?key=a")


def test_newest_records_keys_by_partition_and_the_button_for_dead_letters(process: Process, url: str):
    stream = process.status.now.streams["payments"]
    process.show(streams={"payments": replace(stream, newest=(batch(P0, 0, ["CH", "DE"]),))})
    found = text(url, "/streams")
    assert "payments:0 1 2023-11-14T22:13:21.000Z" in found
    assert "Keys by partition" in found
    assert "Put back those that can be read" in found
    assert "They are being asked" in found
