"""What a SELECT becomes once it fits its stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamgauge.batch import ColumnKind, FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import Expression, parse_value
from streamgauge.sql.rewriting import Rewritten
from streamgauge.sql.statements import Select
from streamgauge.sql.streams import Readable

BOUNDS: Mapping[str, FieldKind] = {"window_start": "timestamp", "window_end": "timestamp"}
"""Columns that every window's row ends with."""

NEVER_FIRES = "1 = 0"
"""The threshold of a table without HAVING: its rows are all there is of it."""


@dataclass(frozen=True, slots=True)
class Output:
    """One column that comes out; ``expression`` reads keys, computed values and the window's bounds."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT that fits its stream.

    Attributes:
        select: as written.
        source: what it reads.
        where: which records, in the expression language.
        outputs: the columns of its rows, in order.
        monitor: the monitor as YAML would write it; None where there is no window.
        keys: the grouping columns, with their kinds.
        derived: fields that the stream needs beside its own, as YAML would write them: grouping values that are
            computed of a record.
        compute_kinds: of what the window computes.
        having: which windows come out.
        changes: a row at each record that counted, not one for each window that closed.
        windowed: whether its rows have bounds; without WINDOW there is one group for all time.
    """

    select: Select
    source: Readable
    where: Expression | None
    outputs: tuple[Output, ...]
    monitor: Mapping[str, Any] | None = None
    keys: Mapping[str, FieldKind] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    compute_kinds: Mapping[str, ColumnKind] | None = None
    having: Expression | None = None
    changes: bool = False
    windowed: bool = True

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """The columns that come out, with their kinds."""
        return {output.name: output.expression.kind for output in self.outputs}


def parsed(
    written: Rewritten,
    columns: Mapping[str, Any],
    parse: Callable[[str, Mapping[str, Any]], Expression] = parse_value,
) -> Expression:
    """The expression, its mistakes told at their place in the script.

    Raises:
        SqlError: it cannot be computed.
    """
    try:
        return parse(written.text, columns)
    except ExpressionError as error:
        written.fail(error)
