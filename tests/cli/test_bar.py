"""How far `evaluate`, `reference build` and `generate` are: shown on a terminal, nowhere else."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

import pytest

from streamgauge.cli._bar import records, steps
from tests.cli.in_process import Verb


class Screen(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())


@pytest.fixture
def screen(monkeypatch):
    for name, value in (("TERM", "xterm"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)
    return Screen()


@pytest.fixture
def scored(tmp_path):
    path = tmp_path / "scored.csv"
    rows = "".join(f"t{i},{i / 200},{str(i % 3 == 0).lower()},{'AB'[i % 2]}\n" for i in range(200))
    path.write_text(f"id,prediction,label,country\n{rows}")
    return path


def evaluating(path):
    return path, "--by", "country"


def building(path):
    return (
        "build",
        "--from",
        path,
        "--out",
        path.with_suffix(".reference"),
        "--features",
        "prediction,country",
    )


VERBS = [
    ("evaluate", evaluating, ("reading scored.csv", "measuring: overall", "measuring: key")),
    ("reference", building, ("reading", "prediction", "country")),
]


@pytest.mark.parametrize(("verb", "words", "steps"), VERBS)
def test_each_step_is_shown_on_a_terminal_and_the_answer_is_the_same(
    verb, words, steps, scored, capsys, screen
):
    with redirect_stderr(screen):
        seen = Verb(verb, capsys)(*words(scored))
    assert [name for name in steps if name not in screen.shown] == []
    piped = Verb(verb, capsys)(*words(scored))
    assert (piped.code, piped.out, piped.err) == (0, seen.out, "")


@pytest.mark.parametrize(("verb", "words", "steps"), VERBS)
def test_json_has_no_bar(verb, words, steps, scored, capsys, screen):
    with redirect_stderr(screen):
        assert Verb(verb, capsys)(*words(scored), "--json").code == 0
    assert screen.getvalue() == ""


def test_steps_that_are_done_are_counted_and_names_are_taken_as_they_are(screen):
    with redirect_stderr(screen), steps(3, quiet=False) as begins:
        for name in ("first", "second", "[red]third"):
            begins(name)
    assert re.search(r"\[red\]third .* 2/3 ", screen.shown)


def test_records_are_counted(screen):
    with redirect_stderr(screen), records(10) as done:
        done(7)
    assert "7/10" in screen.shown
