"""The small safe language of ``where``, ``compute`` and ``when``.

Parsed by sqlglot, checked against typed columns, computed by NumPy and Polars; nothing is ever evaluated as
code. See ``docs/expressions.md`` for the language.
"""

from streamgauge.expressions.aggregate import Aggregate, parse_aggregate
from streamgauge.expressions.expression import Expression, TruthArray, parse_condition, parse_value, truths
from streamgauge.expressions.watch import watches

__all__ = [
    "Aggregate",
    "Expression",
    "TruthArray",
    "parse_aggregate",
    "parse_condition",
    "parse_value",
    "truths",
    "watches",
]
