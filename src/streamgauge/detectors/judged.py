"""The number that a series detector judges: ``value:``, or the only numeric column that there is.

Every detector of a series takes it from here, so that all of them read the same way::

    class Config(ValueConfig): ...
    judged = the_value(config.value, context)     # in build()
    needs = Needs(fields=judged.fields(context))  # in build()
    numbers = judged.numbers(results)             # in step(): float64[n], NaN = missing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from streamgauge.batch import Column, ColumnKind, FloatArray
from streamgauge.detectors.contract import Context, DetectorConfig
from streamgauge.errors import ConfigError
from streamgauge.expressions import Expression, parse_value
from streamgauge.windows.contract import WindowResults

_NUMERIC = ("int", "float", "bool")


class ValueConfig(DetectorConfig):
    """Base of the configuration of detectors that judge one number."""

    hints: ClassVar[Mapping[str, str]] = {
        "by": "a series for each key comes from the window: `window: {type: tumbling, size: 1m, by: …, compute: {…}}`",
    }

    value: str | None = None
    """The number to judge: a column of `compute:` (without a window: a field), or an expression over such; default: the only numeric one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The number that is judged.

    Attributes:
        expression: what is computed.
        name: what people see it as: the column's name, or the expression as it was written.
    """

    expression: Expression
    name: str

    def fields(self, context: Context) -> frozenset[str]:
        """The fields of the stream that it reads: those of a record detector, none behind a window."""
        return frozenset() if context.windowed else self.expression.columns

    def numbers(self, results: WindowResults) -> FloatArray:
        """float64[n]: NaN where it is missing or not finite."""
        if not len(results):
            return np.empty(0, np.float64)
        numbers = self.expression.evaluate(results.columns, len(results)).numbers()
        return numbers if np.isfinite(numbers).all() else np.where(np.isfinite(numbers), numbers, np.nan)

    def observed(self, results: WindowResults, numbers: FloatArray) -> dict[str, Column]:
        """What people see: the number first, then what else the window holds."""
        others = {name: column for name, column in results.columns.items() if name != self.name}
        column = results.columns.get(self.name)
        return {self.name: Column("float", numbers=numbers) if column is None else column, **others}


def the_value(text: str | None, context: Context) -> Judged:
    """What ``value:`` says, or the only numeric column.

    Raises:
        ExpressionError: the text is no expression over the columns.
        ConfigError: it is no number; or nothing is said and there is not exactly one number.
    """
    if text is not None:
        expression = parse_value(text, context.columns)
        if expression.kind not in _NUMERIC:
            raise ConfigError(
                f"value: `{text}` is {expression.kind}, and a series is of numbers; {_there(context)}"
            )
        return Judged(expression, text)
    numeric = _numeric(context.columns)
    if len(numeric) != 1:
        raise ConfigError(
            f"say which number to judge, such as `value: {_such_as(context)}`; {_there(context)}"
        )
    return Judged(parse_value(numeric[0], context.columns), numeric[0])


def _numeric(columns: Mapping[str, ColumnKind]) -> list[str]:
    return [name for name, kind in columns.items() if kind in ("int", "float")]


def _such_as(context: Context) -> str:
    return next(iter(_numeric(context.columns)), "avg_amount")


def _there(context: Context) -> str:
    """What there is to judge, for a message."""
    where = "`compute:` makes" if context.windowed else "the stream has"
    numeric = _numeric(context.columns)
    if numeric:
        return f"{where} the numbers {', '.join(numeric)}"
    known = ", ".join(f"{name} ({kind})" for name, kind in context.columns.items()) or "nothing"
    hint = "; add such as `compute: {events: count(*)}`" if context.windowed else ""
    return f"{where} no number, only {known}{hint}"
