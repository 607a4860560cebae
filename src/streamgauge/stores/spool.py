"""Rows on their way to a sink: they enter with the commit that decided them, and go once they have arrived.

A row that is decided anew while an older one with its id still waits takes that one's place, at the end of the
queue: what leaves is always the newest, and an answer about the older one cannot take the newer one away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, func, select

from streamgauge.sinks.contract import SpooledRow
from streamgauge.stores.contract import DecidedRow
from streamgauge.stores.schema import spool
from streamgauge.stores.sections import Insert

_AT_ONCE = 500

LONGEST = 1_000
"""Bytes of a row's name. An index of PostgreSQL's takes some 2,700, and the key in an id may be of any length."""


def named(row_id: str) -> str:
    """The name under which a row waits and leaves: its id; of a very long one the beginning, and what tells it from all others.

    >>> named("monitor m/a/1/2")
    'monitor m/a/1/2'
    """
    text = row_id.encode("utf-8", "surrogatepass")
    return row_id if len(text) <= LONGEST else f"{row_id[:200]}…{hashlib.sha256(text).hexdigest()}"


def write(connection: Connection, insert: Insert, rows: Sequence[DecidedRow]) -> None:
    """Put rows in, in their order."""
    if not rows:
        return
    revised = [{"its_sink": row.sink, "its_row": named(row.id)} for row in rows if row.revises]
    if revised:
        older = (spool.c.sink == bindparam("its_sink"), spool.c.row == bindparam("its_row"))
        connection.execute(delete(spool).where(*older), revised)
    values = [{"sink": row.sink, "row": named(row.id), "key": row.key, "body": row.body} for row in rows]
    statement = insert(spool)  # decided again after a damage, it may wait still: as it is, at its place
    again = {"key": statement.excluded.key, "body": statement.excluded.body}
    connection.execute(statement.on_conflict_do_update(index_elements=["sink", "row"], set_=again), values)


def waiting(connection: Connection, sink: str, limit: int) -> list[SpooledRow]:
    """The oldest rows of a sink, in order."""
    query = select(spool).where(spool.c.sink == sink).order_by(spool.c.sequence).limit(limit)
    return [SpooledRow(row.sequence, row.row, row.key, row.body) for row in connection.execute(query)]


def depth(connection: Connection) -> dict[str, int]:
    """How many rows wait, by sink."""
    query = select(spool.c.sink, func.count()).group_by(spool.c.sink).order_by(spool.c.sink)
    return {sink: count for sink, count in connection.execute(query)}  # noqa: C416  rows are no pairs to mypy


def remove(connection: Connection, sequences: Sequence[int]) -> None:
    """These have arrived, or never can."""
    for start in range(0, len(sequences), _AT_ONCE):
        gone = spool.c.sequence.in_(sequences[start : start + _AT_ONCE])
        connection.execute(delete(spool).where(gone))
