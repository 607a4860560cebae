"""Records over HTTP: who may send, how much, in which form; and that 202 means kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.config import load
from streamgauge.server.ingest import split
from streamgauge.server.mailroom import Rate
from streamgauge.server.refusals import Refused
from streamgauge.server.thread import ServerThread
from streamgauge.stores import Owner, open_store
from streamgauge.stores.inbox import Inbox, Posted
from streamgauge.testing import PushedClock
from tests.server.given import Process

TOKEN = "a-long-token"
FILE = """
streams:
  clicks:
    source: {type: http, token: "${INGEST_TOKEN}", max_bytes: 400, max_per_second: 10, max_waiting: 12}
    format: json
    fields: {page: string}
  other:
    source: {type: files, path: x.ndjson}
    format: json
    fields: {page: string}
monitors:
  many:
    stream: clicks
    window: {type: tumbling, size: 5s, by: page, compute: {n: count(*)}}
    detect: {type: threshold, when: n > 3}
  others: {stream: other, detect: {type: silence, by: page, after: 30s}}
"""


class Served:
    """A process whose store is there, and what a program posts to it."""

    def __init__(self, folder: Path) -> None:
        self.store_url = f"sqlite:///{folder}/store.db"
        config = load(f"{FILE}store: {self.store_url}\n", environ={"INGEST_TOKEN": TOKEN})
        self.process = Process(config)
        open_store(self.store_url, owner=Owner.this_process(), clock=self.process.clock).close()
        self.server = ServerThread(self.process, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.start()}/api/v1/streams"

    def post(self, content: bytes | str, *, stream: str = "clicks", **headers: str | None) -> httpx.Response:
        given = {"authorization": f"Bearer {TOKEN}", "content_type": "application/json", **headers}
        sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
        return httpx.post(f"{self.url}/{stream}/events", content=content, headers=sent, timeout=60)

    def kept(self) -> list[bytes]:
        inbox = Inbox(self.store_url)
        found = [record for chunk in inbox.read("clicks", 0, 1000) for record in chunk.records]
        inbox.close()
        return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same for tests that are refused, which share it."""
    made = Served(tmp_path_factory.mktemp("resting"))
    yield made
    made.server.stop()


def test_what_was_accepted_lies_in_the_store_in_order(served: Served):
    first = served.post('[{"page": "a"}, {"page": "b"}]')
    assert (first.status_code, first.json()) == (202, {"accepted": 2, "first_offset": 0})
    second = served.post('{"page":\n "c"}')
    assert (second.status_code, second.json()) == (202, {"accepted": 1, "first_offset": 2})
    third = served.post(
        '{"page": "d"}\r\n\n{"page": "e"}\n', content_type="application/x-ndjson; charset=utf-8"
    )
    assert (third.status_code, third.json()) == (202, {"accepted": 2, "first_offset": 3})
    assert served.kept() == [b'{"page": "%s"}' % page for page in (b"a", b"b")] + [
        b'{"page":  "c"}',
        b'{"page": "d"}',
        b'{"page": "e"}',
    ]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"authorization": None}, "the token is missing; send it as `Authorization: Bearer TOKEN`"),
        ({"authorization": "Bearer wrong"}, "the token is not the one of this stream"),
        ({"authorization": f"Basic {TOKEN}"}, "the token is not the one of this stream"),
        ({"authorization": f"Bearer {TOKEN}é".encode()}, "the token is not the one of this stream"),
    ],
)
def test_without_the_token_nothing_is_taken(resting: Served, headers: dict[str, Any], words: str):
    answer = resting.post('{"page": "a"}', **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"].startswith(words)
    assert TOKEN not in answer.text
    assert resting.kept() == []


@pytest.mark.parametrize("stream", ["nothing", "other"])
def test_streams_that_take_nothing_by_http(resting: Served, stream: str):
    answer = resting.post("{}", stream=stream)
    assert answer.status_code == 404
    assert answer.json()["error"] == (
        f"no stream '{stream}' takes records by HTTP; declare it with `source: {{type: http, token: …}}`"
    )


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (
            {"content_type": "text/plain"},
            "'text/plain' is not understood; send Content-Type: application/json",
        ),
        ({"content_type": None}, "the type of the content is missing"),
        ({"content_encoding": "gzip"}, "packed requests are not understood"),
    ],
)
def test_forms_that_are_not_understood(resting: Served, headers: dict[str, Any], words: str):
    answer = resting.post("{}", **headers)
    assert answer.status_code == 415
    assert answer.json()["error"].startswith(words)


@pytest.mark.parametrize(
    ("content", "lines", "words"),
    [
        ("", False, "there is no record in this request"),
        ("[]", False, "there is no record in this request"),
        ("\n\n", True, "there is no record in this request"),
        ("[{}, 5]", False, "record 2 is a number; expected a JSON object. None of the records was taken"),
        ('"text"', False, "record 1 is a text"),
        ("{}\n[1]\n", True, "record 2 is a list"),
        ('{"a": 1', False, "this is not JSON: Input data was truncated"),
        ("[{}{}]", False, "this is not JSON"),
        ('{}\n{"a": \n', True, "line 2 is not JSON"),
        ('{"a": 1} {"a": 2}\n', True, "line 1 is not JSON"),
    ],
)
def test_a_request_is_taken_whole_or_not_at_all(content: str, lines: bool, words: str):
    with pytest.raises(Refused) as caught:
        split(content.encode(), lines=lines)
    assert caught.value.status_code == 422
    assert str(caught.value.detail).startswith(words)


def test_a_wrong_record_is_told_over_http(served: Served):
    answer = served.post("[{}, null]")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("record 2 is null")
    assert served.kept() == []


def test_a_request_that_is_too_large_is_refused_whether_it_says_so_or_not(served: Served):
    large = b'{"page": "' + b"a" * 400 + b'"}'
    answer = served.post(large)
    assert (answer.status_code, answer.json()["error"]) == (
        413,
        "a request may hold 400 bytes (`max_bytes`); send the records in several",
    )
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    parts = iter([large[:200], large[200:]])
    unsaid = httpx.post(f"{served.url}/clicks/events", content=parts, headers=headers, timeout=60)
    assert unsaid.status_code == 413


def test_more_than_the_rate_comes_again_later(served: Served):
    assert served.post([b'[{"page": "a"}' + b', {"page": "a"}' * 9 + b"]"][0]).status_code == 202
    answer = served.post("{}")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["error"] == (
        "more than 10 records/s (`max_per_second`) came; come again in 1 s. None of the records was taken"
    )
    served.process.clock.push(timedelta(seconds=1))
    assert served.post("{}").status_code == 202


def test_a_full_inbox_takes_nothing_until_there_is_room(served: Served):
    ten = "[" + ",".join(["{}"] * 10) + "]"
    assert served.post(ten).status_code == 202
    served.process.clock.push(timedelta(seconds=5))
    answer = served.post("[{}, {}, {}]")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"].startswith("12 records (`max_waiting`) wait to be counted")
    inbox = Inbox(served.store_url)
    inbox.forget("clicks", 10)
    inbox.close()
    served.process.clock.push(timedelta(seconds=5))
    assert served.post("[{}, {}, {}]").status_code == 202


def test_a_store_that_is_gone_is_no_202(served: Served, tmp_path: Path):
    (tmp_path / "store.db").unlink()
    answer = served.post("{}")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the records could not be kept: there is no store at")


TWO_RECORDS = '[{"page": "a"}, {"page": "b"}]'


def test_a_request_that_comes_again_under_its_key_gets_the_same_receipt(served: Served):
    first = served.post(TWO_RECORDS, idempotency_key="k-1")
    assert served.post("{}").json()["first_offset"] == 2
    again = served.post(TWO_RECORDS, idempotency_key="k-1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    spaced = served.post('[{"page": "a"},\n{"page": "b"}]', idempotency_key="k-1")
    assert spaced.json() == first.json(), "the records count, not the space between them"
    assert len(served.kept()) == 3


def test_a_key_is_known_after_its_records_were_counted_and_until_its_time_is_over(served: Served):
    served.post(TWO_RECORDS, idempotency_key="k")
    inbox = Inbox(served.store_url)
    inbox.forget("clicks", 2)
    inbox.close()
    served.process.clock.push(timedelta(hours=24))
    assert served.post(TWO_RECORDS, idempotency_key="k").json()["first_offset"] == 0
    assert served.kept() == []
    served.process.clock.push(timedelta(seconds=1))
    assert "idempotent-replayed" not in served.post(TWO_RECORDS, idempotency_key="k").headers
    assert len(served.kept()) == 2


def test_a_full_inbox_still_knows_what_it_took(served: Served):
    ten = "[" + ",".join(["{}"] * 10) + "]"
    served.post(ten, idempotency_key="full")
    served.process.clock.push(timedelta(seconds=5))
    assert served.post(ten).status_code == 503
    served.process.clock.push(timedelta(seconds=5))
    assert served.post(ten, idempotency_key="full").status_code == 202


def test_other_records_under_a_known_key_are_refused(served: Served):
    served.post(TWO_RECORDS, idempotency_key="k")
    answer = served.post("{}", idempotency_key="k")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(
        "other records were sent under this Idempotency-Key, from offset 0 on"
    )
    assert len(served.kept()) == 2


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_told(resting: Served, key: str):
    answer = resting.post("{}", idempotency_key=key)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the Idempotency-Key is empty or too long")


def test_keys_that_are_too_old_or_too_many_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streamgauge.stores.inbox.KEYS", 2)
    monkeypatch.setattr("streamgauge.stores.inbox.TIDY", 2)
    url = f"sqlite:///{tmp_path}/store.db"
    open_store(url, owner=Owner.this_process(), clock=PushedClock()).close()
    inbox = Inbox(url)

    def known(at: int, key: str) -> bool:
        (receipt,) = inbox.add([Posted("s", 1, at, b"{}", 100, key, remember=10)])
        assert receipt is not None
        return receipt.again

    assert not any(known(at, f"k{at}") for at in range(5))
    assert [known(5, f"k{at}") for at in (4, 3, 2, 1)] == [True, True, True, False]
    assert not known(14, "k3"), "eleven microseconds later"
    inbox.close()


def test_a_rate_lets_a_second_at_once_and_no_more():
    clock = PushedClock()
    rate = Rate(5, clock.monotonic)
    assert [rate.wait(5), rate.wait(1)] == [0.0, 1.0]
    clock.push(timedelta(seconds=1))
    assert rate.wait(20) == 0.0, "one that is larger than a second's worth is taken too"
    assert rate.wait(1) == 3.0, "and has to be waited for"
    clock.push(timedelta(seconds=10))
    assert rate.wait(1) == 2.0, "what was not asked for does not add up beyond a second"
