"""What rows of a query say beside a column: bounds of estimates, how much a list left out; and where they stand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from streamgauge.cli._rows import Printer, print_rows
from streamgauge.sql.answers import Answer
from tests.sql.asking import Row, answers, mock
from tests.sql.test_query_verb import ask

MANY: tuple[Row, ...] = tuple((5 + number / 1_000, "a", number) for number in range(600))
FEW: tuple[Row, ...] = ((0, "a", 1), (1, "a", 2))
WINDOW = "WINDOW TUMBLING (SIZE 5 SECONDS)"
BOTH = f"SELECT PERCENTILE(amount, 0.5) AS mid, COUNT(*) AS n FROM s {WINDOW}"


def answer(sql: str) -> Answer:
    return answers(mock(FEW + MANY) + sql)[-1]


def test_bounds_stand_behind_an_estimate_in_rows_that_hold_one():
    exact, estimate = answer(BOTH).lines()
    assert list(exact) == ["mid", "n", "window_start", "window_end"]
    assert list(estimate) == ["mid", "mid_lower", "mid_upper", "n", "window_start", "window_end"]
    assert estimate["mid_lower"] <= 299 <= estimate["mid_upper"]


def test_a_header_has_a_column_for_them_where_any_row_has_some():
    assert answer(BOTH).header == ("mid", "mid_lower", "mid_upper", "n", "window_start", "window_end")
    assert answers(mock(FEW) + BOTH)[-1].header == ("mid", "n", "window_start", "window_end")


def test_they_follow_their_rows_through_having_and_order():
    found = answer(
        f"SELECT country, PERCENTILE(amount, 0.5) AS mid FROM s {WINDOW} GROUP BY country HAVING COUNT(*) > 9"
    )
    assert [(line["country"], line["mid_lower"] <= line["mid"]) for line in found.lines()] == [
        ("CH", True),
        ("DE", True),
    ]


def test_what_is_computed_of_an_estimate_has_none():
    found = answer(f"SELECT PERCENTILE(amount, 0.5) * 2 AS twice FROM s {WINDOW}")
    assert found.header == ("twice", "window_start", "window_end")


def test_a_list_says_how_much_it_left_out():
    rows: tuple[Row, ...] = tuple((number / 1_000, "a", number) for number in range(1_003))
    (line,) = answers(mock(rows) + f"SELECT COLLECT_LIST(amount) AS all FROM s {WINDOW}")[-1].lines()
    assert (len(line["all"]), line["all_left_out"]) == (1_000, 3)


def test_a_column_of_that_name_stays_what_it_is():
    found = answer(f"SELECT PERCENTILE(amount, 0.5) AS mid, MIN(amount) + 0 AS mid_lower FROM s {WINDOW}")
    assert found.header == ("mid", "mid_upper", "mid_lower", "window_start", "window_end")


def test_later_statements_read_the_columns_only():
    table = f"CREATE TABLE t AS SELECT PERCENTILE(amount, 0.5) AS mid FROM s {WINDOW};"
    assert answer(f"{table} SELECT mid FROM t").header == ("mid",)


def test_the_verb_prints_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "s.sql").write_text(mock(FEW + MANY))
    asked = ("query", "-f", tmp_path / "s.sql", BOTH, "--format")
    out, _, _ = ask(capsys, *asked, "ndjson")
    assert [set(json.loads(line)) >= {"mid_lower"} for line in out.splitlines()] == [False, True]
    out, _, _ = ask(capsys, *asked, "csv")
    exact, estimate = csv.DictReader(out.splitlines())
    assert exact["mid_lower"] == ""
    assert float(estimate["mid_lower"]) <= float(estimate["mid"])
    out, _, _ = ask(capsys, *asked, "table")
    assert out.split()[:4] == ["mid", "mid_lower", "mid_upper", "n"]


def test_csv_of_several_tables_has_the_bounds_of_any(capsys: pytest.CaptureFixture[str]):
    print_rows([answers(mock(FEW) + BOTH)[-1], answer(BOTH)], "csv")
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "mid,mid_lower,mid_upper,n,window_start,window_end"
    assert [line.split(",")[1] == "" for line in lines] == [True, True, False]


def test_live_columns_are_those_of_the_first_rows(capsys: pytest.CaptureFixture[str]):
    found = answer(BOTH)
    printer = Printer("csv")
    printer.add(found)
    printer.add(answers(mock(FEW) + BOTH)[-1])
    lines = capsys.readouterr().out.splitlines()
    assert [len(line.split(",")) for line in lines] == [6] * 4
