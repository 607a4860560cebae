"""Columns with their types, properties behind WITH, and values, as statements write them."""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.batch import FieldKind
from streamgauge.sql.cursor import Cursor
from streamgauge.sql.statements import ColumnSpec, Literally

KINDS: dict[str, FieldKind] = {
    "INT": "int",
    "INTEGER": "int",
    "BIGINT": "int",
    "SMALLINT": "int",
    "DOUBLE": "float",
    "FLOAT": "float",
    "DECIMAL": "float",
    "VARCHAR": "string",
    "STRING": "string",
    "BOOLEAN": "bool",
    "TIMESTAMP": "timestamp",
}
"""Types of columns that can be read, with their kinds."""

UNREAD = frozenset({"ARRAY", "MAP", "BYTES", "DATE", "TIME"})
"""Types that may be declared; a query that reads such a column is refused."""


DEEPEST = 24
"""Structs within each other."""


def columns(cursor: Cursor) -> tuple[ColumnSpec, ...]:
    """``(id BIGINT KEY, user STRUCT<id STRING>, …)``."""
    cursor.expects("(")
    found = list(_column(cursor))
    while cursor.takes(","):
        found += _column(cursor)
    cursor.expects(")")
    seen: set[str] = set()
    for spec in found:
        if spec.name.casefold() in seen:
            raise cursor.error(f"column {spec.name} is declared twice", spec.at)
        seen.add(spec.name.casefold())
    return tuple(found)


def _column(cursor: Cursor) -> Iterator[ColumnSpec]:
    name = cursor.name("a column's name")
    found = list(_typed(cursor, name.text, name.text, name.start))
    is_key = cursor.takes("KEY") or cursor.takes("PRIMARY", "KEY")
    if cursor.takes("HEADERS") or cursor.sees("HEADER"):
        raise cursor.error(
            f"column {name.text}: headers cannot be read; only the record's value can", name.start
        )
    for spec in found:
        yield ColumnSpec(spec.name, spec.kind, spec.type, spec.path, spec.at, is_key)


def _typed(cursor: Cursor, name: str, path: str, at: int) -> Iterator[ColumnSpec]:
    type_at = cursor.at
    word = cursor.name("a type").text.upper()
    if word == "STRUCT":
        if path.count(".") >= DEEPEST:
            raise cursor.error(f"structs are nested more than {DEEPEST} deep", type_at)
        cursor.expects("<")
        while True:
            part = cursor.name("a field's name")
            yield from _typed(cursor, f"{name}->{part.text}", f"{path}.{part.text}", part.start)
            if not cursor.takes(","):
                break
        _close(cursor)
        return
    if word in UNREAD:
        _skip_inside(cursor)
        yield ColumnSpec(name, None, word, path, at)
    elif word in KINDS:
        if cursor.takes("("):
            cursor.piece({")"})
            cursor.expects(")")
        yield ColumnSpec(name, KINDS[word], word, path, at)
    else:
        raise cursor.error(f"{word} is not a type; types: {', '.join([*KINDS, 'STRUCT<…>'])}", type_at)


def _close(cursor: Cursor) -> None:
    cursor.expects(">")


def _skip_inside(cursor: Cursor) -> None:
    """``<…>`` of ARRAY and MAP."""
    depth = 0
    while cursor.sees("<") or depth:
        depth += {"<": 1, ">": -1}.get(cursor.next().word, 0)


def properties(cursor: Cursor) -> dict[str, Literally]:
    """``WITH (kafka_topic = 't', …)``, names in lower case."""
    cursor.expects("WITH", "(")
    found: dict[str, Literally] = {}
    while not cursor.takes(")"):
        token = cursor.next()
        cursor.expects("=")
        found[token.text.lower()] = literal(cursor)
        if not cursor.sees(")"):
            cursor.expects(",")
    return found


def literal(cursor: Cursor) -> Literally:
    """A number, text, true, false, null or ``${name}``."""
    at = cursor.at
    negative = cursor.takes("-")
    cursor.takes("+")
    token = cursor.next()
    if token.kind == "number":
        number = float(token.text) if set(token.text) & set(".eE") else int(token.text)
        if number == float("inf"):
            raise cursor.error(f"{token.text} is too large; numbers reach up to 1.8e308", at)
        return Literally(-number if negative else number, at)
    if token.kind == "text" and not negative:
        return Literally(token.text, at)
    if token.kind == "variable" and not negative:
        return Literally(None, at, token.text)
    if token.word in ("TRUE", "FALSE", "NULL") and not negative:
        return Literally({"TRUE": True, "FALSE": False, "NULL": None}[token.word], at)
    message = f"expected a number, a text in single quotes, TRUE, FALSE or NULL, found {token.text[:40]!r}"
    raise cursor.error(message, at)
