"""Rows into a table of PostgreSQL: made if it is missing, each row once, a revision in place of what it revises.

.. code-block:: yaml

    monitors:
      spending:
        stream: payments
        window: {type: tumbling, size: 1m, by: account, compute: {spent: sum(amount)}}
        write: {type: postgres, url: "${DATABASE_URL}", table: spending}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from streamgauge.batch import ColumnKind
from streamgauge.errors import OutsideError
from streamgauge.settings import Names, PositiveDuration, nearest
from streamgauge.sinks.contract import Outcome, Prepared, SinkConfig, SpooledRow
from streamgauge.sinks.postgres_table import NAME, PostgresTable, as_text
from streamgauge.sinks.postgres_words import explained, first_line

if TYPE_CHECKING:
    import psycopg

ID, MORE = "_id", "_more"
"""The column that names each row for good, and that of what only some rows have, such as ``partial``."""


class Config(SinkConfig):
    """What may be written beside ``type: postgres``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["postgres"] = "postgres"
    url: Annotated[str, Field(pattern=r"^postgres(ql)?://.+")]
    """`postgresql://USER@HOST/DATABASE`; its password belongs in `${NAME}`."""
    table: Annotated[str, Field(pattern=NAME)]
    """Its name, or `schema.name`; it is made from the columns of the rows if it is missing."""
    unique: Names = ()
    """The columns whose values name a row, such as `[ip, ds]`; default: the row's id, in a column `_id`."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long one answer of the server may take."""

    def mistakes(self, columns: Mapping[str, ColumnKind], *, revises: bool) -> Iterator[tuple[str, str]]:
        """Names that are not there, or that are ours."""
        for name in self.unique:
            if name not in columns:
                yield "unique", f"`{name}` is no column of the rows; {nearest(name, columns)}"
        if revises and self.unique:
            yield "unique", "with `emit: changes` rows are taken back by their id; leave `unique` out"
        for name in columns:
            if name in (ID, MORE) or len(name.encode()) > 63:
                yield "columns", f"`{name}` cannot be the name of a column here; call it otherwise"


class PostgresSink:
    """Lays rows down beside the table and takes them over in one statement, the later one of two with one id."""

    def __init__(self, config: Config, columns: Mapping[str, ColumnKind]) -> None:
        self._name = config.table
        self._unique = config.unique
        self._columns = dict(columns)
        named: dict[str, ColumnKind] = {} if self._unique else {ID: "string"}
        more: dict[str, ColumnKind] = {MORE: "map"}
        self._table = PostgresTable(
            config.url,
            config.table,
            columns={**named, **columns, **more},
            identity=self._unique or (ID,),
            timeout=config.timeout.total_seconds(),
            optional=(MORE,),
        )

    def __repr__(self) -> str:
        return f"PostgresSink({self._table.where})"

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        """Write them together; those that the table cannot take are found and refused by themselves."""
        import psycopg

        written: list[int] = []
        refused: dict[int, str] = {}
        trouble = ""
        waiting = [list(rows)]
        try:
            while waiting:
                waiting += self._try(waiting.pop(), written, refused)
        except psycopg.Error as error:
            trouble = explained(self._table.where, error)
        except OutsideError as error:
            trouble = str(error)
        if trouble:
            self._table.close()
        return Outcome(written, refused, trouble)

    def prepare(self, keys: Sequence[str]) -> Iterator[Prepared]:
        """Make the table, or look whether it fits."""
        import psycopg

        try:
            self._table.connect()
        except psycopg.Error as error:
            raise OutsideError(explained(self._table.where, error)) from error
        yield Prepared("table", self._name, self._table.made)

    def close(self) -> None:
        """Let go of the connection."""
        self._table.close()

    def _try(
        self, rows: list[SpooledRow], written: list[int], refused: dict[int, str]
    ) -> list[list[SpooledRow]]:
        """Write some; where the table refuses one of them, the two halves are to be tried, the earlier one last.

        So too where it takes two of them for one, such as texts of one address in an `inet`: apart, the later one holds.
        """
        import psycopg
        from psycopg.errors import CardinalityViolation

        try:
            with self._table.transaction() as connection:
                self._put(connection, rows)
        except (psycopg.DataError, psycopg.IntegrityError, CardinalityViolation, _NamelessError) as error:
            if len(rows) > 1:
                return [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
            refused[rows[0].sequence] = first_line(error)
        else:
            written += [row.sequence for row in rows]
        return []

    def _put(self, connection: psycopg.Connection[Any], rows: Sequence[SpooledRow]) -> None:
        import msgspec

        decode = msgspec.json.Decoder(dict[str, Any]).decode
        newest: dict[tuple[Any, ...], tuple[Any, ...] | None] = {}
        for row in rows:
            body = decode(row.body)
            newest[self._identity(row.id, body)] = (
                None if body.get("deleted") is True else self._values(row.id, body)
            )
        gone = [str(name) for (name, *_), values in newest.items() if values is None]
        if gone:
            self._table.delete(connection, gone)
        self._table.put(connection, [values for values in newest.values() if values is not None])

    def _identity(self, row_id: str, body: Mapping[str, Any]) -> tuple[Any, ...]:
        missing = [name for name in self._unique if body.get(name) is None]
        if missing:
            raise _NamelessError(f"{missing[0]} is missing, and names the row")
        return tuple(body[name] for name in self._unique) or (row_id,)

    def _values(self, row_id: str, body: Mapping[str, Any]) -> tuple[Any, ...]:
        """What the table's columns get, in their order."""
        more = {name: value for name, value in body.items() if name not in self._columns}
        beside = {ID: row_id, MORE: json.dumps(more) if more else None}
        return tuple(
            _plain(body.get(name)) if name in self._columns else beside[name] for name in self._table.there
        )


class _NamelessError(Exception):
    """A row has no value in a column of ``unique``."""


def _plain(value: Any) -> Any:
    """As COPY takes it: lists and maps as JSON; the character 0, which PostgreSQL has no place for, as its picture."""
    if isinstance(value, str):
        return as_text(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def open_sink(config: Config, _name: str, columns: Mapping[str, ColumnKind]) -> PostgresSink:
    """The sink of ``config``; it connects with the first rows.

    Raises:
        ConfigError: psycopg is not installed, or the address is none.
    """
    return PostgresSink(config, columns)
