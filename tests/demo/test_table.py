"""The table at the end, as people and as programs read it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from streamgauge.demo.hearing import Told
from streamgauge.demo.matching import Outcome, Row
from streamgauge.demo.table import EXPLAINED, Course, closing, lines, show
from streamgauge.sources.scenarios.contract import Planted

S = 1_000_000
T0 = 1_800_000_000 * S
COURSE = Course(T0, 48.0, 96_000, 40, 120, 3.2)
FAULT = Planted("burst", "count > 100", "a-7", T0 + 4 * S, T0 + 12 * S, "480 payments")
TOLD = Told("burst-1", "burst", "a-7", "verdict", "burst of a-7", T0, T0 + 6 * S, T0 + round(6.25 * S))
ROWS = [
    Row(Outcome.FOUND, FAULT, TOLD, "burst"),
    Row(Outcome.MISSED, replace(FAULT, what="quiet", key="FR"), None, "went-quiet"),
    Row(Outcome.CUT_OFF, replace(FAULT, what="late", key=None), None, "late"),
    Row(Outcome.TWICE, FAULT, replace(TOLD, incident="burst-2"), "burst"),
    Row(Outcome.INVENTED, None, replace(TOLD, monitor="extra", key="a\x1b[31m"), "extra"),
]


def printed(rows: list[Row], course: Course = COURSE) -> str:
    out = io.StringIO()
    show(rows, course, Console(file=out, width=80))
    return out.getvalue()


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (ROWS[0], ["✓", "burst", "a-7", "4.00", "burst", "6.00", "6.25", "0.25", "s"]),
        (ROWS[1], ["✗", "quiet", "FR", "4.00", "missed"]),
        (ROWS[2], ["–", "late", "4.00", "cut", "off"]),
        (ROWS[3], ["✗", "told", "twice", "a-7", "4.00", "burst", "6.00", "6.25", "0.25", "s"]),
        (ROWS[4], ["✗", "invented", r"a\x1b[31m", "extra", "6.00", "6.25", "0.25", "s"]),
    ],
    ids=lambda value: str(value.outcome) if isinstance(value, Row) else "",
)
def test_each_row(row: Row, cells: list[str]):
    assert cells in [line.split() for line in printed([row]).splitlines()]


def test_all_of_it_fits_a_terminal_and_explains_itself():
    text = printed(ROWS)
    assert max(map(len, text.splitlines())) <= 80
    assert EXPLAINED in text
    assert closing(ROWS, COURSE) in " ".join(text.split())


def test_one_sentence():
    assert closing(ROWS, COURSE) == (
        "1 of 2 found, 1 cut off by the end of the stream, 1 invented, 1 told twice · 96,000 records · "
        "ready after 3.2 s"
    )
    assert closing(ROWS[:1], COURSE).startswith("1 of 1 found, none invented · ")


def test_nothing_planted():
    assert "nothing was planted in the 2.0 s" in printed([], replace(COURSE, seconds=2.0))
    assert "nothing was planted in the 0.0 s" in printed([], Course(None))


def test_as_data():
    *rows, summary = lines(ROWS, COURSE)
    assert {tuple(row) for row in rows} == {tuple(rows[0])}, "all have the same names"
    assert rows[0] == {
        "kind": "fault",
        "outcome": "found",
        "what": "burst",
        "key": "a-7",
        "planted_at": "2027-01-15T08:00:04.000Z",
        "planted_until": "2027-01-15T08:00:12.000Z",
        "monitor": "burst",
        "incident": "burst-1",
        "title": "burst of a-7",
        "held_at": "2027-01-15T08:00:06.000Z",
        "told_at": "2027-01-15T08:00:06.250Z",
        "resolved_at": None,
        "delay_seconds": 0.25,
    }
    assert [row["kind"] for row in rows] == ["fault", "fault", "fault", "fault", "incident"]
    assert (rows[1]["told_at"], rows[4]["planted_at"]) == (None, None)
    assert summary == {
        "kind": "summary", "found": 1, "missed": 1, "cut_off": 1, "told_twice": 1, "invented": 1,
        "records": 96_000, "dead_letters": 40, "late": 120, "began_at": "2027-01-15T08:00:00.000Z",
        "ready_after_seconds": 3.2,
    }  # fmt: skip
