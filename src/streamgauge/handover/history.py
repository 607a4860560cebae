"""The history's side: one table with a row per key and moment, written, read back, and one hand-over at a time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from streamgauge.batch import ColumnKind
from streamgauge.errors import OutsideError
from streamgauge.failpoints import DUMPED, reach
from streamgauge.sinks.contract import Prepared
from streamgauge.sinks.postgres_table import PostgresTable, bounded, place_of
from streamgauge.sinks.postgres_words import explained
from streamgauge.sinks.redis_timeseries import HistoryConfig

if TYPE_CHECKING:
    import psycopg

Point: TypeAlias = tuple[str, int, str]
"""Key, millisecond and column."""

PATIENCE: Final = 120.0
"""Seconds that one call of the server may take: a part is tens of thousands of rows."""

_COMPARED: Final = {"inet": "::inet", "uuid": "::uuid"}
"""Types of a key's column that are no texts: by what a text must be made one of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAKE = "SELECT pg_try_advisory_lock(hashtext('streamgauge handover'), hashtext(%s))"
_HOLDER = (
    "SELECT a.application_name, a.client_addr::text, a.pid, a.backend_start FROM pg_locks AS l "
    "JOIN pg_stat_activity AS a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.classid = (hashtext('streamgauge handover')::bigint & 4294967295)::oid "
    "AND l.objid = (hashtext(%s)::bigint & 4294967295)::oid"
)


class History:
    """The table of one hand-over.

    Args:
        config: where it is.
        columns: those that become numbers of it.

    Raises:
        ConfigError: psycopg is not installed, or the address is none.
    """

    def __init__(self, config: HistoryConfig, columns: Sequence[str]) -> None:
        self.where = f"table {config.table} in {place_of(config.url)}"
        self._config = config
        self._columns = list(columns)
        self._identity = (config.key, config.time)
        numbers: dict[str, ColumnKind] = dict.fromkeys(columns, "float")
        self._table = PostgresTable(
            config.url,
            config.table,
            columns={config.key: "string", config.time: "timestamp", **numbers},
            identity=self._identity,
            timeout=PATIENCE,
        )

    def prepare(self) -> Prepared:
        """Make the table, or look whether it fits, before anything is handed over.

        Raises:
            OutsideError: the server is away, or the table does not fit.
        """
        with self._told():
            self._table.connect()
        self._table.close()
        return Prepared("table", self._config.table, self._table.made)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within the block this is the only hand-over into the table; it ends with the process, however that ends.

        Raises:
            OutsideError: another one runs, or the server is away, or the table does not fit.
        """
        with self._told():
            connection = self._table.connect()
            connection.execute(
                "SET synchronous_commit = on"
            )  # what is deleted elsewhere must be on the disk here
            connection.execute("SELECT set_config('application_name', %s, false)", [_our_name()])
            row = connection.execute(_TAKE, [self._config.table]).fetchone()
            if row is None or not row[0]:
                raise OutsideError(
                    f"another hand-over into {self.where} is running: {self._holder(connection)}. Wait until it has "
                    "ended; nothing was done here"
                )
        try:
            yield
        finally:
            self._table.close()

    def take(self, points: Mapping[Point, float]) -> int:
        """Write numbers, each into its row; columns that say nothing of a row leave what it has. The count of rows.

        Raises:
            OutsideError: nothing of it is surely there.
        """
        rows: dict[tuple[str, int], dict[str, float]] = {}
        for (key, at, column), value in points.items():
            rows.setdefault((key, at), {})[column] = value
        lines = [
            (key, _moment(at), *[numbers.get(column) for column in self._columns])
            for (key, at), numbers in rows.items()
        ]
        with self._told(), self._table.transaction() as connection:
            self._table.put(connection, lines, merge=True)
            reach(DUMPED)
        return len(lines)

    def read(self, points: Iterable[Point]) -> dict[Point, float]:
        """What the table holds now of these numbers; what it does not hold is left out.

        Raises:
            OutsideError: the server is away.
        """
        from psycopg import sql

        wanted = set(points)
        places = sorted({(key, at) for key, at, _ in wanted})
        key, time = map(sql.Identifier, self._identity)
        with self._told():
            connection = self._table.connect()
        kind = self._table.types[self._identity[0]]
        query = sql.SQL(
            "SELECT u.k, u.at, {numbers} FROM unnest(%s::text[], %s::bigint[]) AS u(k, at) JOIN {table} AS t "
            "ON t.{key} = u.k{as_type} AND t.{time} = timestamptz 'epoch' + u.at * interval '1 millisecond'"
        ).format(
            numbers=sql.SQL(", ").join(sql.Identifier("t", name) for name in self._columns),
            table=self._table.identifier,
            key=key,
            time=time,
            as_type=sql.SQL(_COMPARED.get(kind, "")),
        )
        with self._told(), bounded(connection, PATIENCE), connection.cursor(binary=True) as cursor:
            cursor.execute(query, [[key for key, _ in places], [at for _, at in places]])
            found = cursor.fetchall()
        return {
            (row[0], row[1], column): float(value)
            for row in found
            for column, value in zip(self._columns, row[2:], strict=True)
            if value is not None and (row[0], row[1], column) in wanted
        }

    def _holder(self, connection: psycopg.Connection[Any]) -> str:
        row = connection.execute(_HOLDER, [self._config.table]).fetchone()
        if row is None:
            return "it has ended just now"
        name, address, pid, since = row
        return f"{name} (server process {pid}, from {address or 'the server itself'}, since {since:%Y-%m-%d %H:%M:%S} UTC)"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the server in words."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            self._table.close()
            raise OutsideError(f"{explained(self.where, error)}. What Redis holds stays there") from error


def _our_name() -> str:
    """Who holds the lock, for whoever meets it."""
    return f"streamgauge handover, process {os.getpid()} on {socket.gethostname()}"[:63]


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)
