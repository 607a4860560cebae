"""No page says `stable` without a measured row that is good enough for it."""

import re
from typing import Any

import pytest
from benchmarks.detectors.stable import judged

from streamgauge.config import plugins
from tests.docs import tables
from tests.docs.pages import ROOT
from tests.docs.standing import measured

OURS = sorted(path.stem for path in (ROOT / "docs/detectors").glob("*.md"))
SAID = re.compile(r"\*\*(stable|experimental)\*\*")


@pytest.mark.parametrize("detector", OURS)
def test_a_page_says_the_word_of_its_row_and_shows_the_row(detector: str):
    page = ROOT / f"docs/detectors/{detector}.md"
    row = measured().get(detector)
    assert SAID.findall(page.read_text("utf-8")) == ["experimental" if row is None else row["word"]]
    assert [name for name in tables.names(page) if name.startswith(("standing", "trials"))] == [
        f"standing {detector}", f"trials {detector}",
    ]  # fmt: skip


@pytest.mark.parametrize("detector", sorted(measured()))
def test_a_row_says_what_its_numbers_say(detector: str):
    row = measured()[detector]
    assert row["why"] == judged(detector, row["trials"])
    assert row["word"] == ("experimental" if row["why"] else "stable")


def test_rows_are_of_detectors_that_keep_the_contract():
    """The conformance tests run over these names, each with its EXAMPLE."""
    assert set(measured()) <= set(plugins.names("detectors"))
    assert all(plugins.module("detectors", name).EXAMPLE for name in measured())


TRIAL = {"about": "x", "alarms": 0, "allowed": 1.0, "faults": [{"what": "f", "found": 9, "of": 10}]}
JUDGED = [
    ("as many alarms as allowed", [TRIAL], []),
    ("twice as many", [{**TRIAL, "alarms": 2}], []),
    ("more", [{**TRIAL, "alarms": 3}], ["3 alarms in quiet data where 1 may be"]),
    ("one where none may be", [{**TRIAL, "alarms": 1, "allowed": 0}], ["1 alarms in quiet data where 0 may be"]),
    ("more in the worst shape", [{**TRIAL, "worst": {"what": "w", "alarms": 9, "allowed": 4}}],
     ["9 alarms in quiet data where 4 may be (w)"]),
    ("a fault that is seldom found", [{**TRIAL, "faults": [{"what": "f", "found": 8, "of": 10}]}], ["it finds 8 of 10: f"]),
    ("one that it is not for", [{**TRIAL, "faults": [{"what": "f", "found": 0, "of": 10, "asked": False}]}], []),
    ("nothing measured", [], ["it was not measured yet"]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "trials", "why"), JUDGED, ids=[row[0] for row in JUDGED])
def test_what_is_asked(sentence: str, trials: list[Any], why: list[str]):
    assert judged("zscore", trials) == why
