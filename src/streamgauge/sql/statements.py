"""What statements say, as plain values; :mod:`.parse` reads them, :mod:`.plan` makes monitors of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from streamgauge.batch import FieldKind
from streamgauge.sql.cursor import Piece
from streamgauge.sql.script import Script
from streamgauge.sql.tokens import Token

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Literally:
    """A value written in a statement, and where; ``variable`` is set where a ``${name}`` stands for it."""

    value: Value
    at: int
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column of CREATE STREAM.

    Attributes:
        name: fields within a STRUCT are columns too, named ``a->b``.
        kind: None where such a column can be declared but not read; ``type`` says what it is.
        path: where a record holds it.
        is_key: whether it is the record's key.
    """

    name: str
    kind: FieldKind | None
    type: str
    path: str
    at: int
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class CreateStream:
    """``CREATE STREAM name (columns) WITH (properties)``; property names are in lower case."""

    script: Script
    at: int
    name: str
    columns: tuple[ColumnSpec, ...]
    properties: Mapping[str, Literally]


@dataclass(frozen=True, slots=True)
class Insert:
    """``INSERT INTO stream (columns) VALUES (…)``; without columns, those of the stream in their order."""

    script: Script
    at: int
    stream: Token
    columns: tuple[Token, ...]
    rows: tuple[tuple[Literally, ...], ...]


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """``WINDOW TUMBLING (…)``, ``HOPPING (…)`` or ``SESSION (…)``; of a session ``size`` is the gap."""

    type: Literal["tumbling", "hopping", "session"]
    size: timedelta
    advance: timedelta | None = None
    grace: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of SELECT; ``alias`` is None where there is no AS."""

    piece: Piece
    alias: Token | None = None

    @property
    def is_star(self) -> bool:
        """``*``."""
        return len(self.piece.tokens) == 1 and self.piece.tokens[0].word == "*"


@dataclass(frozen=True, slots=True)
class Select:
    """A query, alone or behind CREATE … AS."""

    script: Script
    at: int
    items: tuple[Item, ...]
    source: Token
    alias: str | None = None
    window: WindowSpec | None = None
    where: Piece | None = None
    group: tuple[Piece, ...] = ()
    having: Piece | None = None
    emit: Literal["final", "changes"] | None = None
    emit_at: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class CreateAs:
    """``CREATE TABLE name AS SELECT …`` or ``CREATE STREAM name AS SELECT …``."""

    script: Script
    at: int
    what: Literal["table", "stream"]
    name: str
    query: Select
    properties: Mapping[str, Literally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Define:
    """``DEFINE name = 'value'``: a parameter; ``--set`` wins over it."""

    script: Script
    at: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A statement that has nothing to do here, such as SET; ``words`` is its beginning."""

    script: Script
    at: int
    words: str


Statement: TypeAlias = CreateStream | Insert | CreateAs | Select | Define | Skipped
