"""From words to statements; what cannot be run is refused here when its form alone tells."""

from __future__ import annotations

from collections.abc import Sequence

from streamgauge.sql.clauses import select
from streamgauge.sql.columns import columns, literal, properties
from streamgauge.sql.cursor import Cursor
from streamgauge.sql.refusals import SKIPPED, STATEMENTS
from streamgauge.sql.script import Script, SqlError, SqlErrors
from streamgauge.sql.statements import CreateAs, CreateStream, Define, Insert, Literally, Skipped, Statement
from streamgauge.sql.tokens import Token, split


def parse(scripts: Sequence[Script]) -> list[Statement]:
    """The statements of all scripts in their order.

    >>> [type(statement).__name__ for statement in parse([Script("a.sql", "SELECT a FROM s; SELECT b FROM s")])]
    ['Select', 'Select']

    Raises:
        SqlErrors: with the first mistake of each statement that has one.
    """
    statements: list[Statement] = []
    errors: list[SqlError] = []
    for script in scripts:
        try:
            for tokens in split(script):
                try:
                    statements.append(_statement(Cursor(script, tokens)))
                except SqlError as error:
                    errors.append(error)
        except SqlError as error:
            errors.append(error)
    if errors:
        raise SqlErrors(errors)
    return statements


def _statement(cursor: Cursor) -> Statement:
    if cursor.sees("SELECT"):
        return _ended(cursor, select(cursor))
    if cursor.sees("CREATE"):
        return _ended(cursor, _create(cursor))
    if cursor.sees("INSERT"):
        return _ended(cursor, _insert(cursor))
    if cursor.sees("DEFINE"):
        return _ended(cursor, _define(cursor))
    first = cursor.tokens[0]
    if first.word in SKIPPED:
        return Skipped(cursor.script, first.start, " ".join(t.text for t in cursor.tokens[:3]))
    raise _refused(cursor, first.word)


def _ended(cursor: Cursor, statement: Statement) -> Statement:
    if cursor.token is not None:
        raise cursor.error(f"the statement should end here, {cursor.found()}; between statements stands a ;")
    return statement


def _refused(cursor: Cursor, words: str) -> SqlError:
    instead = STATEMENTS.get(words)
    if instead is None:
        message = f"a statement begins with CREATE, INSERT or SELECT, not with {cursor.tokens[0].text[:40]!r}"
        return cursor.error(message, cursor.tokens[0].start)
    return cursor.error(f"{words} is not supported; {instead}", cursor.tokens[0].start)


def _create(cursor: Cursor) -> CreateStream | CreateAs:
    at = cursor.at
    cursor.expects("CREATE")
    cursor.takes("OR", "REPLACE")
    what = cursor.next()
    if what.word not in ("STREAM", "TABLE"):
        raise _refused(cursor, f"CREATE {what.word}")
    cursor.takes("IF", "NOT", "EXISTS")
    name = cursor.name(f"the {what.word.lower()}'s name").text
    if what.word == "TABLE" and cursor.sees("("):
        raise cursor.error(f"a TABLE over a topic is not supported; {STATEMENTS['CREATE TABLE']}", at)
    specs = columns(cursor) if cursor.sees("(") else ()
    settings = properties(cursor) if cursor.sees("WITH") else {}
    if cursor.takes("AS"):
        query = select(cursor)
        return CreateAs(
            cursor.script, at, "stream" if what.word == "STREAM" else "table", name, query, settings
        )
    if not specs:
        raise cursor.error(
            f"the columns of {name} are missing: write CREATE STREAM {name} (id BIGINT, …) WITH (…), or AS SELECT …"
        )
    return CreateStream(cursor.script, at, name, specs, settings)


def _insert(cursor: Cursor) -> Insert:
    at = cursor.at
    cursor.expects("INSERT", "INTO")
    stream = cursor.name("the stream's name")
    names: list[Token] = []
    if cursor.takes("("):
        names.append(cursor.name("a column"))
        while cursor.takes(","):
            names.append(cursor.name("a column"))
        cursor.expects(")")
    if cursor.sees("SELECT"):
        raise cursor.error(
            f"INSERT INTO … SELECT is not supported; write CREATE STREAM {stream.text} AS SELECT …"
        )
    cursor.expects("VALUES")
    rows = [_row(cursor)]
    while cursor.takes(","):
        rows.append(_row(cursor))
    return Insert(cursor.script, at, stream, tuple(names), tuple(rows))


def _row(cursor: Cursor) -> tuple[Literally, ...]:
    cursor.expects("(")
    values = [literal(cursor)]
    while cursor.takes(","):
        values.append(literal(cursor))
    cursor.expects(")")
    return tuple(values)


def _define(cursor: Cursor) -> Define:
    at = cursor.at
    cursor.expects("DEFINE")
    name = cursor.name("a parameter's name").text
    cursor.expects("=")
    value = literal(cursor)
    return Define(cursor.script, at, name, str(value.value))
