"""Conditions that can only become truer while a window fills, and the limits that decide them.

Such a condition can be told at the very record at which it begins to hold, before the window closes.
"""

from __future__ import annotations

import math

from streamgauge.expressions.expression import Expression
from streamgauge.expressions.nodes import Comparison, Const, Field, Junction, Node, Not
from streamgauge.windows.contract import Watch

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def watches(expression: Expression, rising: frozenset[str]) -> tuple[Watch, ...] | None:
    """The limits to watch, sorted, each once; None where the condition may become false again.

    Args:
        expression: a condition on window results.
        rising: the columns that never fall while a window fills (count, max, distinct, and sums of what
            is never negative).

    The rule: ``and`` and ``or`` (and ``not``, turned inwards) of ``column > c`` or ``column >= c`` with a
    rising column and a finite constant. ``>= c`` is watched as ``> nextafter(c, -inf)``.
    """
    found = _limits(expression.root, rising, negated=False)
    if found is None:
        return None
    return tuple(sorted(found, key=lambda watch: (watch.column, watch.limit)))


def _limits(node: Node, rising: frozenset[str], *, negated: bool) -> set[Watch] | None:
    if isinstance(node, Not):
        return _limits(node.item, rising, negated=not negated)
    if isinstance(node, Junction):
        parts = [_limits(item, rising, negated=negated) for item in node.items]
        known = [part for part in parts if part is not None]
        return set().union(*known) if len(known) == len(parts) else None
    watch = _limit(node, rising, negated=negated) if isinstance(node, Comparison) else None
    return {watch} if watch is not None else None


def _limit(node: Comparison, rising: frozenset[str], *, negated: bool) -> Watch | None:
    column, const, order = node.left, node.right, str(node.operator)
    if isinstance(column, Const):
        column, const, order = const, column, _MIRRORED.get(order, order)
    if negated:
        order = _OPPOSITE.get(order, order)
    if not isinstance(column, Field) or column.name not in rising or order not in (">", ">="):
        return None
    limit = _exact(const)
    if limit is None:
        return None
    return Watch(column.name, limit if order == ">" else math.nextafter(limit, -math.inf))


def _exact(node: Node) -> float | None:
    """The constant as float64; None where it is missing or would be rounded."""
    if not isinstance(node, Const) or isinstance(node.value, str | bool | None):
        return None
    number = float(node.value)
    return number if number == node.value and math.isfinite(number) else None
