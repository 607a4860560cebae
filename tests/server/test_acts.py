"""What people do about incidents over the API: answered once committed, refused where it makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.server.thread import ServerThread
from tests.server.acting import Clerk
from tests.server.given import Process, body, configuration, fill, get, past


@pytest.fixture
def acting(tmp_path: Path) -> Iterator[str]:
    """Where a process is served whose engine does what it is asked."""
    config = configuration(tmp_path)
    fill(config, past())
    process: Any = Process(config)
    process.engine = Clerk(config, process.clock)
    server = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()
    process.engine.close()


def post(url: str, path: str, said: Any = None, **headers: str) -> tuple[int, Any]:
    answer = httpx.post(f"{url}/api/v1{path}", json=said, headers=headers, timeout=60)
    return answer.status_code, answer.json()


def firing(url: str) -> str:
    (found,) = body(url, "/api/v1/incidents", state="firing")["incidents"]
    return str(found["id"])


def test_taken_it_has_an_owner_and_a_history(acting: str):
    name = firing(acting)
    status, taken = post(acting, f"/incidents/{name}/ack", {"text": "on it", "who": "ann"})
    assert (status, taken["state"], taken["note"]) == (200, "acknowledged", "on it")
    assert taken["owner"].startswith("ann (")  # beside it stands who let them in
    found = body(acting, f"/api/v1/incidents/{name}")
    assert found["changes"][-1]["who"] == taken["owner"]
    assert [change["why"] for change in found["changes"]][-1:] == ["on it"]
    assert body(acting, "/api/v1/incidents", state="acknowledged")["incidents"][0]["id"] == name


def test_without_a_body_it_is_taken_all_the_same(acting: str):
    status, taken = post(acting, f"/incidents/{firing(acting)}/ack")
    assert (status, taken["state"]) == (200, "acknowledged")


def test_assigned_noted_judged_and_ended(acting: str):
    name = firing(acting)
    assert post(acting, f"/incidents/{name}/assign", {"text": "bob"})[1]["owner"] == "bob"
    assert post(acting, f"/incidents/{name}/note", {"text": "a sale"})[1]["note"] == "a sale"
    assert post(acting, f"/incidents/{name}/feedback", {"word": "noise"})[1]["feedback"] == "noise"
    status, over = post(acting, f"/incidents/{name}/resolve", {"text": "known"})
    assert (status, over["state"], over["reason"]) == (200, "resolved", "resolved by hand")
    assert post(acting, f"/incidents/{name}/resolve")[0] == 409


REFUSED = [
    ("/incidents/nothing/ack", {}, 404, "there is no incident 'nothing'"),
    ("/incidents/nothing/dance", {}, 400, "verb"),
    ("/incidents/nothing/feedback", {"word": "meh"}, 400, "word"),
    ("/incidents/nothing/ack", {"text": "x" * 10_001}, 400, "text"),
    ("/incidents/nothing/ack", {"texts": "x"}, 400, "texts"),
    ("/silences", {"matchers": ["monitor=burst"]}, 422, "say when it ends"),
    ("/silences", {"matchers": ["monitor"], "for": "1h"}, 422, "is not a matcher"),
    ("/silences", {"matchers": ["monitor=burst"], "for": "soon"}, 422, "is not a duration"),
    ("/silences", {"matchers": ["monitor=burst"], "weekly": "always"}, 422, "is no weekly time"),
    ("/silences", {"matchers": ["monitor=burst"], "end": "2001-01-01T00:00:00Z"}, 422, "over already"),
    ("/silences", {"matchers": [], "for": "1h"}, 422, "mutes everything"),
    ("/silences", {"matchers": ["severity=~warning|critical"], "for": "1h"}, 422, "mutes everything"),
    ("/silences", {"matchers": ["monitor=~.*"], "for": "1h"}, 422, "mutes everything"),
    ("/silences/nothing/expire", {}, 404, "there is no silence 'nothing'"),
]


def test_what_makes_no_sense_is_refused_with_a_sentence(acting: str):
    for path, said, status, why in REFUSED:  # one server for all of them
        answered, found = post(acting, path, said)
        assert (answered, why in found["error"]) == (status, True), (path, said, found)


def test_a_silence_from_its_making_to_its_end(acting: str):
    asked = {"matchers": ["monitor=burst"], "for": "2h", "comment": "a load test", "who": "ann"}
    status, made = post(acting, "/silences", asked)
    assert (status, made["state"], made["matchers"]) == (201, "active", ["monitor=burst"])
    (muted,) = body(acting, "/api/v1/incidents", state="suppressed")["incidents"]
    assert muted["muted"].endswith(": a load test")
    assert [each["id"] for each in body(acting, "/api/v1/silences")["silences"]] == [made["id"]]
    status, over = post(acting, f"/silences/{made['id']}/expire")
    assert (status, over["state"]) == (200, "over")
    assert firing(acting) == muted["id"]
    assert body(acting, "/api/v1/silences")["silences"] == []
    assert len(body(acting, "/api/v1/silences", over="true")["silences"]) == 1


def test_everything_may_be_muted_by_saying_so(acting: str):
    assert post(acting, "/silences", {"matchers": [], "for": "1h", "everything": True})[0] == 201


def test_a_page_of_another_site_changes_nothing(acting: str):
    name = firing(acting)
    for path, said in (
        (f"/incidents/{name}/ack", {}),
        ("/silences", {"matchers": ["monitor=burst"], "for": "1h"}),
    ):
        assert post(acting, path, said, origin="https://evil.example")[0] == 403
    assert firing(acting) == name


def test_filters(acting: str):
    def keys(**filters: str) -> list[Any]:
        return [one["key"] for one in body(acting, "/api/v1/incidents", **filters)["incidents"]]

    assert keys(severity="critical") == ["a-7", "a-9"]
    assert keys(severity="warning") == []
    assert keys(key="a-9") == ["a-9"]
    assert get(acting, "/api/v1/incidents", severity="meh")[0] == 400
