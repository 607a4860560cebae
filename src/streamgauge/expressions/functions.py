"""The functions of one record: how many arguments, of which kind, with which result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from streamgauge.expressions.grammar import Reading
from streamgauge.expressions.kinds import KindMismatchError, need, unite
from streamgauge.expressions.nodes import Const, Fallback, Joined, Node, NumberCall, Part, TextCall
from streamgauge.expressions.vocabulary import FUNCTIONS

MOST_DIGITS = 15
"""Decimals that ``round`` keeps; a double has no more."""

LONGEST_TEXT = 2**31
"""Characters that ``substring`` counts."""

_Arguments: TypeAlias = list[Node]


def call_function(word: str, arguments: _Arguments, at: int | None, reading: Reading) -> Node:
    """The node of a call, its arguments checked.

    Raises:
        ExpressionError: the number of arguments is wrong.
        KindMismatchError: an argument is of the wrong kind.
    """
    name = FUNCTIONS[word]
    fewest, most, shape = _SHAPES[name]
    if not fewest <= len(arguments) <= most:
        raise reading.error(f"{word} takes other arguments: {shape}", at)
    return _MAKERS[name](arguments, at)


def _number(function: Literal["abs", "floor", "ceil"]) -> Callable[[_Arguments, int | None], Node]:
    def make(arguments: _Arguments, at: int | None) -> Node:
        return NumberCall("float", at, function, need(arguments[0], "float", function))

    return make


def _round(arguments: _Arguments, at: int | None) -> Node:
    item = need(arguments[0], "float", "round")
    if len(arguments) == 1:
        return NumberCall("float", at, "round", item)
    digits = arguments[1]
    value: Any = digits.value if isinstance(digits, Const) and digits.kind == "int" else None
    if value is None or not 0 <= value <= MOST_DIGITS:
        message = f"round(x, n) needs a whole number from 0 to {MOST_DIGITS} for n"
        raise KindMismatchError(message, digits)
    return NumberCall("float", at, "round", item, value)


def _text(function: Literal["lower", "upper", "length", "trim"]) -> Callable[[_Arguments, int | None], Node]:
    def make(arguments: _Arguments, at: int | None) -> Node:
        kind: Literal["int", "string"] = "int" if function == "length" else "string"
        return TextCall(kind, at, function, need(arguments[0], "string", function))

    return make


def _substring(arguments: _Arguments, at: int | None) -> Node:
    first = _whole(arguments[1])
    if first == 0:
        raise KindMismatchError("substring(x, from) counts from 1, or from -1 at the end", arguments[1])
    length = None if len(arguments) == 2 else _whole(arguments[2])
    if length is not None and length < 0:
        raise KindMismatchError("substring(x, from, length) needs a length of 0 or more", arguments[2])
    return Part("string", at, need(arguments[0], "string", "substring"), first, length)


def _whole(node: Node) -> int:
    value = node.value if isinstance(node, Const) and node.kind == "int" else None
    if not isinstance(value, int) or abs(value) > LONGEST_TEXT:
        raise KindMismatchError("substring(x, from, length) needs written whole numbers", node)
    return value


def _concat(arguments: _Arguments, at: int | None) -> Node:
    return Joined("string", at, tuple(need(item, "string", "concat") for item in arguments))


def _coalesce(arguments: _Arguments, at: int | None) -> Node:
    items, kind = unite(arguments, "coalesce")
    return Fallback(kind, at, tuple(items))


_MAKERS: dict[str, Callable[[_Arguments, int | None], Node]] = {
    "abs": _number("abs"),
    "floor": _number("floor"),
    "ceil": _number("ceil"),
    "round": _round,
    "lower": _text("lower"),
    "upper": _text("upper"),
    "length": _text("length"),
    "trim": _text("trim"),
    "substring": _substring,
    "concat": _concat,
    "coalesce": _coalesce,
}

_SHAPES: dict[str, tuple[int, int, str]] = {
    "abs": (1, 1, "abs(number)"),
    "floor": (1, 1, "floor(number)"),
    "ceil": (1, 1, "ceil(number)"),
    "round": (1, 2, "round(number) or round(number, digits)"),
    "lower": (1, 1, "lower(string)"),
    "upper": (1, 1, "upper(string)"),
    "length": (1, 1, "length(string)"),
    "trim": (1, 1, "trim(string)"),
    "substring": (2, 3, "substring(string, from) or substring(string, from, length)"),
    "concat": (1, 1_000, "concat(first, second, …)"),
    "coalesce": (1, 1_000, "coalesce(first, second, …)"),
}
