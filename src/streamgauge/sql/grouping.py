"""GROUP BY: columns, and values that are computed of a record and become fields of the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from streamgauge.batch import FieldKind
from streamgauge.expressions.names import resolve
from streamgauge.sql.cursor import Piece
from streamgauge.sql.queries import parsed
from streamgauge.sql.rewriting import Scope, column_text, rewrite
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import Item, Select
from streamgauge.sql.tokens import Token


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a query groups by.

    Attributes:
        kinds: of the grouping columns, by name, in order.
        derived: those that are computed, as fields of the stream.
        phrases: the computed ones as they were written, for SELECT and HAVING to know again.
        unnamed: how many have a number for a name.
    """

    kinds: Mapping[str, FieldKind] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    phrases: Sequence[tuple[tuple[Token, ...], str]] = ()
    unnamed: int = 0


def grouping(select: Select, records: Scope) -> Grouping:
    """What ``select`` groups by; a constant groups nothing.

    Raises:
        SqlError: a value cannot be computed.
    """
    kinds: dict[str, FieldKind] = {}
    derived: dict[str, Mapping[str, Any]] = {}
    phrases: list[tuple[tuple[Token, ...], str]] = []
    unnamed = 0
    for written in select.group:
        piece, item = _meant(written, select.items, records)
        if len(piece.tokens) == 1 and piece.tokens[0].kind in ("number", "text"):
            continue
        made = rewrite(piece, records)
        column = next((name for name in records.columns if column_text(name) == made.text), None)
        if column is not None:
            kinds[column] = records.columns[column]
            continue
        expression = parsed(made, records.columns)
        name, unnamed = _name(item or _same(made.text, select.items, records), records, unnamed)
        kinds[name] = cast("FieldKind", expression.kind)  # lists and maps are no values of a record
        derived[name] = {"type": expression.kind, "compute": made.text}
        phrases.append((piece.tokens, column_text(name)))
    return Grouping(kinds, derived, phrases, unnamed)


def _meant(piece: Piece, items: Sequence[Item], records: Scope) -> tuple[Piece, Item | None]:
    """What a name stands for that is an alias in SELECT and no column."""
    if len(piece.tokens) != 1 or not piece.tokens[0].is_name or resolve(piece.text, records.columns):
        return piece, None
    name = piece.tokens[0].text.casefold()
    for item in items:
        if item.alias is not None and item.alias.text.casefold() == name:
            return item.piece, item
    return piece, None


def _same(text: str, items: Sequence[Item], records: Scope) -> Item | None:
    """The entry of SELECT that is this very value."""
    for item in items:
        if item.alias is not None and not item.is_star and _text(item.piece, records) == text:
            return item
    return None


def _text(piece: Piece, records: Scope) -> str | None:
    try:
        return rewrite(piece, records).text
    except SqlError:  # an aggregate, or a mistake that SELECT will tell
        return None


def _name(item: Item | None, records: Scope, unnamed: int) -> tuple[str, int]:
    if item is not None and item.alias is not None and resolve(item.alias.text, records.columns) is None:
        return item.alias.text, unnamed
    return f"KSQL_COL_{unnamed}", unnamed + 1
