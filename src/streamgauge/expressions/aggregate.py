"""One entry of ``compute``: exactly one aggregate call, its argument an expression over a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from streamgauge.batch import ColumnKind
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

_WHOLE = frozenset({"count", "distinct", "approx_distinct"})
_OF_NUMBERS = frozenset({"sum", "avg", "stddev", "variance"})
_LISTS = frozenset({"frequent", "topk", "topk_distinct", "collect_list", "collect_set"})
_KEPT = _LISTS | {"approx_distinct", "quantile", "histogram"}

LARGEST_COUNT = 1_000
"""The largest n of topk(x, n) and its like."""

_COUNTED = {"frequent": "frequent(x, 5)", "topk": "topk(x, 3)", "topk_distinct": "topk_distinct(x, 3)"}
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
        number: the second argument: n of ``topk(x, n)``, the share of ``quantile(x, 0.95)``.
    """

    text: str
    function: AggregateName
    argument: Expression | None
    kind: ColumnKind
    rising: bool
    number: float | None = None

    @property
    def kept(self) -> bool:
        """Whether a window keeps more of it than a few numbers: a list, a map or a sketch."""
        return self.function in _KEPT or self.number is not None


class _Call(NamedTuple):
    """A call taken apart: its one name, its first argument (None: all records), its second."""

    function: AggregateName
    argument: Any
    number: float | None = None


def parse_aggregate(
    text: str, columns: Mapping[str, ColumnKind], rising_fields: frozenset[str] = frozenset()
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
    call = _taken_apart(reading, AGGREGATES[word], tree.expressions)
    if call.argument is None:
        kind: ColumnKind = "float" if call.function == "rate" else "int"
        return Aggregate(text, call.function, None, kind, call.function == "count")
    expression = _built(reading, call.argument, columns)
    _check_kind(call.function, expression, reading)
    rising = _is_rising(call.function, expression.root, rising_fields)
    return Aggregate(text, call.function, expression, _kind(call, expression.kind), rising, call.number)


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


def _taken_apart(reading: Reading, function: AggregateName, arguments: list[Any]) -> _Call:
    from sqlglot import exp

    star = len(arguments) == 1 and isinstance(arguments[0], exp.Star)
    if function in ("count", "rate") and star:
        return _Call(function, None)
    if function == "rate":
        if arguments:
            raise reading.error("rate() counts records per second and takes nothing in its parentheses")
        return _Call(function, None)
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        if function not in ("count", "distinct"):
            raise reading.error(f"distinct is only possible in count(distinct x), not in {function}")
        function, arguments = "distinct", arguments[0].expressions
    if function in ("first", "last") and len(arguments) == 2:
        return _Call(function, arguments[0], _count(reading, arguments[1], f"{function}(x, 3)"))
    if function in _COUNTED or function == "quantile":
        return _with_number(reading, function, arguments)
    if len(arguments) != 1 or isinstance(arguments[0], exp.Star):
        raise reading.error(f"{function} takes one value, such as {function}(x)")
    return _Call(function, arguments[0])


def _with_number(reading: Reading, function: AggregateName, arguments: list[Any]) -> _Call:
    from sqlglot import exp

    shape = _COUNTED.get(function, "quantile(x, 0.95)")
    if len(arguments) != 2 or isinstance(arguments[0], exp.Star):
        raise reading.error(f"{function} takes a value and a number, such as {shape}")
    if function != "quantile":
        return _Call(function, arguments[0], _count(reading, arguments[1], shape))
    share = _written(arguments[1])
    if share is None or not 0 <= share <= 1:
        hint = f"; for {share:g} % write {share / 100:g}" if share is not None and 1 < share <= 100 else ""
        raise reading.error(f"{shape} needs a written number from 0 to 1 as its second argument{hint}")
    return _Call(function, arguments[0], share)


def _count(reading: Reading, tree: Any, shape: str) -> int:
    number = _written(tree)
    if number is None or not number.is_integer() or not 1 <= number <= LARGEST_COUNT:
        raise reading.error(
            f"{shape} needs a written whole number from 1 to {LARGEST_COUNT:,} for its length"
        )
    return int(number)


def _written(tree: Any) -> float | None:
    """The number that a tree is, if it is a plain one."""
    from sqlglot import exp

    tree = tree.unnest()
    return float(tree.this) if isinstance(tree, exp.Literal) and not tree.is_string else None


def _built(reading: Reading, argument: Any, columns: Mapping[str, ColumnKind]) -> Expression:
    from streamgauge.expressions.build import Builder

    try:
        root = Builder(reading, columns).build(argument)
    except RecursionError:
        raise reading.error("the expression is nested too deeply; split it") from None
    return finished(_inside(reading), root)


def _inside(reading: Reading) -> str:
    """What the user wrote as the first argument of the call."""
    call = next(i for i, token in enumerate(reading.tokens) if token.text.lower() in AGGREGATES)
    start = reading.tokens[call + 1].end + 1
    depth = 0
    for token in reading.tokens[call + 1 :]:
        written = reading.text[token.start : token.end + 1]
        depth += {"(": 1, ")": -1}.get(written, 0)
        if depth == 0 or (depth == 1 and written == ","):
            inside = reading.text[start : token.start].strip()
            return re.sub(r"(?i)^distinct\b", "", inside).strip()
    return reading.text


def _check_kind(function: AggregateName, argument: Expression, reading: Reading) -> None:
    kind = argument.kind
    if function in _OF_NUMBERS and kind not in NUMBERS:
        hint = "; write sum(case when … then 1 else 0 end)" if kind == "bool" else ""
        raise reading.error(f"{function} needs numbers, not {KIND_NAMES[kind]}{hint}", argument.root.at)
    if function == "quantile" and kind not in NUMBERS:
        raise reading.error(f"quantile needs numbers, not {KIND_NAMES[kind]}", argument.root.at)
    if function in ("topk", "topk_distinct") and kind == "bool":
        message = f"{function} needs something with an order, not {KIND_NAMES[kind]}; write histogram(x)"
        raise reading.error(message, argument.root.at)
    if function in ("min", "max") and kind not in NUMBERS and kind != "timestamp":
        message = f"{function} needs numbers or timestamps, not {KIND_NAMES[kind]}; first and last take any"
        raise reading.error(message, argument.root.at)


def _kind(call: _Call, argument: ColumnKind) -> ColumnKind:
    function = call.function
    if function in _WHOLE:
        return "int"
    if function in _LISTS or (function in ("first", "last") and call.number is not None):
        return "list"
    if function == "histogram":
        return "map"
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
