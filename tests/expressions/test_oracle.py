"""Random expressions on random columns against plain Python; and the two computed forms against each other."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamgauge.batch import Column, FieldKind
from streamgauge.expressions import parse_condition, parse_value, truths
from streamgauge.expressions.expression import Expression, _as_truth, _select

from . import oracle
from .oracle import KINDS, Case

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def columns(rows: list[dict[str, Any]]) -> dict[str, Column]:
    return {name: Column(kind, values=[row[name] for row in rows]) for name, kind in KINDS.items()}


def same(found: Any, expected: Any, kind: str) -> bool:
    """Equal and of the same type; -0.0 and 0.0 are one number."""
    wanted: dict[str, type] = {"float": float, "int": int, "string": str, "bool": bool}
    return found == expected and (expected is None or type(found) is wanted[kind])


@given(oracle.conditions(), oracle.rows())
@thorough
def test_a_condition_answers_as_plain_python_does(case: Case, rows):
    expression = parse_condition(case.text, KINDS)
    found = expression.truth(columns(rows), len(rows))
    expected = [{True: 1, False: 0, None: -1}[case.meaning(row)] for row in rows]
    assert found.dtype == np.int8
    assert found.tolist() == expected
    assert expression.mask(columns(rows), len(rows)).tolist() == [answer == 1 for answer in expected]


@given(oracle.numbers() | oracle.strings() | oracle.conditions(), oracle.rows())
@thorough
def test_a_value_is_what_plain_python_computes(case: Case, rows):
    expression = parse_value(case.text, KINDS)
    found = expression.evaluate(columns(rows), len(rows))
    assert (expression.kind, found.kind) == (case.kind, case.kind)
    expected = [case.meaning(row) for row in rows]
    assert len(found) == len(rows)
    for got, want in zip(found.values(), expected, strict=True):
        assert same(got, want, case.kind), (case.text, found.values(), expected)


@given(st.lists(oracle.conditions(), max_size=4), oracle.rows())
@settings(thorough, max_examples=100)
def test_many_conditions_at_once_answer_as_each_alone(cases: list[Case], rows):
    expressions = [parse_condition(case.text, KINDS) for case in cases]
    together = truths(expressions, columns(rows), len(rows))
    alone = [expression.truth(columns(rows), len(rows)) for expression in expressions]
    assert [answer.tolist() for answer in together] == [answer.tolist() for answer in alone]


def by_polars(expression: Expression, given_columns: dict[str, Column], length: int):
    return _select([expression], given_columns, length)[0]


_awkward = st.sampled_from([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1.0, 1e308, 5e-324])
_floats = st.lists(_awkward | st.floats(), min_size=1, max_size=6)


@given(oracle.conditions_of(oracle.numbers()), _floats)
@thorough
def test_numpy_and_polars_agree_also_on_columns_with_nan_and_infinity(case: Case, numbers: list[float]):
    expression = parse_condition(case.text, KINDS)
    length = len(numbers)
    given_columns = columns([dict.fromkeys(KINDS, 1) | {"s": "a", "t": "b"}] * length)
    kinds: list[FieldKind] = ["float", "float"]
    for name, kind in zip("xy", kinds, strict=True):
        given_columns[name] = Column(kind, numbers=np.array(numbers))
    truth = expression.truth(given_columns, length)
    assert truth.tolist() == _as_truth(by_polars(expression, given_columns, length)).tolist()


@given(oracle.numbers(), oracle.rows())
@thorough
def test_numbers_by_numpy_and_by_polars_are_the_same_bits(case: Case, rows):
    expression = parse_value(f"abs({case.text}) * 1.5", KINDS)
    given_columns = columns(rows)
    quick = expression.evaluate(given_columns, len(rows)).numbers()
    slow = Column("float", series=by_polars(expression, given_columns, len(rows))).numbers()
    np.testing.assert_array_equal(quick, slow)
