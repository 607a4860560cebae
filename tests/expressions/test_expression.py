"""How expressions meet columns: faces, lengths, and columns that are not as they should be."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from streamgauge.batch import Column, FieldKind
from streamgauge.expressions import parse_condition, parse_value, truths

KINDS: dict[str, FieldKind] = {"x": "float", "n": "int", "s": "string", "b": "bool"}


def test_a_bare_column_is_that_very_column():
    column = Column("string", values=["a"])
    assert parse_value("S", KINDS).evaluate({"s": column}, 1) is column
    assert parse_value("(s)", KINDS).evaluate({"s": column}, 1) is column


def test_only_the_columns_that_are_read_are_asked_for():
    expression = parse_condition("x > 1 and lower(s) = 'a'", KINDS)
    assert expression.columns == {"x", "s"}
    columns = {"x": Column("float", values=[2.0]), "s": Column("string", values=["A"])}
    assert expression.mask(columns, 1).tolist() == [True]


@pytest.mark.parametrize(
    "text", ["x > 1", "s = 'a'", "b", "1 = 1", "x % 3 = 1", "n in (1)", "coalesce(x, 1) > 0"]
)
def test_no_rows_are_no_answers(text):
    columns = {name: Column(kind, values=[]) for name, kind in KINDS.items()}
    expression = parse_condition(text, KINDS)
    assert expression.truth(columns, 0).tolist() == []
    assert len(expression.evaluate(columns, 0)) == 0


@pytest.mark.parametrize("text", ["x > 0", "coalesce(x > 0, x <= 0)"])
def test_nan_and_infinity_in_a_column_are_missing(text):
    numbers = [1.0, float("nan"), float("inf"), -float("inf"), 2.0]
    faces = [
        Column("float", numbers=np.array(numbers)),
        Column("float", values=numbers),
        Column("float", series=pl.Series(numbers)),
    ]
    for column in faces:
        assert parse_condition(text, KINDS).truth({"x": column}, 5).tolist() == [1, -1, -1, -1, 1]


def test_truth_has_three_answers_and_mask_two():
    columns = {"x": Column("float", values=[2.0, 0.0, None])}
    expression = parse_condition("x > 1", KINDS)
    assert expression.truth(columns, 3).tolist() == [1, 0, -1]
    assert expression.mask(columns, 3).tolist() == [True, False, False]
    assert expression.mask(columns, 3).dtype == np.bool_


def test_many_conditions_come_in_the_order_asked():
    columns = {"x": Column("float", values=[2.0, None]), "s": Column("string", values=["a", "b"])}
    texts = ["x > 1", "s = 'a'", "1 = 2", "x > 1 and s = 'b'", "x is null"]
    found = truths([parse_condition(text, KINDS) for text in texts], columns, 2)
    assert [answer.tolist() for answer in found] == [[1, -1], [1, 0], [0, 0], [0, -1], [0, 1]]
    assert truths([], columns, 2) == []


def test_the_answers_may_be_written_to():
    columns = {"x": Column("float", values=[2.0]), "s": Column("string", values=["a"])}
    for text in ("x > 1", "s = 'a'", "1 = 1"):
        answer = parse_condition(text, KINDS).truth(columns, 1)
        assert answer.flags.writeable, text


def test_a_pattern_that_would_run_away_elsewhere_just_answers():
    text = "a" * 50_000 + "b"
    columns = {"s": Column("string", values=[text, "aaa"])}
    assert parse_condition("s ~ '(a+)+$'", KINDS).truth(columns, 2).tolist() == [0, 1]
    assert parse_condition("s ~ '(a|aa)+$'", KINDS).truth(columns, 2).tolist() == [0, 1]
    assert parse_condition("s like '" + "%a" * 40 + "'", KINDS).truth(columns, 2).tolist() == [0, 0]


def test_nesting_does_not_multiply_the_work():
    text = "x"
    for _ in range(22):
        text = f"1 + 1 / ({text})"
    columns = {"x": Column("float", values=[1.0, 0.0, None])}
    assert parse_value(f"round({text}, 3)", KINDS).evaluate(columns, 3).values() == [1.618, None, None]


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, streamgauge.expressions as e; print(sorted({'polars', 'sqlglot'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "length('') != round(case when x != x then x else 0.0 end, 0)",
        "1.0 != round(coalesce(x, 0.0), 0)",
        "3 % (case when x > 0 then 1.0 else 2.0 end) = 1",
        "(case when x > 0 then 's' else 't' end) = 't'",
    ],
)
def test_rows_that_all_agree_are_still_all_answered(text):
    columns = {"x": Column("float", values=[None, None, None])}
    assert len(parse_condition(text, KINDS).truth(columns, 3)) == 3
