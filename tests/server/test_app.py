"""The server over real HTTP: what each address answers, and how it says no."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from streamgauge.clock import iso
from streamgauge.incidents.actions import Attend
from tests.server.given import START, Process, body, get, micros


def test_alive_while_the_loop_turns_and_while_it_starts(process: Process, url: str):
    assert get(url, "/healthz") == (200, {"status": "alive", "last_turn_seconds": 0.0})
    process.clock.push(timedelta(seconds=11))
    status, answer = get(url, "/healthz")
    assert (status, answer["status"]) == (503, "stuck")
    assert "has not turned for 11 s" in answer["error"]
    process.show()
    assert get(url, "/healthz")[0] == 200
    process.show(ready=False, starting="kernels are being compiled")
    process.clock.push(timedelta(minutes=5))
    assert get(url, "/healthz") == (200, {"status": "starting", "waits_for": "kernels are being compiled"})


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"ready": False, "starting": "sources are being opened"}, ["starting: sources are being opened"]),
        ({"store": "the disk is full"}, ["the store refuses commits: the disk is full"]),
    ],
)
def test_ready_or_why_not(process: Process, url: str, changes: dict[str, Any], reasons: list[str]):
    process.show(**changes)
    status, answer = get(url, "/readyz")
    assert status == (503 if reasons else 200)
    assert answer.get("reasons", []) == reasons


def test_a_stuck_engine_is_not_ready(process: Process, url: str):
    process.clock.push(timedelta(seconds=30))
    status, answer = get(url, "/readyz")
    assert status == 503
    assert "has not turned for 30 s" in answer["reasons"][0]


def test_the_whole_picture(resting: str):
    found = body(resting, "/api/v1/status")
    (stream,) = found["streams"]
    assert stream["name"] == "payments"
    assert stream["records_per_second"] == 41.5
    assert stream["watermark"] == iso(micros(9))
    assert stream["watermark_delay_seconds"] == 5.0
    assert stream["lag"] == 5
    assert stream["partitions"]["payments:1"] == {
        "next_offset": 80, "end_offset": 80, "lag": 0, "caught_up": True, "watermark": iso(micros(9)),
    }  # fmt: skip
    assert found["store"] == {"refuses": None, "commits": 7, "last_commit_seconds": 0.004}
    assert found["channels"] == [{"name": "console", "waiting": 2, "tries": {"delivered": 3, "try again": 1}}]
    assert (found["incidents_open"], found["incidents_opened"]) == (1, 3)
    assert found["uptime_seconds"] == 74.0
    assert body(resting, "/api/v1/streams") == {"streams": found["streams"]}


def test_incidents_newest_first_and_by_page(resting: str):
    found = body(resting, "/api/v1/incidents")
    assert [(one["key"], one["state"]) for one in found["incidents"]] == [
        ("a-7", "firing"),
        ("a-9", "resolved"),
    ]
    assert found["next"] is None
    first = body(resting, "/api/v1/incidents", limit=1)
    assert first["next"] == first["incidents"][0]["id"]
    second = body(resting, "/api/v1/incidents", limit=1, before=first["next"])
    assert [one["key"] for one in second["incidents"]] == ["a-9"]
    assert second["next"] is None
    assert body(resting, "/api/v1/incidents", state="firing")["incidents"] == found["incidents"][:1]
    assert body(resting, "/api/v1/incidents", monitor="nobody")["incidents"] == []
    earlier = body(resting, "/api/v1/incidents", before=iso(micros(3)))
    assert [one["key"] for one in earlier["incidents"]] == ["a-9"]


def test_one_incident_with_what_happened_to_it(resting: str):
    (_, resolved) = body(resting, "/api/v1/incidents")["incidents"]
    found = body(resting, f"/api/v1/incidents/{resolved['id']}")
    assert [change["state"] for change in found.pop("changes")] == ["firing", "resolved"]
    assert found.pop("around") == []
    assert found == resolved
    assert get(resting, "/api/v1/incidents/none")[0] == 404


def test_monitors_with_state_last_window_and_why_paused(resting: str):
    burst, refused, quiet = body(resting, "/api/v1/monitors")["monitors"]
    assert (burst["name"], burst["state"], burst["last_window_end"]) == ("burst", "firing", iso(micros(10)))
    assert burst["description"] == "many payments of one account"
    assert (refused["state"], refused["paused"]) == ("paused", "paused by hand")
    assert quiet["state"] == "watching"
    assert body(resting, "/api/v1/monitors/burst") == burst


def test_a_monitor_that_the_engine_has_not_begun_with(process: Process, url: str):
    process.show(monitors={})
    assert {one["state"] for one in body(url, "/api/v1/monitors")["monitors"]} == {"starting"}


def test_pause_and_resume_are_acts_of_the_engine(process: Process, url: str):
    for verb in ("pause", "resume"):
        assert httpx.post(f"{url}/api/v1/monitors/burst/{verb}").status_code == 200
    assert process.engine is not None
    assert [(a.verb, a.monitor) for a in process.engine.acts if isinstance(a, Attend)] == [
        ("pause", "burst"), ("resume", "burst"),
    ]  # fmt: skip
    process.engine = None
    assert httpx.post(f"{url}/api/v1/monitors/burst/pause").status_code == 503


def test_a_web_page_of_others_changes_nothing(process: Process, url: str):
    answer = httpx.post(f"{url}/api/v1/monitors/burst/pause", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "may not change" in answer.json()["error"]) == (403, True)
    assert process.engine is not None
    assert process.engine.acts == []
    own = httpx.post(f"{url}/api/v1/monitors/burst/pause", headers={"Origin": url})
    assert own.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/api/v1/monitors/burts", 404, "there is no monitor 'burts'; did you mean `burst`?"),
        ("POST", "/api/v1/monitors/burts/pause", 404, "did you mean `burst`?"),
        ("POST", "/api/v1/monitors/burst/stop", 400, "verb: Input should be 'pause' or 'resume'"),
        ("GET", "/api/v1/incidents?state=over", 400, "state: Input should be 'pending', 'firing'"),
        ("GET", "/api/v1/incidents?limit=0", 400, "limit: Input should be greater than or equal to 1"),
        ("GET", "/api/v1/incidents?before=soon", 400, "'soon' is neither a moment such as"),
        ("GET", "/nothing", 404, "there is nothing at /nothing; /openapi.json lists what there is"),
        ("DELETE", "/api/v1/status", 405, "/api/v1/status does not take DELETE"),
    ],
)
def test_it_says_no_in_a_sentence(resting: str, method: str, path: str, status: int, sentence: str):
    answer = httpx.request(method, resting + path)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


def test_a_store_that_cannot_be_read_is_said(process: Process, url: str, tmp_path):
    for file in tmp_path.glob("streamgauge.db*"):
        file.unlink()
    status, answer = get(url, "/api/v1/incidents")
    assert (status, answer["error"].startswith("there is no store at")) == (503, True)
    assert httpx.get(f"{url}/metrics").status_code == 200


def test_the_description_needs_no_internet(resting: str):
    described = body(resting, "/openapi.json")
    assert {"/healthz", "/readyz", "/metrics", "/api/v1/incidents", "/api/v1/monitors"} <= set(
        described["paths"]
    )
    assert "http" not in json.dumps(described["paths"])


def test_start_is_shown_as_it_is(resting: str):
    assert body(resting, "/api/v1/status")["started_at"] == iso(START - 60_000_000)
