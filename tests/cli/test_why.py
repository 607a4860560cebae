"""``streamgauge why``: from the store after a real run, and from a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamgauge.server.thread import ServerThread
from tests.cli.in_process import Verb
from tests.cli.past import Past
from tests.server.given import Process, configuration, fill
from tests.server.given import past as commits


@pytest.fixture
def why(capsys):
    return Verb("why", capsys)


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """A running one, over a store of its own."""
    config = configuration(tmp_path)
    fill(config, commits())
    thread = ServerThread(Process(config), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{thread.start()}"
    thread.stop()


def test_a_server_at_any_free_port_is_not_looked_for(why, past: Past):
    told = why("burst", "a-1", "--config", past.file)
    assert told.err == "the server takes any free port, so it is not asked: reading the store\n"


def test_why_it_did_not_fire(why, past: Past):
    told = why("burst", "a-1", "--config", past.file)
    assert told.code == 0
    assert told.lines[0] == (
        "burst of a-1: in the last closed window (2023-11-14T22:13:55.000Z to 2023-11-14T22:14:00.000Z) "
        "`spent > 1000` does not hold (spent = 200); `events > 500` does not hold (events = 10)"
    )
    at = told.lines.index(
        "window     2023-11-14T22:13:55.000Z to 2023-11-14T22:14:00.000Z: events = 10, spent = 200"
    )
    assert told.lines[at + 1 : at + 5] == [
        "           false    events > 5 and (spent > 1000 or events > 500)",
        "             true     events > 5",
        "             false    spent > 1000",
        "             false    events > 500",
    ]
    assert "watermark  2023-11-14T22:13:57.500Z  (aligned: grouped by account" in told.out


@pytest.mark.parametrize(
    ("arguments", "state", "says"),
    [
        (["refused", "DE,true"], "fires", "it fires since 2023-11-14T22:13:35.000Z: refused of DE · True"),
        (["refused"], "fires", "refused of DE · True"),
        (["refused", '["DE",true]'], "fires", "refused of DE · True"),
        (["refused", "FR,true"], "no window", "none of them fits `where: amount > 10`"),
        (["burst"], "ended", "the incident of it has ended (recovered)"),
        (["burst", "a-9"], "no window", "they came too late (1 record of this monitor did)"),
        (["burst", "a-77"], "unknown key", "the nearest known key is a-7"),
        (["overall"], "does not fire", "`events > 1000` does not hold (events = 1)"),
        (["went-quiet", "DE"], "does not fire", "silence is told once the watermark has passed 2023-11-14T22:14:01.700Z"),
        (["went-quiet", "XX"], "unknown key", "no record with country = XX has come to payments"),
    ],
)  # fmt: skip
def test_the_answer_after_a_real_run(why, past: Past, arguments: list[str], state: str, says: str):
    (found,) = why(*arguments, "--config", past.file, "--json").objects
    assert found["state"] == state
    assert says in found["answer"]
    assert found["live"] is False


def test_json_has_it_all(why, past: Past):
    (found,) = why("burst", "a-7", "--config", past.file, "--json").objects
    (window,) = found["windows"]
    assert window["values"] == {"events": 8, "spent": 1600.0}
    assert window["holds"] is True
    assert [part["holds"] for part in window["parts"]] == [True, True, False]
    assert found["incident"]["key"] == "a-7"
    assert found["when"] == "events > 5 and (spent > 1000 or events > 500)"
    assert found["last_record"] == "2023-11-14T22:13:31.700Z"
    assert set(found["time"]["partitions"]) == {
        f"{past.folder}/payments-{number}.ndjson:0" for number in (0, 1)
    }


def test_moments_among_the_values_are_moments(why, past: Past):
    (found,) = why("overall", "--config", past.file, "--json").objects
    assert found["windows"][-1]["values"] == {"events": 1, "last": "2023-11-14T22:14:00.000Z"}


def test_a_running_server_is_asked(why, server: str):
    told = why("burst", "a-7", "--server", server)
    assert told.code == 0, told.err
    assert told.lines[0] == "burst of a-7: it fires since 2023-11-14T22:13:26.000Z: burst of a-7: events 101"
    assert "held back  payments:1" not in told.out, "that one waits for nobody"
    (found,) = why("refused", "DE", "--server", server, "--json").objects
    assert found["live"] is True
    assert found["time"]["held_back"] == []
    (quiet,) = why("burst", "--server", server, "--json").objects
    assert quiet["key"] == "a-7"


def test_what_the_server_refuses_is_told(why, server: str):
    told = why("burts", "--server", server)
    assert (told.code, told.err) == (2, "there is no monitor 'burts'; did you mean `burst`?\n")
    told = why("burst", "a,b,c", "--server", server)
    assert told.code == 0
    told = why("went-quiet", "CH", "--server", server)
    assert told.code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["burts"], 2, "there is no monitor 'burts'; did you mean `burst`?"),
        (["overall", "x"], 2, "overall has no keys: it is one group; leave KEY out"),
        (
            ["refused", "DE"],
            2,
            "refused is grouped by country, ok: name 2 values, separated by commas, not 'DE'",
        ),
        (["refused", "[1"], 2, "'[1' is no JSON list"),
    ],
)
def test_mistakes_are_told(why, past: Past, arguments: list[str], code: int, sentence: str):
    told = why(*arguments, "--config", past.file)
    assert told.code == code
    assert sentence in told.err


def test_without_a_server_the_configuration_is_needed(why, past: Past):
    told = why("burst", "--server", "http://127.0.0.1:1")
    assert told.code == 3
    assert "no Streamgauge server answers at http://127.0.0.1:1" in told.err
    told = why("burst", "--store", past.store)
    assert told.code == 2
    assert "add `--config FILE`" in told.err
    assert why("burst", "--server", "http://127.0.0.1:1", "--config", past.file).code == 3, "it was named"


def test_another_store_than_the_files(why, past: Past, own_past: Past):
    told = why("burst", "a-7", "--config", past.file, "--store", own_past.store)
    assert told.code == 0
    assert "has ended (recovered)" in told.out
