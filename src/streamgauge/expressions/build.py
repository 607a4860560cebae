"""From a sqlglot tree to checked nodes: whatever is not in the table at the end is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from sqlglot import exp

from streamgauge.batch import ColumnKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import patterns
from streamgauge.expressions.functions import call_function
from streamgauge.expressions.grammar import Reading
from streamgauge.expressions.kinds import KindMismatchError, comparable, need, unite
from streamgauge.expressions.nodes import (
    Arithmetic,
    Choice,
    Comparison,
    Const,
    Field,
    Joined,
    Junction,
    Kind,
    Match,
    Membership,
    Missing,
    Node,
    Not,
    Order,
    Scalar,
    weight,
)
from streamgauge.expressions.nodes import NumberCall as Call
from streamgauge.expressions.vocabulary import AGGREGATES

DEEPEST = 64
"""Steps within each other, such as the terms of one long sum."""

HEAVIEST = 5_000
"""Steps of one expression once ``between``, ``in`` and ``case x when`` are written out."""

LARGEST_INT = 2**63 - 1
Sign: TypeAlias = Literal["+", "-", "*", "/", "%"]


class Builder:
    """Builds one expression; knows the columns and what the neutral names stand for."""

    def __init__(self, reading: Reading, columns: Mapping[str, ColumnKind]) -> None:
        self.reading = reading
        self.columns = columns
        self._depth = 0

    def build(self, tree: exp.Expr) -> Node:
        """The whole expression, checked in kind and size."""
        try:
            node = self.step(tree)
        except KindMismatchError as error:
            raise self.reading.error(error.message, error.at) from None
        if weight(node) > HEAVIEST:
            raise self.reading.error(f"the expression has more than {HEAVIEST:,} steps when written out")
        return node

    def step(self, tree: exp.Expr | None) -> Node:
        """One node and what is below it."""
        tree = tree.unnest() if tree is not None else None
        make = _STEPS.get(type(tree))
        if make is None or tree is None:
            raise self.refused(tree)
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.reading.error(
                f"more than {DEEPEST} steps hang on each other; use parentheses or split it"
            )
        node = make(self, tree)
        self._depth -= 1
        return node

    def condition(self, tree: exp.Expr | None, role: str) -> Node:
        """A node that is true or false."""
        return need(self.step(tree), "bool", role)

    def number(self, tree: exp.Expr | None, role: str) -> Node:
        """A node that is a number."""
        return need(self.step(tree), "float", role)

    def refused(self, tree: exp.Expr | None) -> ExpressionError:
        """What is not on the list, with the nearest thing that is."""
        name = type(tree).__name__
        sentence = _INSTEAD.get(name, f"{name} is not supported; see the list of operators and functions")
        return self.reading.error(sentence, position(tree) if tree is not None else None)


def position(tree: exp.Expr) -> int | None:
    """The first character that sqlglot remembers of a tree."""
    starts = [node.meta["start"] for node in tree.walk() if "start" in node.meta]
    return min(starts, default=None)


def _column(builder: Builder, tree: exp.Expr) -> Node:
    if not isinstance(tree.this, exp.Identifier) or tree.args.get("table"):
        raise builder.refused(tree.this if isinstance(tree.this, exp.Star) else tree)
    name = builder.reading.names.get(tree.name)
    if name is None:
        raise builder.reading.misplaced_word(tree.name, position(tree))
    return Field(builder.columns[name], position(tree), name)


def _literal(builder: Builder, tree: exp.Expr) -> Node:
    at = position(tree)
    text = tree.name
    if tree.is_string:
        return Const("string", at, text)
    if text.isdecimal():
        return Const("int", at, _integer(builder, text, at, LARGEST_INT))
    try:
        value = float(text)
    except ValueError:
        raise builder.reading.error(f"{text!r} is not a number", at) from None
    if math.isinf(value):
        raise builder.reading.error(f"{text} is too large; numbers reach up to 1.8e308", at)
    return Const("float", at, value)


def _integer(builder: Builder, text: str, at: int | None, largest: int) -> int:
    digits = text.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) > largest:
        message = f"{text[:30]} is beyond 64-bit integers; write it as a decimal, such as 1e30"
        raise builder.reading.error(message, at)
    return int(digits)


def _boolean(_: Builder, tree: exp.Expr) -> Node:
    return Const("bool", None, bool(tree.this))


def _null(_: Builder, __: exp.Expr) -> Node:
    return Const("null", None, None)


def _negative(builder: Builder, tree: exp.Expr) -> Node:
    inside = tree.this.unnest()
    if isinstance(inside, exp.Literal) and not inside.is_string and inside.name.isdecimal():
        at = position(inside)
        return Const("int", at, -_integer(builder, inside.name, at, LARGEST_INT + 1))
    item = builder.number(tree.this, "a minus sign")
    if isinstance(item, Const) and isinstance(item.value, int) and -item.value <= LARGEST_INT:
        return Const("int", item.at, -item.value)
    if isinstance(item, Const):
        return Const("float", item.at, None if item.value is None else -float(item.value))
    return Call("float", item.at, "negate", item)


def _arithmetic(sign: Sign) -> Callable[[Builder, exp.Expr], Node]:
    def make(builder: Builder, tree: exp.Expr) -> Node:
        left = builder.number(tree.this, sign)
        right = builder.number(tree.expression, sign)
        if isinstance(left, Const) and isinstance(right, Const):
            return Const("float", left.at, compute(sign, left.value, right.value))
        return Arithmetic("float", left.at, sign, left, right)

    return make


def compute(sign: Sign, left: Scalar, right: Scalar) -> float | None:
    """Arithmetic of two constants, as the columns would do it: None is missing.

    >>> compute("/", 1, 0) is None
    True
    """
    if left is None or right is None:
        return None
    a, b = float(left), float(right)
    if sign in "/%" and b == 0:
        return None
    try:
        result = _SUMS[sign](a, b)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


_SUMS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
}


def _comparison(order: Order) -> Callable[[Builder, exp.Expr], Node]:
    def make(builder: Builder, tree: exp.Expr) -> Node:
        return compare(order, builder.step(tree.this), builder.step(tree.expression))

    return make


def compare(order: Order, left: Node, right: Node) -> Node:
    """A comparison with its kinds checked."""
    left, right = comparable(left, right, ordered=order not in ("=", "!="))
    return Comparison("bool", left.at, order, left, right)


def _junction(operator: Literal["and", "or"]) -> Callable[[Builder, exp.Expr], Node]:
    """Long chains hang to the left; they are taken apart without recursion."""

    def make(builder: Builder, tree: exp.Expr) -> Node:
        trees: list[exp.Expr | None] = []
        left: exp.Expr | None = tree
        while left is not None and type(left) is type(tree):
            trees.append(left.expression)
            left = left.this
        trees.append(left)
        items = tuple(builder.condition(item, operator) for item in reversed(trees))
        return Junction("bool", items[0].at, operator, items)

    return make


def _not(builder: Builder, tree: exp.Expr) -> Node:
    item = builder.condition(tree.this, "not")
    return Not("bool", item.at, item)


def _is(builder: Builder, tree: exp.Expr) -> Node:
    item = builder.step(tree.this)
    if isinstance(tree.expression, exp.Null):
        return Missing("bool", item.at, item)
    if not isinstance(tree.expression, exp.Boolean):
        raise builder.reading.error("after `is` comes null, not null, true or false; else write =", item.at)
    held = need(item, "bool", "is true")
    wanted = held if tree.expression.this else Not("bool", held.at, held)
    return Choice("bool", item.at, ((wanted, Const("bool", None, True)),), Const("bool", None, False))


def _between(builder: Builder, tree: exp.Expr) -> Node:
    if tree.args.get("symmetric"):
        raise builder.reading.error("between symmetric is not supported; write the smaller bound first")
    item = builder.step(tree.this)
    low = compare(">=", item, builder.step(tree.args["low"]))
    high = compare("<=", item, builder.step(tree.args["high"]))
    return Junction("bool", item.at, "and", (low, high))


def _in(builder: Builder, tree: exp.Expr) -> Node:
    item = builder.step(tree.this)
    trees = tree.args.get("expressions") or []
    if not trees:
        raise builder.reading.error("after `in` comes a list in parentheses: x in ('a', 'b')", item.at)
    choices = [builder.step(choice) for choice in trees]
    if any(choice.kind == "null" for choice in choices):
        raise builder.reading.error("null in a list is never found; write … or x is null", item.at)
    pairs = [comparable(item, choice, ordered=False) for choice in choices]
    same = [right for left, right in pairs if left is item and isinstance(right, Const)]
    if len(same) == len(pairs) and all(const.value is not None for const in same):
        kind: Kind = same[0].kind if len({const.kind for const in same}) == 1 else "float"
        return Membership("bool", item.at, item, tuple(const.value for const in same), kind)
    equal = tuple(compare("=", left, right) for left, right in pairs)
    return equal[0] if len(equal) == 1 else Junction("bool", item.at, "or", equal)


def _like(builder: Builder, tree: exp.Expr) -> Node:
    item = need(builder.step(tree.this), "string", "like")
    pattern = builder.step(tree.expression)
    if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
        raise builder.reading.error("after `like` comes a text in single quotes: x like 'a%'", pattern.at)
    found = match(builder, item, pattern, patterns.from_like(pattern.value))
    return Not("bool", found.at, found) if tree.args.get("negate") else found


def _regex(builder: Builder, tree: exp.Expr) -> Node:
    item = need(builder.step(tree.this), "string", "~")
    pattern = builder.step(tree.expression)
    if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
        raise builder.reading.error("after ~ comes a pattern in single quotes: x ~ '^a+$'", pattern.at)
    return match(builder, item, pattern, pattern.value)


def match(builder: Builder, item: Node, source: Node, pattern: str) -> Node:
    """A regular expression that was tried out."""
    trouble = patterns.trouble_with(pattern)
    if trouble:
        raise builder.reading.error(f"this pattern cannot be used: {trouble}", source.at)
    return Match("bool", item.at, item, pattern)


def _case(builder: Builder, tree: exp.Expr) -> Node:
    subject = builder.step(tree.this) if tree.this is not None else None
    conditions, values = [], []
    for branch in tree.args["ifs"]:
        if subject is None:
            conditions.append(builder.condition(branch.this, "when"))
        else:
            conditions.append(compare("=", subject, builder.step(branch.this)))
        values.append(builder.step(branch.args["true"]))
    default = tree.args.get("default")
    values.append(builder.step(default) if default is not None else Const("null", None, None))
    united, kind = unite(values, "case")
    at = subject.at if subject else conditions[0].at
    return Choice(kind, at, tuple(zip(conditions, united[:-1], strict=True)), united[-1])


def _call(builder: Builder, tree: exp.Expr) -> Node:
    at = position(tree)
    word = builder.reading.functions.get(str(tree.this))
    if word is None:
        raise builder.refused(tree)
    if word in AGGREGATES:
        message = f"{word}(…) stands alone under `compute`; a condition or value reads the name given there"
        raise builder.reading.error(message, at)
    if any(isinstance(argument, exp.Star) for argument in tree.expressions):
        raise builder.reading.error(f"{word} needs a value, not *", at)
    arguments = [builder.step(argument) for argument in tree.expressions]
    if word == "matches":
        return _matches(builder, arguments, at)
    return call_function(word, arguments, at, builder.reading)


def _matches(builder: Builder, arguments: list[Node], at: int | None) -> Node:
    pattern = arguments[1] if len(arguments) == 2 else None
    if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
        raise builder.reading.error("write matches(field, 'pattern') with the pattern in single quotes", at)
    return match(builder, need(arguments[0], "string", "matches"), pattern, pattern.value)


def _joined(builder: Builder, tree: exp.Expr) -> Node:
    """``a || b || c`` hangs to the left, and is one join."""
    trees: list[exp.Expr | None] = []
    left: exp.Expr | None = tree
    while isinstance(left, exp.DPipe):
        trees.append(left.expression)
        left = left.this
    items = tuple(need(builder.step(item), "string", "||") for item in [left, *reversed(trees)])
    return Joined("string", items[0].at, items)


_STEPS: dict[type[Any], Callable[[Builder, exp.Expr], Node]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Neg: _negative,
    exp.Add: _arithmetic("+"),
    exp.Sub: _arithmetic("-"),
    exp.Mul: _arithmetic("*"),
    exp.Div: _arithmetic("/"),
    exp.Mod: _arithmetic("%"),
    exp.DPipe: _joined,
    exp.EQ: _comparison("="),
    exp.NEQ: _comparison("!="),
    exp.LT: _comparison("<"),
    exp.LTE: _comparison("<="),
    exp.GT: _comparison(">"),
    exp.GTE: _comparison(">="),
    exp.And: _junction("and"),
    exp.Or: _junction("or"),
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.RegexpLike: _regex,
    exp.Case: _case,
    exp.Anonymous: _call,
}

_INSTEAD = {
    "NoneType": "something is missing: an operator has a value on each side",
    "Alias": "two values stand side by side; an operator is missing between them",
    "Aliases": "two values stand side by side; an operator is missing before the parenthesis",
    "Tuple": "a list in parentheses is only possible after `in`: x in ('a', 'b')",
    "Star": "* is only possible in count(*) or between two numbers",
    "Distinct": "distinct is only possible in count(distinct x)",
}
