"""Killed at any moment around a 202, what was accepted is counted once."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from streamgauge.failpoints import INBOX
from tests.exactness.running import Run, looking, read_so_far, until, write

pytestmark = pytest.mark.services  # it starts and kills real processes, which takes its time

TOKEN = "a-long-token"
PER_REQUEST = 7
PLAIN = {"STREAMGAUGE_JIT": "off"}
"""A few records are not worth compiling for."""


def watching(folder: Path, durability: str = "process") -> Path:
    stream = {
        "source": {"type": "http", "token": TOKEN, "max_per_second": 1_000_000},
        "format": "json",
        "fields": {"page": "string", "at": "timestamp"},
        "time": "at",
        "deadline": "1h",
    }
    window = {"type": "tumbling", "size": "5s", "by": "page", "compute": {"n": "count(*)"}}
    monitor = {"stream": "clicks", "window": window, "detect": {"type": "threshold", "when": "n > 1000000"}}
    store = {"url": "sqlite:///store.db", "durability": durability}
    return write(folder, {"store": store, "streams": {"clicks": stream}, "monitors": {"many": monitor}})


def post(run: Run, second: int, count: int = PER_REQUEST, key: str | None = None) -> bool:
    """Whether it was accepted; False if the process is gone."""
    records = [{"page": "a", "at": 1_700_000_000 + second}] * count
    headers = {"Authorization": f"Bearer {TOKEN}"} | ({} if key is None else {"Idempotency-Key": key})
    url = f"http://127.0.0.1:{run.port}/api/v1/streams/clicks/events"
    try:
        answer = httpx.post(url, json=records, headers=headers, timeout=30)
    except httpx.HTTPError:
        return False
    assert answer.status_code == 202, answer.text
    return True


def counted(config: Path) -> int:
    """Records in the windows that are closed."""
    with looking(config) as look:
        windows = look.history("many")
        return int(windows["n"].sum()) if windows.height else 0


def closing(config: Path, sent: int) -> int:
    """Starts once more, closes all windows, and tells how many records were counted."""
    with Run(config, env=PLAIN) as run:
        _listens(run)
        assert post(run, 1_000_000, 1)
        until(lambda: read_so_far(config, "clicks") == sent + 1, "all is read", alive=run)
        assert run.stop() == 0
    return counted(config)


def test_killed_right_after_the_202_again_and_again(tmp_path: Path):
    config, sent = watching(tmp_path), 0
    for round_ in range(2):
        with Run(config, env=PLAIN) as run:
            _listens(run)
            for _ in range(round_ + 1):
                assert post(run, round_)
                sent += PER_REQUEST
            run.kill()
    assert closing(config, sent) == sent


def test_killed_in_a_commit_of_the_engine(tmp_path: Path):
    config, sent = watching(tmp_path), 0
    # It commits once a second, also with nothing: on a slow machine the first request may come too late.
    for nth in (2, 4, 8, 16):
        with Run(config, failpoint=f"commit.before:{nth}", env=PLAIN) as run:
            _listens(run)
            while post(run, sent // PER_REQUEST):
                sent += PER_REQUEST
            assert run.ended() == -signal.SIGKILL, run.log
        if _kept(config):
            break
    found = closing(config, _kept(config))
    assert found, "a request came before the kill"
    assert found >= sent, "nothing that was accepted is lost"
    assert found % PER_REQUEST == 0, "requests are kept whole"
    assert found - sent <= PER_REQUEST, "at most the one whose answer did not come is there too"


def test_killed_before_the_answer_the_request_is_kept_whole(tmp_path: Path):
    config = watching(tmp_path, "power")
    with Run(config, failpoint=INBOX, env=PLAIN) as run:
        _listens(run)
        assert not post(run, 0)
        assert run.ended() != 0
    assert closing(config, PER_REQUEST) == PER_REQUEST


def test_killed_before_the_answer_the_same_request_counts_once(tmp_path: Path):
    config = watching(tmp_path)
    with Run(config, failpoint=INBOX, env=PLAIN) as run:
        _listens(run)
        assert not post(run, 0, key="one")
        assert run.ended() != 0
    with Run(config, env=PLAIN) as run:
        _listens(run)
        assert post(run, 0, key="one")
        run.kill()
    assert closing(config, PER_REQUEST) == PER_REQUEST


def _listens(run: Run) -> None:
    until(lambda: run.port, "it listens", alive=run)


def _kept(config: Path) -> int:
    """Records that the store knows of, counted or not."""
    from streamgauge.stores.inbox import Inbox

    inbox = Inbox(f"sqlite:///{config.parent / 'store.db'}")
    try:
        return inbox.span("clicks")[1]
    finally:
        inbox.close()
