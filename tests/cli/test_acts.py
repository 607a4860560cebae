"""The verbs ``ack`` and ``silence`` against a server whose engine does what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamgauge.server.thread import ServerThread
from tests.cli.in_process import Verb
from tests.server.acting import Clerk
from tests.server.given import Process, body, configuration, fill, past


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    config = configuration(tmp_path)
    fill(config, past())
    process: Any = Process(config)
    process.engine = Clerk(config, process.clock)
    server = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()
    process.engine.close()


def firing(url: str) -> str:
    (found,) = body(url, "/api/v1/incidents", state="firing")["incidents"]
    return str(found["id"])


def test_ack_takes_it_and_says_so(url: str, capsys: pytest.CaptureFixture[str]):
    ack, name = Verb("ack", capsys), firing(url)
    told = ack(name, "--note", "on it", "--as", "ann", "--server", url)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("taken by ann (")
    (found,) = ack(name, "--feedback", "noise", "--server", url, "--json").objects
    assert (found["feedback"], found["note"]) == ("noise", "on it")
    assert ack(name, "--assign", "bob", "--server", url).out.startswith("assigned to bob: ")
    assert ack(name, "--resolve", "--server", url).out.startswith("resolved: ")


WRONG = [
    (("nothing",), 2, "there is no incident 'nothing'"),
    (("x", "--assign", "bob", "--resolve"), 2, "give one of"),
    (("x", "--assign", "bob", "--note", "y"), 2, "does not go with"),
    (("x", "--feedback", "meh"), 2, "word"),
]


def test_ack_that_makes_no_sense(url: str, capsys: pytest.CaptureFixture[str]):
    ack = Verb("ack", capsys)
    for words, code, why in WRONG:  # one server for all of them
        told = ack(*words, "--server", url)
        assert (told.code, why in told.err) == (code, True), (words, told.err)


def test_without_a_server_it_says_so(capsys: pytest.CaptureFixture[str]):
    told = Verb("ack", capsys)("x", "--server", "http://127.0.0.1:1")
    assert (told.code, "no Streamgauge server answers" in told.err) == (3, True)


def test_a_silence_is_made_listed_and_taken_back(url: str, capsys: pytest.CaptureFixture[str]):
    silence = Verb("silence", capsys)
    told = silence("add", "monitor=burst", "--for", "2h", "--comment", "a test", "--server", url)
    assert (told.code, " is active until " in told.out) == (0, True), told
    header, line = silence("--server", url).lines
    assert header.split()[:3] == ["id", "state", "matchers"]
    (found,) = silence("list", "--json", "--server", url).objects
    assert line.startswith(found["id"])
    assert found["comment"] == "a test"
    assert (
        silence("expire", found["id"], "--server", url).out
        == f"silence {found['id']} is over: monitor=burst\n"
    )
    assert silence("--server", url).out == "no silences\n"
    assert [one["state"] for one in silence("list", "--over", "--json", "--server", url).objects] == ["over"]


def test_the_environment_names_the_server(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STREAMGAUGE_SERVER", url)
    assert Verb("silence", capsys)("list").out == "no silences\n"
    assert Verb("top", capsys)("--once").code == 0


def test_a_slip_in_a_matcher_is_told_beside_what_was_made(url: str, capsys: pytest.CaptureFixture[str]):
    told = Verb("silence", capsys)("add", "monitr=burst", "--for", "2h", "--server", url)
    assert told.code == 0
    assert told.err == "warning: no incident has the label `monitr`; did you mean `monitor`?\n"


def test_a_weekly_silence(url: str, capsys: pytest.CaptureFixture[str]):
    weekly = ("--weekly", "sat,sun 22:00-06:00", "--zone", "Europe/Berlin")
    (found,) = Verb("silence", capsys)("add", "monitor=burst", *weekly, "--json", "--server", url).objects
    assert (found["weekly"], found["end"]) == ("sat,sun 22:00-06:00 Europe/Berlin", None)


def test_one_that_mutes_everything_asks_for_yes(url: str, capsys: pytest.CaptureFixture[str]):
    silence = Verb("silence", capsys)
    told = silence("add", "key=~.*", "--for", "1h", "--server", url)
    assert (told.code, "--yes" in told.err) == (2, True)
    assert silence("add", "key=~.*", "--for", "1h", "--yes", "--server", url).code == 0


def test_a_moment_that_is_none(url: str, capsys: pytest.CaptureFixture[str]):
    silence = Verb("silence", capsys)
    assert "is no moment" in silence("add", "key=a", "--end", "tomorrow", "--server", url).err
    both = silence("add", "key=a", "--end", "2030-01-01", "--for", "1h", "--server", url)
    assert (both.code, "give one of them" in both.err) == (2, True)
