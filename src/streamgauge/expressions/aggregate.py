"""One entry of ``compute``: exactly one aggregate call, its argument an expression over a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamgauge.batch import FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions.expression import Expression, finished
from streamgauge.expressions.kinds import KIND_NAMES
from streamgauge.expressions.nodes import (
    NUMBERS,
    Arithmetic,
    Choice,
    Const,
    Fallback,
    Field,
    Node,
    NumberCall,
    TextCall,
)
from streamgauge.expressions.vocabulary import AGGREGATES, AggregateName

if TYPE_CHECKING:
    from streamgauge.expressions.grammar import Reading

_WHOLE = frozenset({"count", "distinct"})
_OF_NUMBERS = frozenset({"sum", "avg", "stddev", "variance"})
_EXAMPLE = "write for example count(*), sum(amount) or distinct(account)"


@dataclass(frozen=True)
class Aggregate:
    """What a window computes under one name.

    Attributes:
        text: as the user wrote it.
        function: its one name, whatever synonym was written.
        argument: what is aggregated, per record; None for ``count(*)`` and ``rate()``.
        kind: the kind of the result. Sums and means are double precision, also of integers.
        rising: it never falls while a window fills, so limits on it can be watched.
    """

    text: str
    function: AggregateName
    argument: Expression | None
    kind: FieldKind
    rising: bool


def parse_aggregate(
    text: str, columns: Mapping[str, FieldKind], rising_fields: frozenset[str] = frozenset()
) -> Aggregate:
    """Read an aggregate such as ``sum(amount * 2)``, ``count(*)`` or ``count(distinct account)``.

    Args:
        text: the entry.
        columns: the stream's fields with kinds.
        rising_fields: fields that are never negative (declared with ``min`` 0 or more): sums over them
            never fall.

    Raises:
        ExpressionError: it is not exactly one aggregate, or its argument does not fit.
    """
    from sqlglot import exp

    from streamgauge.expressions.grammar import read

    reading, tree = read(text, columns)
    tree = tree.unnest()
    word = reading.functions.get(str(tree.this)) if isinstance(tree, exp.Anonymous) else None
    if word is None or word not in AGGREGATES:
        raise _not_one(reading)
    function, argument = _argument(reading, AGGREGATES[word], tree.expressions)
    if argument is None:
        kind: FieldKind = "float" if function == "rate" else "int"
        return Aggregate(text, function, None, kind, function == "count")
    expression = _built(reading, argument, columns)
    _check_kind(function, expression, reading)
    rising = _is_rising(function, expression.root, rising_fields)
    return Aggregate(text, function, expression, _kind(function, expression.kind), rising)


def _not_one(reading: Reading) -> ExpressionError:
    found = [word for word in reading.functions.values() if word in AGGREGATES]
    if len(found) > 1:
        return reading.error(
            f"one entry of `compute` holds one aggregate, not {len(found)} ({', '.join(found)}): give each a name"
            " of its own and combine the names where they are read, such as `when: failed / events > 0.1`"
        )
    if found:
        return reading.error(
            f"{found[0]}(…) must be the whole entry: put arithmetic inside its parentheses, or where its name is read"
        )
    return reading.error(f"an entry of `compute` is one aggregate; {_EXAMPLE}")


def _argument(reading: Reading, function: AggregateName, arguments: list[Any]) -> tuple[AggregateName, Any]:
    from sqlglot import exp

    star = len(arguments) == 1 and isinstance(arguments[0], exp.Star)
    if function in ("count", "rate") and star:
        return function, None
    if function == "rate":
        if arguments:
            raise reading.error("rate() counts records per second and takes nothing in its parentheses")
        return function, None
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        if function not in _WHOLE:
            raise reading.error(f"distinct is only possible in count(distinct x), not in {function}")
        function, arguments = "distinct", arguments[0].expressions
    if len(arguments) != 1 or isinstance(arguments[0], exp.Star):
        raise reading.error(f"{function} takes one value, such as {function}(x)")
    return function, arguments[0]


def _built(reading: Reading, argument: Any, columns: Mapping[str, FieldKind]) -> Expression:
    from streamgauge.expressions.build import Builder

    try:
        root = Builder(reading, columns).build(argument)
    except RecursionError:
        raise reading.error("the expression is nested too deeply; split it") from None
    return finished(_inside(reading), root)


def _inside(reading: Reading) -> str:
    """What the user wrote between the parentheses of the call."""
    call = next(i for i, token in enumerate(reading.tokens) if token.text.lower() in AGGREGATES)
    start = reading.tokens[call + 1].end + 1
    depth = 0
    for token in reading.tokens[call + 1 :]:
        depth += {"(": 1, ")": -1}.get(reading.text[token.start : token.end + 1], 0)
        if depth == 0:
            inside = reading.text[start : token.start].strip()
            return re.sub(r"(?i)^distinct\b", "", inside).strip()
    return reading.text


def _check_kind(function: AggregateName, argument: Expression, reading: Reading) -> None:
    kind = argument.kind
    if function in _OF_NUMBERS and kind not in NUMBERS:
        hint = "; write sum(case when … then 1 else 0 end)" if kind == "bool" else ""
        raise reading.error(f"{function} needs numbers, not {KIND_NAMES[kind]}{hint}", argument.root.at)
    if function in ("min", "max") and kind not in NUMBERS and kind != "timestamp":
        message = f"{function} needs numbers or timestamps, not {KIND_NAMES[kind]}; first and last take any"
        raise reading.error(message, argument.root.at)


def _kind(function: AggregateName, argument: FieldKind) -> FieldKind:
    if function in _WHOLE:
        return "int"
    return argument if function in ("min", "max", "first", "last") else "float"


def _is_rising(function: AggregateName, argument: Node, rising_fields: frozenset[str]) -> bool:
    if function == "sum":
        return never_negative(argument, rising_fields)
    return function in ("count", "distinct", "max")


def never_negative(node: Node, fields: frozenset[str]) -> bool:
    """Whether a number is plainly never below zero: from ``fields``, constants, and what keeps it so."""
    if isinstance(node, Field):
        return node.name in fields
    if isinstance(node, Const):
        return node.value is None or (not isinstance(node.value, str) and node.value >= 0)
    if isinstance(node, Arithmetic):
        return node.operator != "-" and all(never_negative(part, fields) for part in node.parts)
    if isinstance(node, NumberCall):
        return node.function == "abs" or (node.function != "negate" and never_negative(node.item, fields))
    if isinstance(node, Choice):
        values = [*(value for _, value in node.branches), node.otherwise]
        return all(never_negative(value, fields) for value in values)
    if isinstance(node, Fallback):
        return all(never_negative(item, fields) for item in node.items)
    return isinstance(node, TextCall)
