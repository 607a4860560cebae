"""The functions of one record: how many arguments, of which kind, with which result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from streamgauge.expressions import moment_patterns
from streamgauge.expressions.casting import TYPES
from streamgauge.expressions.grammar import Reading
from streamgauge.expressions.kinds import (
    COLLECTED,
    KindMismatchError,
    as_moment,
    comparable,
    describe,
    need,
    unite,
)
from streamgauge.expressions.nodes import (
    NUMBERS,
    Cast,
    Choice,
    Comparison,
    Const,
    Fallback,
    Joined,
    Kind,
    MomentText,
    Node,
    NumberCall,
    Part,
    TextCall,
)
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


def _length(arguments: _Arguments, at: int | None) -> Node:
    item = arguments[0]
    counted = item if item.kind in COLLECTED else need(item, "string", "length")
    return TextCall("int", at, "length", counted)


def _text(function: Literal["lower", "upper", "trim"]) -> Callable[[_Arguments, int | None], Node]:
    def make(arguments: _Arguments, at: int | None) -> Node:
        return TextCall("string", at, function, need(arguments[0], "string", function))

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


def _nullif(arguments: _Arguments, at: int | None) -> Node:
    left, right = comparable(arguments[0], arguments[1], ordered=False)
    same = Comparison("bool", at, "=", left, right)
    return Choice(left.kind, at, ((same, Const(left.kind, None, None)),), left)


def _cast(arguments: _Arguments, at: int | None) -> Node:
    item, kind = arguments[0], TYPES[_text_of(arguments[1], "cast(x as type)")]
    if item.kind == kind:
        return item
    if item.kind == "null":
        return Const(kind, at, None)
    if item.kind not in _CASTS[kind]:
        hint = "; write case when … then 1 else 0 end" if item.kind == "bool" else ""
        message = f"{describe(item)} cannot be cast to {_ARTICLES[kind]}{hint}"
        raise KindMismatchError(message, item)
    return as_moment(item) if kind == "timestamp" and isinstance(item, Const) else Cast(kind, at, item)


_CASTS: dict[Kind, frozenset[Kind]] = {
    "int": frozenset({"float", "string", "timestamp"}),
    "float": frozenset({"int", "string"}),
    "string": frozenset({"int", "float", "bool", "timestamp"}),
    "bool": frozenset({"string"}),
    "timestamp": frozenset({"string", "int"}),
}
_ARTICLES: dict[Kind, str] = {
    "int": "a whole number",
    "float": "a number",
    "string": "a string",
    "bool": "true or false",
    "timestamp": "a timestamp",
}


def _timestamptostring(arguments: _Arguments, at: int | None) -> Node:
    item = arguments[0]
    if item.kind in NUMBERS:
        item = Cast("timestamp", item.at, item if item.kind == "int" else Cast("int", item.at, item))
    return _moment_text("string", need(item, "timestamp", "timestamptostring"), arguments, at)


def _stringtotimestamp(arguments: _Arguments, at: int | None) -> Node:
    return _moment_text("timestamp", need(arguments[0], "string", "stringtotimestamp"), arguments, at)


def _moment_text(kind: Kind, item: Node, arguments: _Arguments, at: int | None) -> Node:
    pattern = _text_of(arguments[1], "a pattern such as 'yyyy-MM-dd HH:mm:ss'")
    zone = _text_of(arguments[2], "a time zone such as 'Europe/Zurich'") if len(arguments) == 3 else None
    wrong = arguments[-1]
    try:
        zone = None if zone is None else moment_patterns.checked_zone(zone)
        wrong = arguments[1]
        form = moment_patterns.translated(pattern, reading=kind == "timestamp", zone=zone)
        if kind == "timestamp":
            moment_patterns.check_readable(pattern, form)
    except ValueError as error:
        raise KindMismatchError(str(error), wrong) from None
    return MomentText(kind, at, item, pattern, form, zone)


def _text_of(node: Node, what: str) -> str:
    if not isinstance(node, Const) or not isinstance(node.value, str):
        raise KindMismatchError(f"{what} is needed here, as a text in single quotes", node)
    return node.value


_MAKERS: dict[str, Callable[[_Arguments, int | None], Node]] = {
    "abs": _number("abs"),
    "floor": _number("floor"),
    "ceil": _number("ceil"),
    "round": _round,
    "lower": _text("lower"),
    "upper": _text("upper"),
    "length": _length,
    "trim": _text("trim"),
    "substring": _substring,
    "concat": _concat,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "cast": _cast,
    "timestamptostring": _timestamptostring,
    "stringtotimestamp": _stringtotimestamp,
}

_SHAPES: dict[str, tuple[int, int, str]] = {
    "abs": (1, 1, "abs(number)"),
    "floor": (1, 1, "floor(number)"),
    "ceil": (1, 1, "ceil(number)"),
    "round": (1, 2, "round(number) or round(number, digits)"),
    "lower": (1, 1, "lower(string)"),
    "upper": (1, 1, "upper(string)"),
    "length": (1, 1, "length(string), or of a list or map"),
    "trim": (1, 1, "trim(string)"),
    "substring": (2, 3, "substring(string, from) or substring(string, from, length)"),
    "concat": (1, 1_000, "concat(first, second, …)"),
    "coalesce": (1, 1_000, "coalesce(first, second, …)"),
    "nullif": (2, 2, "nullif(value, what is missing)"),
    "cast": (2, 2, "cast(x as double)"),
    "timestamptostring": (2, 3, "timestamptostring(moment, 'yyyy-MM-dd HH:mm:ss', 'Europe/Zurich')"),
    "stringtotimestamp": (2, 3, "stringtotimestamp(text, 'yyyy-MM-dd HH:mm:ss', 'Europe/Zurich')"),
}
