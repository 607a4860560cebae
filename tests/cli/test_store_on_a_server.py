"""The verbs that look into a store, and the server's API, on one in PostgreSQL: the same answers, and no secret in any."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.server.thread import ServerThread
from tests.cli.in_process import Verb
from tests.cli.past import FILE, Past
from tests.server.given import Process
from tests.services.postgresql import Database, PostgresServer
from tests.services.postgresql.server import PASSWORD

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Database:
    return postgres.new_database()


@pytest.fixture(scope="module")
def on_server(past: Past, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same past, with its store in a database and the password from the environment."""
    folder = tmp_path_factory.mktemp("on-server")
    for found in past.folder.glob("payments-*.ndjson"):
        (folder / found.name).write_bytes(found.read_bytes())
    url = database.url().replace(PASSWORD, "${GAUGE_PASSWORD}")
    text = FILE.format(folder=folder).replace(f"sqlite:///{folder}/streamgauge.db", url)
    file = folder / "payments.yaml"
    file.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAUGE_PASSWORD", PASSWORD)
        patch.setenv("STREAMGAUGE_JIT", "off")
        patch.chdir(folder)
        Session(load(file)).run()
    return file


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("GAUGE_PASSWORD", PASSWORD)


def test_they_say_the_same_as_of_a_file(past: Past, on_server: Path, capsys):
    incidents, why = Verb("incidents", capsys), Verb("why", capsys)
    here, there = incidents("--config", on_server, "--json"), incidents("--config", past.file, "--json")
    assert (here.code, len(here.lines)) == (0, len(there.lines))
    assert [one["id"] for one in here.objects] == [one["id"] for one in there.objects]
    id_ = here.objects[0]["id"]
    assert why(id_, "--config", on_server).out == why(id_, "--config", past.file).out
    check = Verb("check", capsys)
    kept = check(on_server, "--against", load(on_server).store.url)
    assert "keeps its state" in kept.out
    letters = Verb("dead-letters", capsys)
    lists = [letters("--config", file, "--json").objects for file in (on_server, past.file)]
    assert [one["offset"] for one in lists[0]] == [one["offset"] for one in lists[1]]
    assert lists[0]
    assert PASSWORD not in "".join(call.out + call.err for call in (here, kept))


def test_tokens_are_made_and_revoked(on_server: Path, capsys):
    token = Verb("token", capsys)
    (made,) = token("create", "grafana", "--config", on_server, "--json").objects
    assert token("revoke", made["id"], "--config", on_server).code == 0
    (listed,) = token("list", "--config", on_server, "--json").objects
    assert listed["state"] == "revoked"


def test_the_doctor_looks_into_it(on_server: Path, database: Database, capsys):
    doctor = Verb("doctor", capsys)
    assert f"{database} can be read and written" in doctor(on_server).out
    wrong = database.server.url("no_such")
    other = on_server.with_name("other.yaml")
    other.write_text(
        on_server.read_text().replace(database.url().replace(PASSWORD, "${GAUGE_PASSWORD}"), wrong)
    )
    said = doctor(other)
    assert (said.code, "there is no database at" in said.out) == (1, True)
    assert PASSWORD not in said.out + said.err


@pytest.mark.parametrize("verb", [["incidents"], ["token", "list"]])
def test_a_wrong_password_is_said_without_it(database: Database, capsys, verb):
    name, *more = verb
    said = Verb(name, capsys)(*more, "--store", database.server.url(database.name, password="not-the-one"))
    assert said.code == 3
    assert "refuses the password of this user" in said.err
    assert "not-the-one" not in said.out + said.err


def test_the_api_answers_from_it_and_shows_no_secret(on_server: Path, capsys):
    token = Verb("token", capsys)("create", "looks", "--config", on_server).lines[0]
    server = ServerThread(Process(load(on_server)), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.start()}"
    allowed = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, trust_env=False, timeout=30, headers=allowed) as web:
        found = web.get("/api/v1/incidents")
        paths = ("/api/v1/status", "/api/v1/monitors", "/metrics", "/healthz")
        texts = [web.get(path).text for path in paths]
    server.stop()
    assert found.json()["incidents"]
    assert PASSWORD not in found.text + "".join(texts)
