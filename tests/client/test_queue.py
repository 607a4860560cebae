"""Records posted to a real server, each once: in parts, again under their key, over a kill, a server that is away, a no."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from streamgauge.client import push_metrics, push_records, push_waiting
from streamgauge.client.queue import Queue
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.failpoints import POSTED
from streamgauge.server.thread import ServerThread
from tests.server.test_ingest import TOKEN, Served
from tests.services.process import free_ports


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "queue.db"


def base(served: Served) -> str:
    return served.url.removesuffix("/api/v1/streams")


def pages(served: Served) -> list[str]:
    return [json.loads(record)["page"] for record in served.kept()]


def named(*names: str) -> list[dict[str, object]]:
    return [{"page": name} for name in names]


def never(_: float) -> None:
    """Tests do not wait."""


def test_many_go_in_several_requests_and_again_under_their_key_count_once(served: Served):
    letters = named(*"abcdefgh")
    for _ in range(2):
        assert push_records(
            base(served), "clicks", letters, key="batch-1", token=TOKEN, max_bytes=60, wait=never
        )
        served.process.clock.push(timedelta(seconds=1))  # the stream takes ten a second
    assert pages(served) == list("abcdefgh")


def test_moments_and_numbers_of_numpy_and_rows_of_spark_are_written(served: Served):
    class Row:  # as Spark's: no mapping, and can say what it holds
        def asDict(self, *, recursive: bool) -> dict[str, object]:
            return {"page": "r", "n": np.int64(7), "at": datetime(2026, 3, 2, tzinfo=UTC), "deep": recursive}

    assert push_records(base(served), "clicks", [Row()], token=TOKEN)  # type: ignore[list-item]
    (record,) = map(json.loads, served.kept())
    assert record == {"page": "r", "n": 7, "at": "2026-03-02T00:00:00Z", "deep": True}


def test_while_the_server_is_away_they_wait_and_then_go_in_order(tmp_path: Path, queue: Path):
    served = Served(tmp_path)
    served.server.stop()
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    for n in range(3):
        assert not push_records(
            url, "clicks", named(f"p{n}"), key=f"b-{n}", token=TOKEN, queue=queue, wait=never
        )
    again = ServerThread(served.process, "127.0.0.1", port)
    again.start()
    try:
        assert push_records(url, "clicks", named("p3"), key="b-3", token=TOKEN, queue=queue, wait=never)
        assert push_waiting(url, "clicks", queue=queue, token=TOKEN)
    finally:
        again.stop()
    assert pages(served) == ["p0", "p1", "p2", "p3"]


def test_killed_between_the_answer_and_its_note_they_count_once(served: Served, queue: Path):
    program = (
        "from streamgauge.client import push_records\n"
        f"push_records({base(served)!r}, 'clicks', [{{'page': 'a'}}, {{'page': 'b'}}], key='batch-7', "
        f"token={TOKEN!r}, queue={str(queue)!r})\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "STREAMGAUGE_FAILPOINT": POSTED}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert pages(served) == ["a", "b"]
    with closing(Queue(queue)) as waiting:
        assert waiting.waiting() == 1
    assert push_waiting(base(served), "clicks", queue=queue, token=TOKEN)
    assert pages(served) == ["a", "b"]
    # Spark runs the batch again, with its rows in another order
    assert push_records(
        base(served), "clicks", named("b", "a"), key="batch-7", token=TOKEN, queue=queue, wait=never
    )
    assert pages(served) == ["a", "b"]


def test_a_wrong_token_loses_nothing_and_is_not_written_down(served: Served, queue: Path):
    with pytest.raises(ConfigError, match=r"answered 401: .*It waits in .*queue\.db"):
        push_records(base(served), "clicks", named("a"), token="a-wrong-one", queue=queue, wait=never)
    assert b"a-wrong-one" not in queue.read_bytes()
    assert push_waiting(base(served), "clicks", queue=queue, token=TOKEN)
    assert pages(served) == ["a"]


def test_what_is_too_large_for_the_stream_is_set_aside_and_a_better_one_takes_its_place(
    served: Served, queue: Path
):
    records = named("a", "x" * 500, "b")
    url = base(served)
    with pytest.raises(ConfigError, match=r"answered 413: .*It is set aside"):
        push_records(url, "clicks", records, key="k", token=TOKEN, queue=queue, max_bytes=520, wait=never)
    assert push_waiting(url, "clicks", queue=queue, token=TOKEN)
    assert pages(served) == ["a", "b"]
    records[1] = {"page": "x"}
    assert push_records(url, "clicks", records[1:2], key="k2", token=TOKEN, queue=queue, wait=never)
    assert pages(served) == ["a", "b", "x"]
    with pytest.raises(ConfigError, match="record 1 takes 511 bytes; a request holds 400"):
        push_records(url, "clicks", named("a", "x" * 500), token=TOKEN, queue=queue, max_bytes=400)


def test_two_that_share_a_queue_send_each_request_once(served: Served, queue: Path):
    def pushes(name: str) -> None:
        for page in (f"{name}0", f"{name}1"):
            told = push_records(base(served), "clicks", named(page), token=TOKEN, queue=queue, wait=never)
            done.add(told)

    done: set[bool] = set()
    threads = [threading.Thread(target=pushes, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == {True}
    assert sorted(pages(served)) == ["a0", "a1", "b0", "b1"]


def test_what_waits_for_one_server_never_goes_with_anothers_token(served: Served, queue: Path):
    gone = "http://127.0.0.1:9"
    assert not push_metrics(gone, recall=0.5, token="theirs", tries=1, queue=queue, wait=never)
    assert push_records(base(served), "clicks", named("a"), token=TOKEN, queue=queue, wait=never)
    with closing(Queue(queue)) as waiting:
        assert waiting.waiting() == 1


@pytest.mark.parametrize("key", ["", "ü", "x" * 201, "a\nb"])
def test_a_key_that_will_not_do_is_said(key: str):
    with pytest.raises(ConfigError, match="printable ASCII"):
        push_metrics("http://127.0.0.1:9", recall=0.5, key=key)


def test_a_queue_that_is_a_folder_is_said(tmp_path: Path):
    with pytest.raises(OutsideError, match=r"cannot be used: .*; name a file"):
        push_metrics("http://127.0.0.1:9", recall=0.5, queue=tmp_path)
