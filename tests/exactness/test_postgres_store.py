"""The store on PostgreSQL: killed and cut off, a run comes to what an undisturbed one came to in a file."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.stores import Owner, open_store
from tests.exactness.running import Run, read_so_far, until, write
from tests.exactness.test_store_faults import config, outcome
from tests.services.postgresql import PostgresServer
from tests.services.postgresql.server import PASSWORD

pytestmark = pytest.mark.services

PLAIN = {"STREAMGAUGE_JIT": "off"}


def watching(folder: Path, store: str) -> Path:
    """Two seconds of payments and what watches them."""
    settings = config(store=store)
    settings["streams"]["payments"]["source"] |= {"records": 6_000}
    return write(folder, settings)


@pytest.fixture
def undisturbed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What it comes to in a file."""
    path = watching(tmp_path_factory.mktemp("undisturbed"), "sqlite:///store.db")
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    monkeypatch.chdir(path.parent)
    Session(load(path)).run()
    result = outcome(path)
    assert {incident["monitor"] for incident in result["incidents"].values()} == {"busy", "land", "all"}
    return result


def test_killed_and_cut_off_it_comes_to_the_same_as_in_a_file(
    undisturbed: dict[str, Any], own_postgres: Any, tmp_path: Path
):
    server: PostgresServer = own_postgres()
    path = watching(tmp_path, server.new_database().url())
    with Run(path, failpoint="commit.between-log-and-fold:2", env=PLAIN) as killed:
        assert killed.ended() == -signal.SIGKILL, killed.log
    before = read_so_far(path, "payments")
    with Run(path, env=PLAIN) as run:
        until(lambda: read_so_far(path, "payments") > before, "a commit", alive=run)
        server.kill()
        until(lambda: run.says("the store refuses commits"), "a word about the server", alive=run)
        server.start()
        assert run.ended() == 0, run.log
        assert run.says("the store takes commits again")
        assert PASSWORD not in run.log
        assert not run.says("Traceback")
    assert outcome(path) == undisturbed


def test_a_second_instance_on_one_store_is_refused(postgres: PostgresServer, tmp_path: Path):
    database = postgres.new_database()
    path = watching(tmp_path, database.url())
    first = open_store(database.url(), owner=Owner.this_process(), clock=SystemClock())
    with closing(first), Run(path, env=PLAIN) as second:
        while second.running:
            first.renew()
            second.pause_for(1)
        assert second.code == 3, second.log
        assert second.says("another Streamgauge (pid"), second.log
        assert second.says(f"has the store {database} open; stop it"), second.log
        assert PASSWORD not in second.log
        assert not second.says("Traceback")
