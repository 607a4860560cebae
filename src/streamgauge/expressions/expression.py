"""A checked expression that reads columns: what ``where``, ``when`` and the arguments of ``compute`` become.

Nothing is ever evaluated as Python. sqlglot parses, :mod:`build` checks, and the tree of nodes is computed
by NumPy where it is only numbers, by Polars otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import BoolArray, Column, ColumnKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import numpy_form
from streamgauge.expressions.kinds import KIND_NAMES
from streamgauge.expressions.nodes import Field, Node, reads

if TYPE_CHECKING:
    import polars as pl

Columns: TypeAlias = Mapping[str, Column]
TruthArray: TypeAlias = NDArray[np.int8]
"""1 true, 0 false, -1 cannot be said because something is missing."""


@dataclass(frozen=True)
class Expression:
    """One expression, ready to be computed over columns of any length.

    Make it with :func:`parse_condition` or :func:`parse_value`.

    Attributes:
        text: as the user wrote it.
        kind: the kind of its result.
        columns: the names it reads; ``evaluate`` and the others must be given at least these.
    """

    text: str
    kind: ColumnKind
    columns: frozenset[str]
    root: Node = field(repr=False)

    def evaluate(self, columns: Columns, length: int) -> Column:
        """The result per row; missing stays missing, and nothing is NaN or infinite.

        An expression that is a bare column gives that very column.
        """
        if isinstance(self.root, Field):
            return columns[self.root.name]
        if self.kind == "bool" and self._by_numpy:
            found = self.truth(columns, length).astype(np.float64)
            return Column("bool", numbers=np.where(found < 0, np.nan, found))
        if self.kind == "float" and self.columns and numpy_form.is_number(self.root):
            numbers = numpy_form.numbers(self.root, columns)
            return Column("float", numbers=np.where(np.isfinite(numbers), numbers, np.nan))
        return Column(self.kind, series=_select([self], columns, length)[0])

    def mask(self, columns: Columns, length: int) -> BoolArray:
        """bool[length]: True only where the condition surely holds (missing is not enough)."""
        held: BoolArray = self.truth(columns, length) == 1
        return held

    def truth(self, columns: Columns, length: int) -> TruthArray:
        """int8[length]: 1 true, 0 false, -1 missing. Only for conditions."""
        return truths([self], columns, length)[0]

    @cached_property
    def _by_numpy(self) -> bool:
        return bool(self.columns) and numpy_form.is_condition(self.root)

    @cached_property
    def _form(self) -> pl.Expr:
        from streamgauge.expressions.polars_form import polars_form

        return polars_form(self.root)

    def __getstate__(self) -> dict[str, Any]:
        """Only what was parsed: the compiled form is made again where it is needed."""
        return {name: self.__dict__[name] for name in ("text", "kind", "columns", "root")}


def truths(expressions: Sequence[Expression], columns: Columns, length: int) -> list[TruthArray]:
    """:meth:`Expression.truth` of many conditions on the same columns, in one query.

    Use it where several monitors share one window.
    """
    answers: dict[int, TruthArray] = {}
    left = []
    for index, expression in enumerate(expressions):
        if expression._by_numpy:
            levels = numpy_form.levels(expression.root, columns)
            answers[index] = _LEVELS[levels]
        else:
            left.append(index)
    found = _select([expressions[index] for index in left], columns, length)
    for index, series in zip(left, found, strict=True):
        answers[index] = _as_truth(series)
    return [answers[index] for index in range(len(expressions))]


_LEVELS: TruthArray = np.array([0, -1, 1], dtype=np.int8)


def _as_truth(series: pl.Series) -> TruthArray:
    import polars as pl

    return series.cast(pl.Int8).fill_null(-1).to_numpy(writable=True)


def _select(expressions: Sequence[Expression], columns: Columns, length: int) -> list[pl.Series]:
    """One query for all; expressions without columns are computed once and repeated."""
    if not expressions:
        return []
    import polars as pl

    names = sorted(frozenset().union(*(expression.columns for expression in expressions)))
    frame = pl.DataFrame({name: _clean(columns[name].series()) for name in names})
    reading = [e for e in expressions if e.columns]
    # Polars may fold what is the same in every row to one row; the first column holds the height.
    forms = [pl.int_range(pl.len()).alias("rows")]
    forms += [e._form.alias(str(index)) for index, e in enumerate(reading)]
    found = iter(frame.select(forms).get_columns()[1:])
    return [next(found) if e.columns else _repeated(e, length) for e in expressions]


def _repeated(expression: Expression, length: int) -> pl.Series:
    import polars as pl

    once = pl.DataFrame({"rows": [0]}).select(expression._form).to_series()
    return once.new_from_index(0, length)


def _clean(series: pl.Series) -> pl.Series:
    """NaN and infinities are missing; almost always there are none."""
    if not series.dtype.is_float() or series.is_finite().all():
        return series
    return series.replace(float("inf"), None).replace(float("-inf"), None).fill_nan(None)


def parse_condition(text: str, columns: Mapping[str, ColumnKind]) -> Expression:
    """Read a condition such as ``amount > 100 and country in ('CH', 'DE')``.

    Args:
        text: the expression.
        columns: what it may read, with kinds.

    Raises:
        ExpressionError: it cannot be read, or it is not true or false.
    """
    expression = parse_value(text, columns)
    if expression.kind != "bool":
        raise ExpressionError(
            f"a condition is true or false, but this gives {KIND_NAMES[expression.kind]}; compare it with something",
            expression=text,
            position=0,
        )
    return expression


def parse_value(text: str, columns: Mapping[str, ColumnKind]) -> Expression:
    """Read a value such as ``amount * 2`` or ``lower(country)``.

    Raises:
        ExpressionError: it cannot be read or its kinds do not fit.
    """
    from streamgauge.expressions.build import Builder
    from streamgauge.expressions.grammar import read

    reading, tree = read(text, columns)
    try:
        root = Builder(reading, columns).build(tree)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply; split it", expression=text) from None
    return finished(text, root)


def finished(text: str, root: Node) -> Expression:
    """The expression of checked nodes."""
    if root.kind == "null":
        raise ExpressionError("null alone is no value; a column or number is missing", expression=text)
    return Expression(text, root.kind, reads(root), root)
