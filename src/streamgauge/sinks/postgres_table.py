"""A table in PostgreSQL that rows go into, each overwriting the one that has its identity.

The table is made where it is missing, and looked at where it is there: what does not fit is said before the first row.
Needs the extra ``postgres``.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from streamgauge.batch import ColumnKind
from streamgauge.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    import psycopg

NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$"
"""How a table may be called: ``logs``, or with its schema, ``network.logs``."""

TYPES: Final[Mapping[ColumnKind, str]] = {
    "string": "text",
    "int": "bigint",
    "float": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "list": "jsonb",
    "map": "jsonb",
}
"""What a column is made as."""

_NUMBERS = frozenset({"bigint", "integer", "smallint", "numeric", "double precision", "real"})
_TEXTS = frozenset({"text", "character varying", "character"})
_JSON = frozenset({"jsonb", "json"})
_FITTING: Mapping[ColumnKind, frozenset[str]] = {
    "string": _TEXTS | {"inet", "uuid"},
    "int": _NUMBERS,
    "float": frozenset({"double precision", "real", "numeric"}),
    "bool": frozenset({"boolean"}),
    "timestamp": frozenset({"timestamp with time zone", "timestamp without time zone"}),
    "list": _JSON | _TEXTS,
    "map": _JSON | _TEXTS,
}
"""As what a column may be there already."""

_COLUMNS = (
    "SELECT a.attname, format_type(a.atttypid, NULL), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' "
    "FROM pg_attribute AS a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped"
)
_UNIQUE = (
    "SELECT ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)) "
    "FROM pg_index AS i WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL"
)
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('streamgauge table'), hashtext(%s))"
_STAGE = "streamgauge_rows"


class TableError(OutsideError):
    """The table does not fit the rows; nothing was written."""


class PostgresTable:
    """One table.

    Args:
        url: ``postgresql://USER@HOST/DATABASE``.
        table: its name, with or without a schema.
        columns: what a row holds, in order.
        identity: the columns whose values tell one row from another.
        timeout: seconds for one call of the server.
        optional: columns that are made with the table, and left out where an older table lacks them.

    Raises:
        ConfigError: psycopg is not installed, or the address is none.
    """

    def __init__(
        self,
        url: str,
        table: str,
        *,
        columns: Mapping[str, ColumnKind],
        identity: Sequence[str],
        timeout: float,
        optional: Sequence[str] = (),
    ) -> None:
        self.where = f"table {table} in {place_of(url)}"
        self._url = url
        self._table = table
        self._columns = dict(columns)
        self._identity = list(identity)
        self._optional = frozenset(optional)
        self._timeout = timeout
        self._connection: psycopg.Connection[Any] | None = None
        self.there: list[str] = []
        """The columns that the table has of ours, known after :meth:`connect`."""
        self.types: dict[str, str] = {}
        """Of what type each of them is there, likewise."""
        self.made = False
        """Whether it was made by us, likewise."""
        _library(url)

    def connect(self) -> psycopg.Connection[Any]:
        """The connection, with the table there and fitting.

        Raises:
            psycopg.Error: it cannot be had now.
            TableError: the table does not fit.
        """
        if self._connection is not None and not self._connection.closed:
            return self._connection
        self.close()
        connection = _opened(self._url, self._timeout)
        try:
            with bounded(connection, self._timeout), connection.transaction():
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """What happens within is committed together; in the time that one call may take.

        Raises:
            psycopg.Error: nothing of it is surely there.
            TableError: the table does not fit.
        """
        connection = self.connect()
        try:
            with bounded(connection, self._timeout), connection.transaction():
                yield connection
        except OSError as error:
            self.close()
            raise OutsideError(f"{self.where}: {error}") from error

    def put(
        self, connection: psycopg.Connection[Any], rows: Sequence[Sequence[Any]], *, merge: bool = False
    ) -> None:
        """Write rows, each with a value per column of :attr:`there`; no two with one identity.

        With ``merge`` a missing value leaves what the table has.
        """
        from psycopg import sql

        names = [sql.Identifier(name) for name in self.there]
        fields = sql.SQL(", ").join(names)
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(_STAGE), fields)
        with connection.cursor() as cursor:
            with cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(self._upsert(fields, merge=merge))
            cursor.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(_STAGE)))

    def delete(self, connection: psycopg.Connection[Any], ids: Sequence[str]) -> None:
        """Remove rows by the one column that names them."""
        from psycopg import sql

        (name,) = self._identity
        query = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(self.identifier, sql.Identifier(name))
        connection.execute(query, [list(ids)])

    @property
    def identifier(self) -> Any:
        """The table's name as SQL."""
        from psycopg import sql

        return sql.Identifier(*self._table.split("."))

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            with suppress(Exception):  # it may be broken in any way
                self._connection.close()
        self._connection = None

    def _upsert(self, fields: Any, *, merge: bool) -> Any:
        from psycopg import sql

        changed = [name for name in self.there if name not in self._identity]
        new = "{0} = COALESCE(EXCLUDED.{0}, old.{0})" if merge else "{0} = EXCLUDED.{0}"
        sets = sql.SQL(", ").join(sql.SQL(new).format(sql.Identifier(name)) for name in changed)
        by = sql.SQL(", ").join(map(sql.Identifier, self._identity))
        update = sql.SQL("DO UPDATE SET {}").format(sets) if changed else sql.SQL("DO NOTHING")
        return sql.SQL(
            "INSERT INTO {table} AS old ({fields}) SELECT {fields} FROM {stage} ON CONFLICT ({by}) {update}"
        ).format(table=self.identifier, fields=fields, stage=sql.Identifier(_STAGE), by=by, update=update)

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Make the table or look whether it fits, and the place where rows are laid down first."""
        from psycopg import sql

        connection.execute(_LOCK, [self._table])
        found = self._found(connection)
        if not found:
            fields = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(TYPES[kind]))
                for name, kind in self._columns.items()
            ]
            fields.append(
                sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, self._identity)))
            )
            connection.execute(
                sql.SQL("CREATE TABLE {} ({})").format(self.identifier, sql.SQL(", ").join(fields))
            )
            found = self._found(connection)
            self.made = True
        self._check(connection, found)
        self.there = [name for name in self._columns if name in found]
        self.types = {name: found[name][0] for name in self.there}
        listed = sql.SQL(", ").join(map(sql.Identifier, self.there))
        connection.execute(
            sql.SQL("CREATE TEMP TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(
                sql.Identifier(_STAGE), listed, self.identifier
            )
        )

    def _found(self, connection: psycopg.Connection[Any]) -> dict[str, tuple[str, bool]]:
        """By column its type and whether it must be given."""
        quoted = ".".join(f'"{part}"' for part in self._table.split("."))
        return {name: (kind, must) for name, kind, must in connection.execute(_COLUMNS, [quoted])}

    def _check(self, connection: psycopg.Connection[Any], found: Mapping[str, tuple[str, bool]]) -> None:
        wrong = []
        for name, kind in self._columns.items():
            if name not in found:
                if name not in self._optional:
                    wrong.append(f"it has no column {name} ({TYPES[kind]})")
            elif found[name][0] not in _FITTING[kind]:
                wrong.append(f"its column {name} is {found[name][0]}, and the rows hold {TYPES[kind]}")
        wrong += [
            f"its column {name} must be given, and the rows have none"
            for name, (_, must) in found.items()
            if must and name not in self._columns
        ]
        quoted = ".".join(f'"{part}"' for part in self._table.split("."))
        indexes = [set(names) for (names,) in connection.execute(_UNIQUE, [quoted])]
        if set(self._identity) not in indexes and not wrong:
            by = ", ".join(self._identity)
            wrong.append(
                f"it has no unique index over ({by}), by which a repeated row is known: add UNIQUE ({by})"
            )
        if wrong:
            raise TableError(
                f"{self.where} does not fit: {'; '.join(wrong)}. Alter it, or name another `table`"
            )


@contextmanager
def bounded(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Within the block a server that answers no more, such as a frozen one, is cut off after so many seconds."""
    with closing(socket.socket(fileno=os.dup(connection.fileno()))) as wire:

        def cut() -> None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def as_text(text: str) -> str:
    r"""A text with the character 0, which PostgreSQL has no place for, as its picture.

    >>> as_text("a\0")
    'a␀'
    """
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def place_of(url: str) -> str:
    """The database for people: without password and options.

    >>> place_of("postgresql://gauge:secret@db:5432/network?sslmode=require")
    'postgresql://gauge@db:5432/network'
    """
    return re.sub(r"://([^/@:]*):[^/@]*@", r"://\1@", url.partition("?")[0])


def _library(url: str) -> None:
    """Say at once what is missing or wrong."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ConfigError(
            f"{place_of(url)} needs the library psycopg; install it: pip install 'streamgauge[postgres]'"
        ) from error
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError(f"{place_of(url)} is no address of a database: {str(error).strip()}") from None


def _opened(url: str, timeout: float) -> psycopg.Connection[Any]:
    import psycopg

    patience = max(2, round(timeout))  # libpq takes no less
    connection = psycopg.connect(
        url, connect_timeout=patience, application_name="streamgauge", autocommit=True
    )
    connection.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('TimeZone', 'UTC', false)",
        [f"{max(1, round(timeout * 1000))}ms"],
    )
    return connection
