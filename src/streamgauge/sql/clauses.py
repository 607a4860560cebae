"""SELECT and its clauses; WINDOW and EMIT are ksqlDB's own and no SQL parser reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from streamgauge.sql.cursor import Cursor, Piece
from streamgauge.sql.refusals import CLAUSES
from streamgauge.sql.statements import Item, Select, WindowSpec
from streamgauge.sql.tokens import Token

ORDER = ("WINDOW", "WHERE", "GROUP", "HAVING", "EMIT", "LIMIT")
"""The clauses behind FROM, each at most once, in this order."""

LARGEST_LIMIT = 2**31 - 1
"""More rows than can be held."""

_STOPS = frozenset({*ORDER, "FROM", *CLAUSES})
_NOT_ALIASED = frozenset(
    {"AND", "OR", "NOT", "IN", "LIKE", "IS", "BETWEEN", "WHEN", "THEN", "ELSE", "CASE", "DISTINCT"}
)
_NO_ALIAS = frozenset({"END", "NULL", "TRUE", "FALSE"})
_UNITS = {
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
}


def select(cursor: Cursor) -> Select:
    """Read a query up to the end of the statement."""
    at = cursor.at
    cursor.expects("SELECT")
    if cursor.sees("DISTINCT") and not cursor.sees("DISTINCT", "FROM") and not cursor.sees("DISTINCT", ","):
        raise cursor.error(
            "SELECT DISTINCT is not supported; SELECT x, COUNT(*) … GROUP BY x gives each value once"
        )
    items = [_item(cursor)]
    while cursor.takes(","):
        items.append(_item(cursor))
    if not cursor.sees("FROM"):
        raise cursor.error(f"FROM and a stream are missing, {cursor.found()}")
    cursor.expects("FROM")
    if cursor.sees("("):
        raise cursor.error(
            "a query in FROM is not supported; write it as a CREATE TABLE of its own and read that"
        )
    source = cursor.name("a stream's name")
    query = Select(cursor.script, at, tuple(items), source, _source_alias(cursor))
    done = -1
    while (token := cursor.token) is not None:
        if token.word in CLAUSES:
            raise cursor.error(f"{token.word} is not supported; {CLAUSES[token.word]}")
        if token.word not in ORDER:
            break
        rank = ORDER.index(token.word)
        if rank <= done:
            again = "stands twice" if rank == done else f"comes before {ORDER[done]}"
            raise cursor.error(f"{token.word} {again}; the order is {', '.join(ORDER)}")
        done = rank
        cursor.next()
        query = _CLAUSES[token.word](cursor, query, token)
    return query


def _item(cursor: Cursor) -> Item:
    piece = cursor.piece({",", *_STOPS})
    tokens = piece.tokens
    if not tokens:
        raise cursor.error(f"a column or value is missing, {cursor.found()}")
    if len(tokens) > 2 and tokens[-2].word == "AS":
        if not tokens[-1].is_name:
            raise piece.error(f"after AS comes a name, not {tokens[-1].text[:40]!r}", tokens[-1].start)
        return Item(piece.part(0, -2), tokens[-1])
    if len(tokens) > 1 and _is_alias(tokens[-2], tokens[-1]):
        return Item(piece.part(0, -1), tokens[-1])
    return Item(piece)


def _is_alias(before: Token, last: Token) -> bool:
    """``SELECT COUNT(*) events``: a name right behind a value."""
    if not last.is_name or last.word in _NO_ALIAS | _NOT_ALIASED:
        return False
    if before.kind == "symbol":
        return before.text in (")", "]")
    return before.word not in _NOT_ALIASED


def _source_alias(cursor: Cursor) -> str | None:
    if cursor.takes("AS"):
        return cursor.name("another name for the stream").text
    token = cursor.token
    if token is not None and token.is_name and token.word not in _STOPS:
        return cursor.next().text
    return None


def _window(cursor: Cursor, query: Select, _: Token) -> Select:
    kind = cursor.name("TUMBLING, HOPPING or SESSION")
    if kind.word == "SESSION":
        return replace(query, window=_session(cursor))
    if kind.word not in ("TUMBLING", "HOPPING"):
        raise cursor.error(f"there is no window {kind.text}; write TUMBLING, HOPPING or SESSION", kind.start)
    parts = _window_parts(cursor)
    needed = ("SIZE",) if kind.word == "TUMBLING" else ("SIZE", "ADVANCE")
    for name in needed:
        if name not in parts:
            example = "SIZE 5 SECONDS" if len(needed) == 1 else "SIZE 1 MINUTE, ADVANCE BY 10 SECONDS"
            raise cursor.error(f"{name} is missing: write {kind.word} ({example})", kind.start)
    if kind.word == "TUMBLING" and "ADVANCE" in parts:
        raise cursor.error("ADVANCE BY fits HOPPING only", kind.start)
    size, advance = parts["SIZE"], parts.get("ADVANCE")
    if advance is not None and advance > size:
        raise cursor.error(
            "ADVANCE BY is longer than SIZE: records between two windows would count nowhere", kind.start
        )
    if kind.word == "TUMBLING":
        return replace(query, window=WindowSpec("tumbling", size, None, parts.get("GRACE")))
    return replace(query, window=WindowSpec("hopping", size, advance, parts.get("GRACE")))


def _session(cursor: Cursor) -> WindowSpec:
    """``SESSION (5 SECONDS, RETENTION 1 DAY, GRACE PERIOD 1 SECOND)``."""
    if cursor.sees("(", "SIZE"):
        raise cursor.error("a SESSION has no SIZE but a longest pause: write SESSION (5 SECONDS)")
    cursor.expects("(")
    gap = _duration(cursor, "SESSION")
    parts = _more_parts(cursor) if cursor.takes(",") else {}
    cursor.expects(")")
    for name in ("SIZE", "ADVANCE"):
        if name in parts:
            raise cursor.error(
                f"{name} does not fit SESSION; write SESSION (5 SECONDS, GRACE PERIOD 1 SECOND)"
            )
    return WindowSpec("session", gap, None, parts.get("GRACE"))


def _window_parts(cursor: Cursor) -> dict[str, timedelta]:
    cursor.expects("(")
    parts = _more_parts(cursor)
    cursor.expects(")")
    return parts


def _more_parts(cursor: Cursor) -> dict[str, timedelta]:
    parts: dict[str, timedelta] = {}
    while True:
        token = cursor.next()
        follow = {"SIZE": (), "RETENTION": (), "ADVANCE": ("BY",), "GRACE": ("PERIOD",)}.get(token.word)
        if follow is None:
            message = f"expected SIZE, ADVANCE BY, GRACE PERIOD or RETENTION, found {token.text[:40]!r}"
            raise cursor.error(message, token.start)
        cursor.expects(*follow)
        parts[token.word] = _duration(cursor, token.word)
        if not cursor.takes(","):
            return parts


def _duration(cursor: Cursor, what: str) -> timedelta:
    at = cursor.at
    number = cursor.next()
    if number.kind != "number" or not number.text.isdecimal():
        raise cursor.error(f"{what} takes a whole number and a unit, such as 5 SECONDS", at)
    unit = cursor.name("a unit")
    length = _UNITS.get(unit.word.removesuffix("S"))
    if length is None:
        known = ", ".join(f"{name}S" for name in _UNITS)
        raise cursor.error(f"{unit.text} is not a unit of time; units: {known}", unit.start)
    if int(number.text) == 0 and what != "GRACE":
        raise cursor.error(f"{what} must be longer than zero", at)
    try:
        return int(number.text) * length
    except OverflowError:
        raise cursor.error(f"{what} is too long", at) from None


def _where(cursor: Cursor, query: Select, token: Token) -> Select:
    return replace(query, where=_condition(cursor, token))


def _having(cursor: Cursor, query: Select, token: Token) -> Select:
    return replace(query, having=_condition(cursor, token))


def _condition(cursor: Cursor, token: Token) -> Piece:
    piece = cursor.piece(_STOPS)
    if not piece.tokens:
        raise cursor.error(f"{token.word} needs a condition, {cursor.found()}")
    return piece


def _group(cursor: Cursor, query: Select, _: Token) -> Select:
    cursor.expects("BY")
    pieces = []
    while True:
        piece = cursor.piece({",", *_STOPS})
        if not piece.tokens:
            raise cursor.error(f"GROUP BY needs a column, {cursor.found()}")
        pieces.append(piece)
        if not cursor.takes(","):
            return replace(query, group=tuple(pieces))


def _emit(cursor: Cursor, query: Select, token: Token) -> Select:
    if cursor.takes("FINAL"):
        return replace(query, emit="final", emit_at=token.start)
    if cursor.takes("CHANGES"):
        return replace(query, emit="changes", emit_at=token.start)
    raise cursor.error(f"after EMIT comes FINAL or CHANGES, {cursor.found()}")


def _limit(cursor: Cursor, query: Select, _: Token) -> Select:
    at = cursor.at
    number = cursor.next()
    if number.kind != "number" or not number.text.isdecimal():
        raise cursor.error("LIMIT takes a whole number, such as LIMIT 10", at)
    return replace(query, limit=min(int(number.text), LARGEST_LIMIT))


_CLAUSES: dict[str, Callable[[Cursor, Select, Token], Select]] = {
    "WINDOW": _window,
    "WHERE": _where,
    "GROUP": _group,
    "HAVING": _having,
    "EMIT": _emit,
    "LIMIT": _limit,
}
