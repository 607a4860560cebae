"""How verbs end that a schedule calls: 3 where something outside is missing, which is tried again, 2 where words are wrong."""

import pytest

from tests.cli.in_process import Verb

MISSING = [
    ("evaluate", "gone.csv"),
    ("evaluate", "labels.csv", "--labels", "gone.csv"),
    ("forecast", "gone.csv"),
    ("forecast", "hours", "--store", "sqlite:///gone.db"),
    ("drift", "labels.csv", "gone.csv"),
    ("reference", "build", "--from", "gone.csv", "--out", "x.reference"),
    ("reference", "build", "--from", "labels.csv", "--features", "n", "--out", "gone/x.reference"),
]
WRONG = [
    ("evaluate", "labels.csv", "--id", "nothing"),
    ("forecast", "labels.csv", "--time", "nothing"),
    ("drift", "labels.csv", "labels.csv", "--features", "nothing"),
    ("drift", "gone.reference", "labels.csv"),
    ("reference", "build", "--from", "labels.csv", "--features", "nothing", "--out", "x.reference"),
    ("handover", "logs", "--config", "gone.yaml"),
    ("jobs", "run", "nightly", "--config", "gone.yaml"),
]


@pytest.fixture
def end(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text("id,n,prediction\n" + "".join(f"{n},{n},0.5\n" for n in range(30)))
    return lambda verb, *words: Verb(verb, capsys)(*words)


@pytest.mark.parametrize("words", MISSING, ids=" ".join)
def test_what_is_missing_outside_ends_with_3(words, end):
    ended = end(*words)
    assert ended.code == 3
    assert "gone" in ended.err


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_wrong_ends_with_2(words, end):
    ended = end(*words)
    assert ended.code == 2
    assert "nothing" in ended.err or "gone" in ended.err
