"""Trials of drafts over HTTP: what would have fired beside what did, the difference of two files, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from streamgauge.engines.replay.apart import ask
from streamgauge.server import replay
from tests.server.trying import WINDOW, within


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most trials run in this process: to start one of its own takes seconds."""
    monkeypatch.setattr(replay, "ask", within)


def draft(when: str) -> str:
    return f"stream: payments\nwindow: {WINDOW}\ndetect: {{type: threshold, when: {when}}}\n"


def post(web: str, path: str, **asked: Any) -> httpx.Response:
    return httpx.post(f"{web}/api/v1/{path}", json=asked, timeout=90)


def tried(web: str, **asked: Any) -> dict[str, Any]:
    answer = post(web, "replay", **asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_in_a_process_of_its_own(web: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "ask", ask)
    again = tried(web, monitor="high", draft=draft("mean > 50"))
    assert again["compared"] == {"same": 1, "only_draft": 0, "only_running": 0}
    refused = post(web, "replay", draft=draft("nonsense > 5"))
    assert (refused.status_code, "nonsense" in refused.json()["error"]) == (422, True)


def test_what_runs_would_fire_again_and_a_draft_more_often(web: str):
    again = tried(web, monitor="high", draft=draft("mean > 50"))
    assert again["compared"] == {"same": 1, "only_draft": 0, "only_running": 0}
    assert (again["source"], again["truncated"]) == ("files", None)
    assert (again["records"], again["start"], again["end"]) == (
        1200,
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:09:59.000Z",
    )
    more = tried(web, monitor="high", draft=draft("mean > 15"))
    assert {one["key"] for one in more["incidents"]} == {"a", "b"}
    assert more["compared"] == {"same": 1, "only_draft": 1, "only_running": 0}
    assert more["windows_lines"][-1]["values"]["n"] == 20
    none = tried(web, monitor="high", draft=draft("mean > 500"))
    assert none["compared"] == {"same": 0, "only_draft": 0, "only_running": 1}
    assert none["fired"][0]["monitor"] == "high"


def test_only_the_last_minutes(web: str):
    found = tried(web, monitor="high", draft=draft("n > 0"), last="2m")
    assert found["start"] == "1970-01-01T00:07:59.000Z"
    assert {one["key"] for one in found["incidents"]} == {"a", "b"}
    assert min(one["start"] for one in found["windows_lines"]) == "1970-01-01T00:08:00.000Z"
    assert {one["values"]["n"] for one in found["windows_lines"]} == {20}


def test_records_that_are_given(web: str):
    records = [{"account": "x", "amount": 100.0 * n, "country": "CH", "at": n} for n in range(30)]
    found = tried(web, draft=draft("mean > 50"), records=records)
    assert (found["source"], found["records"], found["monitors"]) == ("given", 30, ["draft"])
    assert [one["key"] for one in found["incidents"]] == ["x"]
    assert found["fired"] == []


def test_the_difference_of_two_files(web: str):
    window = {"type": "tumbling", "size": "20s", "by": "account", "compute": {"mean": "avg(amount)"}}
    old = {"stream": "payments", "window": window, "detect": {"type": "threshold", "when": "mean > 50"}}
    new = {**old, "detect": {"type": "threshold", "when": "mean > 15"}}
    answer = post(web, "replay/diff", before={"a": old, "b": old}, after={"a": new, "c": old}, last="10m")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["monitors"] == {
        "new": ["c"], "gone": ["b"], "same": [],
        "changed": [{"monitor": "a", "changes": [{"path": "detect.when", "before": "mean > 50", "after": "mean > 15"}]}],
    }  # fmt: skip
    whose = {name: [(one["monitor"], one["key"]) for one in found["incidents"][name]]
             for name in ("only_before", "only_after")}  # fmt: skip
    assert found["incidents"]["same"] == 1
    assert whose == {"only_before": [("b", "b")], "only_after": [("a", "a"), ("c", "b")]}


def test_a_whole_file_against_what_runs(web: str):
    text = f"monitors:\n  high:\n    stream: payments\n    window: {WINDOW}\n    detect: {{type: threshold, when: mean > 40}}\n"
    found = post(web, "replay/diff", after=text).json()
    assert found["monitors"]["gone"] == ["odd", "moved", "apart", "normal"]
    assert [one["path"] for one in found["monitors"]["changed"][0]["changes"]] == ["detect.when"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"monitor": "high"}, "give `monitor` and its `draft`"),
        ({"draft": draft("nonsense > 5")}, "nonsense"),
        ({"draft": "- 1\n- 2\n"}, "expected what stands below a name"),
        ({"draft": "a: [1\n"}, "this is no YAML"),
        ({"draft": "a: &x {b: 1}\nc: *x\n"}, "repeats nothing"),
        ({"draft": draft("'mean > ${HOME}'")}, "names no variables"),
        ({"draft": draft("mean > 5"), "last": "48h"}, "at most 24h"),
        ({"draft": draft("mean > 5"), "last": "soon"}, "last:"),
        ({"draft": draft("mean > 5"), "stream": "paymnets"}, "did you mean `payments`"),
        ({"draft": {"stream": "payments", "detect": {"type": "psi", "reference": "/etc/passwd"}}}, "uses only files"),
        ({"draft": "[" * 5000}, "draft:"),
    ],
)  # fmt: skip
def test_what_is_refused(web: str, asked: dict[str, Any], words: str):
    answer = post(web, "replay", **asked)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["error"]
