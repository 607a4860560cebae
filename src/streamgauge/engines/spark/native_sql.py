"""Expressions, fields and aggregates in Spark's own SQL, for ``fidelity: native``; what it has no words for is named."""

from __future__ import annotations

from streamgauge.config.models import FieldConfig, StreamConfig
from streamgauge.expressions import Aggregate
from streamgauge.expressions.nodes import (
    Arithmetic,
    Comparison,
    Const,
    Fallback,
    Field,
    Junction,
    Membership,
    Missing,
    Node,
    Not,
    NumberCall,
    Scalar,
    TextCall,
)

TYPES = {"string": "STRING", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "timestamp": "STRING"}
"""How fields are read from JSON; texts of moments are read in a second step."""

_UNITS = {"s": "1000000", "ms": "1000", "us": "1", "ns": "0.001"}
_AGGREGATES = {
    "sum": "coalesce(sum({0}), 0)",
    "avg": "avg({0})",
    "min": "min({0})",
    "max": "max({0})",
    "stddev": "stddev_samp({0})",
    "variance": "var_samp({0})",
    "approx_distinct": "approx_count_distinct({0})",
    "count": "count({0})",
}


class NoWordsError(Exception):
    """Spark's SQL says this otherwise, or not at all; the text names it."""


def expression_sql(node: Node) -> str:
    """An expression of ours; null stays null, as there.

    Raises:
        NoWordsError: it uses what is not translated.
    """
    match node:
        case Const(value=value):
            return literal(value)
        case Field(name=name):
            return quoted(name)
        case Arithmetic(operator=operator, left=left, right=right):
            return _arithmetic(operator, expression_sql(left), expression_sql(right))
        case Comparison(operator=operator, left=left, right=right):
            return f"({expression_sql(left)} {operator} {expression_sql(right)})"
        case Membership(item=item, choices=choices):
            return f"({expression_sql(item)} IN ({', '.join(map(literal, choices))}))"
        case Junction(operator=operator, items=items):
            return f"({f' {operator.upper()} '.join(map(expression_sql, items))})"
        case Not(item=item):
            return f"(NOT {expression_sql(item)})"
        case Missing(item=item):
            return f"({expression_sql(item)} IS NULL)"
        case Fallback(items=items):
            return f"coalesce({', '.join(map(expression_sql, items))})"
        case NumberCall(function="negate", item=item):
            return f"(- {expression_sql(item)})"
        case NumberCall(function=("abs" | "floor" | "ceil") as function, item=item):
            return f"{function}({expression_sql(item)})"
        case TextCall(function=function, item=item):
            return f"{function}({expression_sql(item)})"
    raise NoWordsError(type(node).__name__.lower())


def aggregate_sql(aggregate: Aggregate) -> str:
    """One entry of ``compute``.

    Raises:
        NoWordsError: Spark's windows compute no such thing, or not as a stream.
    """
    if aggregate.function not in _AGGREGATES or aggregate.number is not None:
        raise NoWordsError(aggregate.function)
    argument = "1" if aggregate.argument is None else expression_sql(aggregate.argument.root)
    return _AGGREGATES[aggregate.function].format(argument)


def read_sql(name: str, stream: StreamConfig) -> str:
    """A field that was read from JSON, as its own kind."""
    field = stream.fields[name]
    plain = quoted(name)
    return f"{moment_sql(plain, field) if field.type == 'timestamp' else plain} AS {quoted(name)}"


def moment_sql(plain: str, field: FieldConfig) -> str:
    """A moment that is written as a number or as ISO 8601."""
    number = f"try_cast({plain} AS DOUBLE)"
    if field.unit is not None:
        return f"timestamp_micros(CAST({number} * {_UNITS[field.unit]} AS BIGINT))"
    size = f"abs({number})"
    unit = f"CASE WHEN {size} < 1e11 THEN 1e6 WHEN {size} < 1e14 THEN 1e3 WHEN {size} < 1e17 THEN 1 ELSE 1e-3 END"
    written = f"timestamp_micros(CAST({number} * {unit} AS BIGINT))"
    return f"CASE WHEN {number} IS NOT NULL THEN {written} ELSE try_to_timestamp({plain}) END"


def within_sql(name: str, field: FieldConfig) -> list[str]:
    """The conditions under which a field's value is taken."""
    found = []
    if field.required:
        found.append(f"{quoted(name)} IS NOT NULL")
    if field.min is not None:
        found.append(f"({quoted(name)} IS NULL OR {quoted(name)} >= {field.min!r})")
    if field.max is not None:
        found.append(f"({quoted(name)} IS NULL OR {quoted(name)} <= {field.max!r})")
    return found


def quoted(name: str) -> str:
    """A name, whatever is in it."""
    return f"`{name.replace('`', '``')}`"


def literal(value: Scalar) -> str:
    """A value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return f"CAST({value!r} AS DOUBLE)" if isinstance(value, float) else str(value)


def _arithmetic(operator: str, left: str, right: str) -> str:
    """Double precision; what is divided by zero is missing."""
    left, right = f"CAST({left} AS DOUBLE)", f"CAST({right} AS DOUBLE)"
    if operator in ("/", "%"):
        right = f"nullif({right}, 0D)"
    return f"({left} {operator} {right})"
