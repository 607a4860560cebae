"""Each case of the truth table, run; and the page that shows it."""

from __future__ import annotations

import pytest

from tests.sql import cases, cases_changing
from tests.sql.asking import ask
from tests.sql.page import PAGE, SECTIONS, text

ALL = [case for _, listed in SECTIONS for case in listed] + [*cases.NAMES, *cases.ROWS]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.sentence)
def test_case(case: cases.Case):
    found = ask(case.sql, case.rows, parameters=case.parameters, lateness=case.lateness, flush=case.flush)
    assert found == list(case.expected)


def test_each_sentence_stands_once_and_there_are_many():
    sentences = [case.sentence for case in ALL]
    assert len(set(sentences)) == len(sentences)
    assert sum(len(listed) for _, listed in SECTIONS) >= 80
    assert cases_changing.CHANGES


def test_the_page_shows_them():
    assert PAGE.read_text("utf-8") == text(), "write it anew: python -m tests.sql.page"
