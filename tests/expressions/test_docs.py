"""Each row and block of docs/expressions.md is true; and the page names everything there is."""

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Column, FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import parse_aggregate, parse_condition, parse_value
from streamgauge.expressions.vocabulary import AGGREGATES, FUNCTIONS

PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"
KINDS: dict[str, FieldKind] = {
    "amount": "float",
    "fee": "float",
    "n": "int",
    "account": "string",
    "refused": "bool",
    "at": "timestamp",
}
RECORD = {
    "amount": 10.5,
    "fee": 1.0,
    "n": 7,
    "account": "alice",
    "refused": True,
    "at": 1_767_268_800_000_000,
}


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(cell: str) -> str:
    return cell.strip("`")


def shown(value: Any) -> str:
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("row", rows("Missing values"), ids=lambda row: row[0])
def test_missing_values(row):
    kinds: dict[str, FieldKind] = {"a": "float"}
    found = parse_value(code(row[0]), kinds).evaluate({"a": Column("float", values=[None])}, 1)
    assert shown(found.at(0)) == row[1]


@pytest.mark.parametrize("row", rows("Operators") + rows("Functions"), ids=lambda row: row[0])
def test_operators_and_functions(row):
    columns = {name: Column(kind, values=[RECORD[name]]) for name, kind in KINDS.items()}
    assert shown(parse_value(code(row[0]), KINDS).evaluate(columns, 1).at(0)) == row[1]


@pytest.mark.parametrize("row", rows("Aggregates"), ids=lambda row: row[0])
def test_aggregates(row):
    entry, synonyms, kind, rising = row
    found = parse_aggregate(code(entry), KINDS, frozenset({"fee"}))
    assert (found.kind, found.rising) == (kind, rising == "yes")
    for synonym in re.findall(r"`([^`]+)`", synonyms):
        again = parse_aggregate(synonym, KINDS, frozenset({"fee"}))
        assert (again.function, again.kind, again.rising) == (found.function, found.kind, found.rising)


@pytest.mark.parametrize("row", rows("When something is wrong"), ids=lambda row: row[0])
def test_mistakes(row):
    with pytest.raises(ExpressionError) as caught:
        parse_condition(code(row[0]), KINDS)
    assert row[1] in caught.value.message


def test_blocks_run():
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_the_page_names_every_function_and_aggregate():
    page = PAGE.read_text()
    for name in [*FUNCTIONS.values(), *AGGREGATES]:
        assert f"{name}(" in page, name


def test_docstring_examples_run():
    from streamgauge.expressions import build, kinds, names, patterns

    for module in (build, kinds, names, patterns):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0
