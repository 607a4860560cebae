"""The meaning of every node as a Polars expression: one pass over columns, no Python per row.

Inside a chain of ``+ - *`` and number functions a value that is not finite may pass, since nothing there
makes it finite again; wherever one could disappear (divisors, comparisons, results) it becomes missing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from streamgauge.batch import polars_type
from streamgauge.expressions.moment_patterns import has_offset
from streamgauge.expressions.nodes import (
    NUMBERS,
    Arithmetic,
    Cast,
    Choice,
    Comparison,
    Const,
    Fallback,
    Field,
    Joined,
    Junction,
    Kind,
    Match,
    Membership,
    Missing,
    MomentText,
    Node,
    Not,
    NumberCall,
    Part,
    TextCall,
)
from streamgauge.formats.event_time import FIRST, LAST, moments

_INF = float("inf")


def polars_form(node: Node) -> pl.Expr:
    """The expression that computes ``node``: null where missing, never NaN or infinite.

    The columns it reads are held in the types of :func:`streamgauge.batch.polars_type`, without NaN.
    """
    if isinstance(node, Arithmetic | NumberCall):
        return _finite(_number(node))
    return _FORMS[type(node)](node)


def _number(node: Node) -> pl.Expr:
    """Float64 that may still hold NaN or infinities."""
    if isinstance(node, Arithmetic):
        return _arithmetic(node)
    if isinstance(node, NumberCall):
        return _number_call(node)
    form = polars_form(node)
    return form if node.kind == "float" else form.cast(pl.Float64)


def _finite(number: pl.Expr) -> pl.Expr:
    """Each step names its input once, so nesting cannot make the expression grow."""
    return number.replace(_INF, None).replace(-_INF, None).replace(float("nan"), None)


def _arithmetic(node: Arithmetic) -> pl.Expr:
    left = _number(node.left)
    if node.operator in "+-*":
        return _PLAIN[node.operator](left, _number(node.right))
    right = _number(node.right)
    if isinstance(node.right, Arithmetic | NumberCall):
        right = _finite(right)
    if node.operator == "/":
        return left / right
    return pl.map_batches([left, right, pl.int_range(pl.len())], _remainder, return_dtype=pl.Float64)


def _remainder(sides: Sequence[pl.Series]) -> pl.Series:
    """Exact, with the sign of the dividend as in SQL; Polars' own remainder is neither."""
    left, right = (side.fill_null(float("nan")).to_numpy() for side in sides[:2])
    with np.errstate(all="ignore"):
        return _tall(pl.Series(np.fmod(left, right)), len(sides[2]))


def _number_call(node: NumberCall) -> pl.Expr:
    item = _number(node.item)
    if node.function == "negate":
        return -item
    if node.function == "abs":
        return item.abs()
    if node.function == "floor":
        return item.floor()
    if node.function == "ceil":
        return item.ceil()
    return item.round(node.digits, mode="half_away_from_zero")


def _const(node: Const) -> pl.Expr:
    return pl.lit(node.value, dtype=_type(node.kind))


def _field(node: Field) -> pl.Expr:
    return pl.col(node.name)


def _text_call(node: TextCall) -> pl.Expr:
    item = polars_form(node.item)
    if node.function == "length" and node.item.kind in ("list", "map"):
        return item.list.len().cast(pl.Int64)
    if node.function == "length":
        return item.str.len_chars().cast(pl.Int64)
    if node.function == "trim":
        return item.str.strip_chars()
    return item.str.to_lowercase() if node.function == "lower" else item.str.to_uppercase()


def _part(node: Part) -> pl.Expr:
    """One beyond the front stays there, as in SQL: polars would count what is missing from the length."""
    item = polars_form(node.item)
    if node.first > 0:
        return item.str.slice(node.first - 1, node.length)
    ending = item.str.tail(-node.first)
    return ending if node.length is None else ending.str.head(node.length)


def _joined(node: Joined) -> pl.Expr:
    return pl.concat_str([polars_form(item) for item in node.items], ignore_nulls=True)


def _cast(node: Cast) -> pl.Expr:
    """Whole numbers are cut off, as in SQL; times are milliseconds since 1970 where they are numbers."""
    item = polars_form(node.item)
    match node.kind:
        case "int" if node.item.kind == "timestamp":
            return item // 1_000
        case "timestamp" if node.item.kind == "int":
            return pl.map_batches([item], _from_millis, return_dtype=pl.Int64)
        case "timestamp":
            return pl.map_batches([item], _moments, return_dtype=pl.Int64)
        case "bool":
            return item.str.strip_chars().str.to_lowercase() == "true"
        case "string" if node.item.kind == "timestamp":
            return item.cast(pl.Datetime("us")).dt.strftime(_ISO)
        case "float":
            number = item.str.strip_chars() if node.item.kind == "string" else item
            return _finite(number.cast(pl.Float64, strict=False))
        case "int" if node.item.kind == "string":
            return item.str.strip_chars().cast(pl.Int64, strict=False)
        case kind:
            return item.cast(_type(kind), strict=False)


_ISO = "%Y-%m-%dT%H:%M:%S.%3f"


def _from_millis(numbers: Sequence[pl.Series]) -> pl.Series:
    """What lies outside the years 1 to 9999 is no moment."""
    (series,) = numbers
    inside = series.is_between(FIRST // 1_000, LAST // 1_000).fill_null(value=True)
    return (series if inside.all() else series.set(~inside, None)) * 1_000


def _moments(texts: Sequence[pl.Series]) -> pl.Series:
    """ISO 8601, as event times are read; each different text once."""
    different = texts[0].unique().drop_nulls()
    read = moments(different.to_list())
    known = {
        text: micros
        for row, (text, micros) in enumerate(zip(different, read.micros.tolist(), strict=True))
        if row not in read.problems
    }
    if not known:
        return pl.Series([None] * len(texts[0]), dtype=pl.Int64)
    return texts[0].replace_strict(known, default=None, return_dtype=pl.Int64)


def _moment_text(node: MomentText) -> pl.Expr:
    item = polars_form(node.item)
    if node.kind == "string":
        moment = item.cast(pl.Datetime("us", "UTC"))
        return (moment.dt.convert_time_zone(node.zone) if node.zone else moment).dt.strftime(node.form)
    read = item.str.strptime(pl.Datetime("us"), node.form, strict=False)
    if not has_offset(node.form) and node.zone:
        read = read.dt.replace_time_zone(node.zone, ambiguous="earliest", non_existent="null")
        read = read.dt.convert_time_zone("UTC")
    return read.dt.timestamp("us")


def _comparison(node: Comparison) -> pl.Expr:
    left, right = polars_form(node.left), polars_form(node.right)
    if node.left.kind != node.right.kind:
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
    compared: pl.Expr = _ORDERS[node.operator](left, right)
    return compared


def _membership(node: Membership) -> pl.Expr:
    item = polars_form(node.item)
    if node.item.kind == node.choice_kind:
        return item.is_in(pl.Series(node.choices, dtype=_type(node.choice_kind)).implode())
    numbers = [float(choice) for choice in node.choices if choice is not None]
    return item.cast(pl.Float64).is_in(pl.Series(numbers, dtype=pl.Float64).implode())


def _junction(node: Junction) -> pl.Expr:
    """Folded in pairs, so that a list of a thousand is ten deep."""
    forms = [polars_form(item) for item in node.items]
    while len(forms) > 1:
        pairs = zip(forms[::2], forms[1::2], strict=False)
        joined = [a & b if node.operator == "and" else a | b for a, b in pairs]
        forms = joined + forms[len(joined) * 2 :]
    return forms[0]


def _not(node: Not) -> pl.Expr:
    return ~polars_form(node.item)


def _match(node: Match) -> pl.Expr:
    return polars_form(node.item).str.contains(node.pattern)


def _missing(node: Missing) -> pl.Expr:
    return polars_form(node.item).is_null()


def _choice(node: Choice) -> pl.Expr:
    otherwise = _as(node.otherwise, node.kind)
    branches = [(polars_form(condition), _as(value, node.kind)) for condition, value in node.branches]
    return _chosen(node.kind, otherwise, branches)


def _fallback(node: Fallback) -> pl.Expr:
    items = [_as(item, node.kind) for item in node.items]
    known = [_as(item, node.kind).is_not_null() for item in node.items[:-1]]
    return _chosen(node.kind, items[-1], list(zip(known, items[:-1], strict=True)))


def _chosen(kind: Kind, otherwise: pl.Expr, branches: Sequence[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    """By hand, not ``when … then``: where all rows agree Polars folds that to one row and loses the height."""
    inputs = [pl.int_range(pl.len()), otherwise, *(form for branch in branches for form in branch)]
    return pl.map_batches(inputs, _choose, return_dtype=_type(kind))


def _choose(inputs: Sequence[pl.Series]) -> pl.Series:
    height = len(inputs[0])
    chosen, *rest = (_tall(series, height) for series in inputs[1:])
    for condition, value in reversed(list(zip(rest[::2], rest[1::2], strict=True))):
        chosen = value.zip_with(condition.fill_null(value=False), chosen)
    return chosen


def _tall(series: pl.Series, height: int) -> pl.Series:
    """A constant comes as one row."""
    return series if len(series) == height else series.new_from_index(0, height)


def _as(node: Node, kind: Kind) -> pl.Expr:
    form = polars_form(node)
    return form if node.kind == kind or kind not in NUMBERS else form.cast(pl.Float64)


def _type(kind: Kind) -> pl.DataType:
    return pl.Null() if kind == "null" else polars_type(kind)


_PLAIN: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORMS: dict[type[Node], Callable[[Any], pl.Expr]] = {
    Const: _const,
    Field: _field,
    TextCall: _text_call,
    Part: _part,
    Joined: _joined,
    Cast: _cast,
    MomentText: _moment_text,
    Comparison: _comparison,
    Membership: _membership,
    Junction: _junction,
    Not: _not,
    Match: _match,
    Missing: _missing,
    Choice: _choice,
    Fallback: _fallback,
}
