"""``streamgauge incidents``: newest first, filtered, for people and for tools."""

from __future__ import annotations

import pytest

from streamgauge.stores import open_reading
from tests.cli.in_process import Verb
from tests.cli.past import Past


@pytest.fixture
def incidents(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Verb("incidents", capsys)


def test_a_table_newest_first(incidents, past: Past):
    told = incidents("--config", past.file)
    assert (told.code, told.err) == (0, "")
    header, first, second = told.lines
    assert header.split() == ["opened", "monitor", "key", "state", "severity", "lasted", "owner", "title"]
    assert first.startswith("2023-11-14T22:13:35.000Z  refused  DE · True  firing")
    assert second.startswith("2023-11-14T22:13:31.500Z  burst    a-7        resolved  critical  ")
    assert "burst of a-7: events = 6" in second


def test_by_state_monitor_and_number(incidents, past: Past):
    def keys(*options: object) -> list[object]:
        return [one["key"] for one in incidents("--store", past.store, "--json", *options).objects]

    assert keys() == [["DE", True], "a-7"]
    assert keys("--state", "resolved") == ["a-7"]
    assert keys("--monitor", "refused") == [["DE", True]]
    assert keys("--severity", "critical", "--key", "a-7") == ["a-7"]
    assert keys("--severity", "warning") == []
    assert keys("--key", "a-8") == []
    assert keys("--limit", 1) == [["DE", True]]
    assert keys("--state", "pending") == []


def test_on_a_terminal_it_is_a_table_of_the_same(incidents, past: Past, monkeypatch):
    plain = incidents("--config", past.file).out
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    told = incidents("--config", past.file)
    assert told.out != plain
    for cell in plain.split():
        assert cell in told.out


def test_json_is_what_the_api_says(incidents, past: Past):
    look = open_reading(past.store)
    expected = [incident.as_json() for incident in look.incidents()]
    look.close()
    assert incidents("--config", past.file, "--json").objects == expected


def test_none(incidents, past: Past):
    told = incidents("--config", past.file, "--monitor", "overall")
    assert (told.code, told.out) == (0, "no incidents\n")
    assert incidents("--config", past.file, "--monitor", "overall", "--json").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--state", "fire"], 2, "--state: there is no state 'fire'; did you mean `firing`?"),
        (["--store", "sqlite:///nothing.db"], 3, "there is no store at"),
        ([], 3, "there is no store at"),
        (["--store", "x.db", "--config", "y.yaml"], 2, "give one of them"),
        (["--config", "nothing.yaml"], 2, "nothing.yaml: $: it cannot be read"),
        (["--limit", "0"], 2, "--limit"),
    ],
)
def test_mistakes_are_told(incidents, arguments: list[str], code: int, sentence: str):
    told = incidents(*arguments)
    assert told.code == code
    assert sentence in " ".join(told.err.split())
