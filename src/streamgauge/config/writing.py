"""Checks of ``write:``: what a sink's expressions read must be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamgauge.batch import ColumnKind
from streamgauge.config.document import Path
from streamgauge.errors import ExpressionError
from streamgauge.settings import nearest
from streamgauge.sinks.contract import SinkConfig

Wrong = Callable[[Path, str], None]
WrongExpression = Callable[[Path, ExpressionError], None]


def check_sink(
    sink: SinkConfig,
    path: Path,
    kinds: Mapping[str, ColumnKind],
    wrong: Wrong,
    expression: WrongExpression,
    *,
    revises: bool = False,
) -> None:
    """Tell what is wrong with one ``write:``; ``kinds`` are the columns that its rows may be made of.

    ``revises``: whether a row may be followed by another with its id, or be taken back.
    """
    from streamgauge.expressions import parse_condition, parse_value

    if sink.where is not None:
        try:
            parse_condition(sink.where, kinds)
        except ExpressionError as error:
            expression((*path, "where"), error)
    made: dict[str, ColumnKind] = {}
    for name, text in sink.columns.items():
        try:
            made[name] = parse_value(text, kinds).kind
        except ExpressionError as error:
            expression((*path, "columns", name), error)
    for i, name in enumerate(sink.key):
        if name not in kinds:
            wrong((*path, "key", i), f"`{name}` is no column of the rows; {nearest(name, kinds)}")
    if len(made) == len(sink.columns):
        for key, message in sink.mistakes(made or kinds, revises=revises):
            wrong((*path, key), message)
