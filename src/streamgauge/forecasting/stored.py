"""Forecasts in a table of PostgreSQL: of each series and moment the last one that was made before it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamgauge.errors import ConfigError, OutsideError
from streamgauge.sinks.postgres_table import NAME, PostgresTable, place_of
from streamgauge.sinks.postgres_words import explained

NUMBERS: Final = ("yhat", "yhat_lower", "yhat_upper")
AT_ONCE: Final = 20_000
PATIENCE: Final = 60.0
"""Seconds that one write may take."""


class Stored:
    """One table: key, ``ds``, ``yhat``, ``yhat_lower``, ``yhat_upper``, ``model``, ``made_at``.

    Args:
        url: ``postgresql://USER@HOST/DATABASE``.
        table: its name, or ``schema.name``; it is made if it is missing.
        key: its column for the series.

    Raises:
        ConfigError: psycopg is not installed, the address is none, or a name cannot be one.
    """

    def __init__(self, url: str, table: str, key: str) -> None:
        for name in (table, key):
            if not re.fullmatch(NAME, name):
                raise ConfigError(f"`{name}` cannot be a name in PostgreSQL here; use letters, digits and _")
        if key in (*NUMBERS, "ds", "model", "made_at"):
            raise ConfigError(f"--key: `{key}` is the name of another column of the table; call it otherwise")
        self._where = f"table {table} in {place_of(url)}"
        self._table = PostgresTable(
            url,
            table,
            columns={
                key: "string",
                "ds": "timestamp",
                **dict.fromkeys(NUMBERS, "float"),
                "model": "string",
                "made_at": "timestamp",
            },
            identity=(key, "ds"),
            timeout=PATIENCE,
        )

    def __str__(self) -> str:
        return self._where

    def put(self, rows: Sequence[Mapping[str, Any]], made_at: str) -> int:
        """Write rows of a forecast, each over the one that was made of its moment before; how many.

        Raises:
            OutsideError: the server is away, or the table does not fit.
        """
        import psycopg

        lines = [
            (row["key"] or "", row["ds"], *[row[name] for name in NUMBERS], row["model"], made_at)
            for row in rows
        ]
        try:
            for start in range(0, len(lines), AT_ONCE):
                with self._table.transaction() as connection:
                    self._table.put(connection, lines[start : start + AT_ONCE])
        except psycopg.Error as error:
            raise OutsideError(explained(self._where, error)) from error
        finally:
            self._table.close()
        return len(lines)
