"""Entries of `compute`: what they become and what is refused."""

import pickle

import pytest

from streamgauge.batch import FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import parse_aggregate, parse_condition

from .table import ROWS, table

KINDS: dict[str, FieldKind] = {
    "amount": "float",
    "n": "int",
    "account": "string",
    "refused": "bool",
    "at": "timestamp",
    "count": "int",
}
RISING = frozenset({"amount", "n"})

READ = [
    ("count(*)", "count", None, "int", True),
    ("COUNT(account)", "count", "account", "int", True),
    ("count ( * )", "count", None, "int", True),
    ("(count(*))", "count", None, "int", True),
    ("count(distinct account)", "distinct", "account", "int", True),
    ("count(DISTINCT (account))", "distinct", "(account)", "int", True),
    ("count_distinct(account)", "distinct", "account", "int", True),
    ("distinct(lower(account))", "distinct", "lower(account)", "int", True),
    ("rate()", "rate", None, "float", False),
    ("rate(*)", "rate", None, "float", False),
    ("sum(amount)", "sum", "amount", "float", True),
    ("sum(n)", "sum", "n", "float", True),
    ("sum(count)", "sum", "count", "float", False),
    ("sum(amount * 2)", "sum", "amount * 2", "float", True),
    ("sum(2 * (amount + n) + 1)", "sum", "2 * (amount + n) + 1", "float", True),
    ("sum(amount * -2)", "sum", "amount * -2", "float", False),
    ("sum(amount - 1)", "sum", "amount - 1", "float", False),
    ("sum(-amount)", "sum", "-amount", "float", False),
    ("sum(amount + count)", "sum", "amount + count", "float", False),
    ("sum(abs(count))", "sum", "abs(count)", "float", True),
    ("sum(round(amount, 2))", "sum", "round(amount, 2)", "float", True),
    ("sum(coalesce(amount, 0))", "sum", "coalesce(amount, 0)", "float", True),
    ("sum(coalesce(amount, -1))", "sum", "coalesce(amount, -1)", "float", False),
    ("sum(length(account))", "sum", "length(account)", "float", True),
    ("sum(case when refused then 1 else 0 end)", "sum", "case when refused then 1 else 0 end", "float", True),
    ("sum(case when refused then 1 end)", "sum", "case when refused then 1 end", "float", True),
    ("sum(case when refused then 1 else -1 end)", "sum", "case when refused then 1 else -1 end", "float", False),
    ("avg(n)", "avg", "n", "float", False),
    ("mean(n)", "avg", "n", "float", False),
    ("min(n)", "min", "n", "int", False),
    ("max(n)", "max", "n", "int", True),
    ("max(at)", "max", "at", "timestamp", True),
    ("max(amount)", "max", "amount", "float", True),
    ("stddev(n)", "stddev", "n", "float", False),
    ("stddev_samp(n)", "stddev", "n", "float", False),
    ("variance(n)", "variance", "n", "float", False),
    ("var(n)", "variance", "n", "float", False),
    ("Var_Samp(n)", "variance", "n", "float", False),
    ("first(account)", "first", "account", "string", False),
    ("last(refused)", "last", "refused", "bool", False),
    ('sum("count")', "sum", '"count"', "float", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "function", "argument", "kind", "rising"), READ, ids=[row[0] for row in READ]
)
def test_read(text, function, argument, kind, rising):
    found = parse_aggregate(text, KINDS, RISING)
    assert (found.text, found.function, found.kind, found.rising) == (text, function, kind, rising)
    assert (found.argument.text if found.argument else None) == argument


def test_the_argument_is_an_expression_per_record():
    found = parse_aggregate("sum(case when refused then amount else 0 end)", KINDS)
    assert found.argument is not None
    assert found.argument.columns == {"refused", "amount"}
    assert found.argument.evaluate(table(), ROWS).values() == [10.0, 0.0, 0.0, 0.0]


REFUSED = [
    ("amount", "an entry of `compute` is one aggregate"),
    ("amount * 2", "an entry of `compute` is one aggregate"),
    ("abs(amount)", "an entry of `compute` is one aggregate"),
    ("sum(amount) / count(*)", "holds one aggregate, not 2 (sum, count)"),
    ("sum(amount) * 2", "sum(…) must be the whole entry"),
    ("sum(sum(amount))", "stands alone under `compute`"),
    ("summ(amount)", "did you mean sum?"),
    ("median(amount)", "no function 'median'"),
    ("sum()", "sum takes one value"),
    ("sum(*)", "sum takes one value"),
    ("sum(amount, n)", "sum takes one value"),
    ("sum(distinct n)", "only possible in count(distinct x)"),
    ("count(distinct account, n)", "distinct takes one value"),
    ("count()", "count takes one value"),
    ("rate(n)", "takes nothing in its parentheses"),
    ("sum(account)", "sum needs numbers, not a string"),
    ("avg(at)", "avg needs numbers, not a timestamp"),
    ("sum(refused)", "write sum(case when"),
    ("sum(refused and refused)", "write sum(case when"),
    ("min(account)", "min needs numbers or timestamps"),
    ("max(refused)", "max needs numbers or timestamps"),
    ("sum(null)", "null alone"),
    ("sum(amont)", "did you mean amount?"),
    ("count(*) filter (where n > 1)", "filter is not supported"),
    ("count(*) over ()", "over is not supported"),
    ("count(*) as events", "as is not supported"),
    ("sum(amount", "closing parenthesis"),
    ("", "the expression is empty"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(text, sentence):
    with pytest.raises(ExpressionError) as caught:
        parse_aggregate(text, KINDS)
    assert sentence in str(caught.value)


def test_what_was_parsed_travels_between_processes():
    condition = parse_condition("account like 'a%' and amount % 3 > 0", KINDS)
    before = condition.truth(table(), ROWS).tolist()
    again = pickle.loads(pickle.dumps(condition))
    assert again == condition
    assert again.truth(table(), ROWS).tolist() == before
    aggregate = parse_aggregate("sum(amount * 2)", KINDS)
    assert pickle.loads(pickle.dumps(aggregate)) == aggregate
