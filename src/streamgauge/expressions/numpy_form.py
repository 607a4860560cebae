"""The meaning of nodes that read only numbers, by NumPy directly: a few microseconds instead of a query.

Most conditions on windows are of this kind (``failed / events > 0.05 and events > 100``). Answers are those
of the Polars form to the last bit; what cannot be had so (strings, case, integers beyond 2**53) has no form
here.

A condition is int8 per row: 0 false, 1 missing, 2 true, so that ``and`` is the minimum and ``or`` the maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import Column, FloatArray
from streamgauge.expressions.nodes import (
    Arithmetic,
    Comparison,
    Const,
    Field,
    Junction,
    Missing,
    Node,
    Not,
    NumberCall,
)

Columns: TypeAlias = Mapping[str, Column]
Levels: TypeAlias = NDArray[np.int8]
Numbers: TypeAlias = FloatArray | np.float64

EXACT = 2**53
"""Whole numbers below this are the same as float64."""

_UNARY: dict[str, Callable[[Numbers], Numbers]] = {
    "negate": np.negative,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
}
_BINARY: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
}
_ORDERS: dict[str, Callable[[Numbers, Numbers], NDArray[np.bool_]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def is_condition(node: Node) -> bool:
    """Whether :func:`levels` can answer ``node``; it must read at least one column."""
    if isinstance(node, Field):
        return node.kind == "bool"
    if isinstance(node, Not):
        return is_condition(node.item)
    if isinstance(node, Junction):
        return all(is_condition(item) for item in node.items)
    if isinstance(node, Missing):
        return is_number(node.item) and not isinstance(node.item, Const)
    return isinstance(node, Comparison) and _is_comparison(node)


def is_number(node: Node) -> bool:
    """Whether :func:`numbers` can compute ``node``."""
    if isinstance(node, Field):
        return node.kind in ("int", "float", "timestamp")
    if isinstance(node, Const):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, Arithmetic):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, NumberCall) and node.function in _UNARY and is_number(node.item)


def _is_comparison(node: Comparison) -> bool:
    """Whole numbers stay exact: they are compared here only where float64 loses nothing."""
    left, right = node.left, node.right
    if not is_number(left) or not is_number(right):
        return False
    if isinstance(left, Const) and isinstance(right, Const):
        return False
    if "float" in (left.kind, right.kind):
        return True
    return any(isinstance(side, Const) and abs(float(side.value or 0)) < EXACT for side in (left, right))


def levels(node: Node, columns: Columns) -> Levels:
    """0 false, 1 missing, 2 true, per row."""
    if isinstance(node, Junction):
        merge = np.minimum if node.operator == "and" else np.maximum
        found = levels(node.items[0], columns)
        for item in node.items[1:]:
            found = merge(found, levels(item, columns))
        return found
    if isinstance(node, Not):
        return np.int8(2) - levels(node.item, columns)
    if isinstance(node, Missing):
        return np.where(np.isfinite(numbers(node.item, columns)), np.int8(0), np.int8(2))
    if isinstance(node, Comparison):
        left, right = numbers(node.left, columns), numbers(node.right, columns)
        held = _ORDERS[node.operator](left, right)
        known = np.isfinite(left) & np.isfinite(right)
        return np.where(known, held * np.int8(2), np.int8(1))
    assert isinstance(node, Field)
    flags = columns[node.name].numbers()
    return np.where(np.isnan(flags), np.int8(1), (flags == 1) * np.int8(2))


def numbers(node: Node, columns: Columns) -> Numbers:
    """float64 per row, or one for a constant; not finite where missing."""
    if isinstance(node, Field):
        return columns[node.name].numbers()
    if isinstance(node, Const):
        return np.float64(node.value)
    with np.errstate(all="ignore"):
        if isinstance(node, NumberCall):
            return _UNARY[node.function](numbers(node.item, columns))
        assert isinstance(node, Arithmetic)
        left, right = numbers(node.left, columns), numbers(node.right, columns)
        if node.operator in "/%":
            right = np.where(np.isfinite(right), right, np.nan)
        return _BINARY[node.operator](left, right)
