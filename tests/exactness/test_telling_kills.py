"""Groups, silences and acknowledgements over kills: what is decided is decided once, nothing is lost or told twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.testing import WebhookReceiver
from tests.exactness.running import Run, looking, peek, until, write

pytestmark = pytest.mark.services  # it starts and kills real processes, which takes its time

TOKEN = "a-long-token"
PLAIN = {"STREAMGAUGE_JIT": "off"}
START = 1_700_000_000
KILLS = ("commit.before:3", "commit.after-before-send:3")


def watching(folder: Path, receiver: WebhookReceiver) -> Path:
    stream = {
        "source": {"type": "http", "token": TOKEN, "max_per_second": 1_000_000},
        "format": "json",
        "fields": {"page": "string", "shop": "string", "at": "timestamp"},
        "time": "at",
        "deadline": "1h",
    }
    window = {"type": "tumbling", "size": "1d", "by": ["page", "shop"], "compute": {"n": "count(*)"}}
    monitor = {"stream": "clicks", "window": window, "detect": {"type": "threshold", "when": "n > 1"}}
    return write(
        folder,
        {
            "streams": {"clicks": stream},
            "monitors": {"many": monitor},
            "channels": {"ops": {"type": "webhook", "url": receiver.url}},
            "route": {"channels": "ops", "group_by": "shop", "group_interval": "200ms"},
        },
    )


def post(run: Run, number: int, *more: int) -> bool:
    """Twice a page of one of two shops, for each number: an incident. False if the process is gone."""
    pages = (number, *more)
    records = [{"page": f"p{each}", "shop": f"s{each % 2}", "at": START + each} for each in pages]
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": f"k{number}"}
    url = f"http://127.0.0.1:{run.port}/api/v1/streams/clicks/events"
    try:
        return httpx.post(url, json=records * 2, headers=headers, timeout=30).status_code == 202
    except httpx.HTTPError:
        return False


def act(run: Run, path: str, said: Any) -> dict[str, Any]:
    answer = httpx.post(f"http://127.0.0.1:{run.port}/api/v1{path}", json=said, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(path: Path, count: int) -> bool:
    """Whether so many incidents stand in the store, and nothing waits to be told or to be sent."""

    def look(store: Any) -> bool:
        groups = [row for name, row in store.telling("group:").items() if row["began"] or row["ended"]]
        opened = len(store.incidents(limit=10_000)) == count
        return opened and not groups and not any(store.outbox_depth().values())

    return bool(peek(path, look))


def listens(run: Run) -> None:
    until(lambda: run.port, "it listens", alive=run)


def test_a_group_over_kills_tells_every_incident_once(tmp_path: Path):
    with WebhookReceiver() as receiver:
        path, sent = watching(tmp_path, receiver), 0
        for failpoint in KILLS:
            with Run(path, failpoint=failpoint, env=PLAIN) as run:
                listens(run)
                while post(run, sent):
                    sent += 1
                assert run.ended() != 0
        with Run(path, env=PLAIN) as run:
            listens(run)
            assert post(run, *range(sent, sent + 4))  # two of each shop at once: one notice for both
            sent += 4
            until(lambda: told(path, sent), "all is told", alive=run)
            assert run.stop() == 0
        bodies: dict[str, Any] = {}
        for request in list(receiver.received):
            assert bodies.setdefault(request.json["notice"], request.json) == request.json
    numbers, began = defaultdict(list), Counter[str]()
    for notice in bodies.values():
        numbers[notice["id"]].append(notice["n"])
        began[notice["id"]] += notice["evidence"]["began"]
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values())
    assert sorted(began.values()) == [sent // 2, sent - sent // 2]
    assert len(bodies) < sent


def test_what_people_did_was_answered_and_is_there_after_a_kill(tmp_path: Path):
    with WebhookReceiver() as receiver:
        path = watching(tmp_path, receiver)
        with Run(path, env=PLAIN) as run:
            listens(run)
            assert post(run, 0)
            until(lambda: told(path, 1), "the first is told", alive=run)
            with looking(path) as look:
                (incident,) = look.incidents()
            act(run, f"/incidents/{incident.id}/ack", {"text": "mine", "who": "ann"})
            act(run, "/silences", {"matchers": ["shop=s1"], "for": "1h"})
            run.kill()
        with Run(path, env=PLAIN) as run:
            listens(run)
            assert post(run, 1)
            until(lambda: peek(path, lambda look: len(look.incidents()) == 2), "the second", alive=run)
            assert run.stop() == 0
        with looking(path) as look:
            assert [str(found.state) for found in look.incidents()] == ["suppressed", "acknowledged"]
            assert [change.why for change in look.changes(incident.id)][-1] == "mine"
        assert len(receiver.distinct) == 1
