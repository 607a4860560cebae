"""PostgreSQL's tables of window results are divided by time: old parts are dropped whole, where SQLite deletes rows.

A part holds what ended in one stretch of event time, a quarter of what is kept or less. It is made with the first row that
falls into it, beside the table and then attached, so that no reader waits; and it is dropped once no monitor wants
anything of it. What a monitor does not want any more and that still lies there is hidden from those who read
(:func:`wanted`), so a look shows the same as SQLite does. A reader who is in the middle of the table makes a drop wait for
a later commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from streamgauge.clock import to_micros
from streamgauge.stores.schema import meta

KEPT: Final = "history_kept"
"""The name in ``meta`` of the microseconds that window results are kept."""

LENGTHS: Final = tuple(
    to_micros(length)
    for length in (
        timedelta(days=30), timedelta(days=7), timedelta(days=1), timedelta(hours=6), timedelta(hours=1),
        timedelta(minutes=10), timedelta(minutes=1),
    )
)  # fmt: skip
"""How much of event time a part may hold."""

_PATIENCE: Final = "50ms"
"""So long a drop waits for readers; they are asked again at a later commit."""

_PARTS: Final = text(
    "SELECT c.oid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits AS i "
    "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:name)"
)
_BOUND: Final = r"(?:'(-?\d+)'|MINVALUE|MAXVALUE)"
_BOUNDS: Final = re.compile(rf"FROM \({_BOUND}\) TO \({_BOUND}\)")
_FIRST, _LAST = -(2**63), 2**63 - 1


class Part(NamedTuple):
    """A part of a table: its name as SQL, and the ends that it holds, ``start <= last_end < end``."""

    name: str
    start: int
    end: int


def divided(connection: Connection) -> bool:
    """Whether tables of this database are divided."""
    return connection.dialect.name == "postgresql"


def note(connection: Connection, keep: timedelta) -> None:
    """Write down how long is kept, for whoever reads; within a transaction that writes."""
    if not divided(connection):
        return
    connection.execute(
        text(
            "INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value"
        ),
        {"name": KEPT, "value": str(to_micros(keep))},
    )


def wanted(connection: Connection, table: Table, monitor: str) -> list[ColumnElement[bool]]:
    """The condition for what a monitor still keeps; none where what it does not is deleted."""
    if not divided(connection):
        return []
    kept = connection.execute(select(meta.c.value).where(meta.c.name == KEPT)).scalar()
    newest = connection.execute(select(func.max(table.c.last_end)).where(table.c.monitor == monitor)).scalar()
    return [] if kept is None or newest is None else [table.c.last_end >= newest - int(kept)]


def make(connection: Connection, table: Table, ends: Iterable[int], keep: timedelta) -> bool:
    """Have a part for each end; whether one was made. For the one who writes, in a transaction."""
    parts, made = parts_of(connection, table), False
    for end in sorted(set(ends)):
        if not any(part.start <= end < part.end for part in parts):
            parts.append(_attach(connection, table, _fresh(table, parts, end, keep)))
            made = True
    return made


def drop(connection: Connection, table: Table, keep: timedelta) -> bool:
    """Drop the parts that nobody wants; False where a reader was in the way, and it is to be tried again.

    Of a monitor that has not been written to for long its rows stay, and with them their part: of that only what others
    do not want is deleted.
    """
    ends = select(table.c.monitor, func.max(table.c.last_end)).group_by(table.c.monitor)
    newest: dict[str, int] = {row[0]: row[1] for row in connection.execute(ends)}
    if not newest:
        return True
    least = to_micros(keep)
    old = [part for part in parts_of(connection, table) if part.end <= max(newest.values()) - least]
    over = [part for part in old if not _still_wanted(connection, part, newest, least)]
    for part in old:
        if part not in over:
            _thin(connection, part, newest, least)
    return all(_dropped(connection, part) for part in over)


def parts_of(connection: Connection, table: Table) -> list[Part]:
    """The parts that there are, the earliest first."""
    found = []
    for name, bounds in connection.execute(_PARTS, {"name": table.name}):
        said = _BOUNDS.search(bounds)
        assert said is not None, bounds
        start, end = (None if bound is None else int(bound) for bound in said.groups())
        found.append(Part(name, _FIRST if start is None else start, _LAST if end is None else end))
    return sorted(found, key=lambda part: part.start)


def _fresh(table: Table, parts: Sequence[Part], end: int, keep: timedelta) -> Part:
    """A part for ``end`` that meets no other; parts that were made while another time was kept have other lengths."""
    length = next((one for one in LENGTHS if one <= to_micros(keep) // 4), LENGTHS[-1])
    start = end // length * length
    first = max([start, *(part.end for part in parts if part.end <= end)])
    last = min([start + length, *(part.start for part in parts if part.start > end)])
    return Part(f"{table.name}_{first}".replace("-", "m"), first, last)


def _attach(connection: Connection, table: Table, part: Part) -> Part:
    """Made beside the table and attached: to make it within would keep readers out."""
    connection.execute(text(f'CREATE TABLE "{part.name}" (LIKE {table.name} INCLUDING ALL)'))
    connection.execute(
        text(
            f'ALTER TABLE {table.name} ATTACH PARTITION "{part.name}" FOR VALUES FROM ({part.start}) TO ({part.end})'
        )
    )
    return part


def _still_wanted(connection: Connection, part: Part, newest: dict[str, int], least: int) -> bool:
    monitors = connection.execute(text(f"SELECT DISTINCT monitor FROM {part.name}")).scalars()  # noqa: S608  its name comes from the server, quoted
    return any(newest[monitor] - least < part.end for monitor in monitors)


def _thin(connection: Connection, part: Part, newest: dict[str, int], least: int) -> None:
    bounds: list[dict[str, Any]] = [
        {"whose": monitor, "before": end - least}
        for monitor, end in newest.items()
        if end - least >= part.end
    ]
    if bounds:
        query = f"DELETE FROM {part.name} WHERE monitor = :whose AND last_end < :before"  # noqa: S608  as above
        connection.execute(text(query), bounds)


def _dropped(connection: Connection, part: Part) -> bool:
    try:
        with connection.begin_nested():
            before = connection.execute(text("SELECT current_setting('lock_timeout')")).scalar()
            connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            connection.execute(text(f"DROP TABLE {part.name}"))
            connection.execute(text(f"SET LOCAL lock_timeout = '{before}'"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "55P03":
            raise
        return False
    return True
