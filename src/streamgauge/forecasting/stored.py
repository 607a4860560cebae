"""Forecasts in a table of PostgreSQL, of each series and moment the last one made before it; and how they came out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamgauge.errors import ConfigError, OutsideError
from streamgauge.sinks.postgres_table import NAME, PostgresTable, place_of
from streamgauge.sinks.postgres_words import explained

NUMBERS: Final = ("yhat", "yhat_lower", "yhat_upper")
SCORES: Final = "_scores"
"""Behind the table's name: the table of how its forecasts came out."""
_MEASURES: Final = ("mae", "rmse", "coverage")
AT_ONCE: Final = 20_000
PATIENCE: Final = 60.0
"""Seconds that one write may take."""


class Stored:
    """One table: key, ``ds``, ``yhat``, ``yhat_lower``, ``yhat_upper``, ``model``, ``made_at``; and one of scores beside it.

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
        if key in (*NUMBERS, *_MEASURES, "ds", "model", "made_at", "since", "until", "compared"):
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
        self._scores = PostgresTable(
            url,
            f"{table}{SCORES}",
            columns={
                key: "string",
                "since": "timestamp",
                "until": "timestamp",
                "compared": "int",
                **dict.fromkeys(_MEASURES, "float"),
                "made_at": "timestamp",
            },
            identity=(key,),
            timeout=PATIENCE,
        )

    def __str__(self) -> str:
        return self._where

    def put(self, rows: Sequence[Mapping[str, Any]], made_at: str) -> int:
        """Write rows of a forecast, each over the one that was made of its moment before; how many.

        Raises:
            OutsideError: the server is away, or the table does not fit.
        """
        lines = [
            (row["key"] or "", row["ds"], *[row[name] for name in NUMBERS], row["model"], made_at)
            for row in rows
        ]
        self._write(self._table, lines)
        return len(lines)

    def put_scores(self, rows: Sequence[Mapping[str, Any]], made_at: str) -> None:
        """Write how the forecasts of each series came out, over what was said before; the table is made with the first.

        Args:
            rows: as :func:`~streamgauge.forecasting.scores.scores_of` gives them.
            made_at: when; the wall clock, ISO 8601.

        Raises:
            OutsideError: the server is away, or the table does not fit.
        """
        names = ("since", "until", "compared", *_MEASURES)
        lines = [(row["key"] or "", *[row[name] for name in names], made_at) for row in rows]
        if lines:
            self._write(self._scores, lines)

    def _write(self, table: PostgresTable, lines: Sequence[Sequence[Any]]) -> None:
        import psycopg

        try:
            for start in range(0, len(lines), AT_ONCE):
                with table.transaction() as connection:
                    table.put(connection, lines[start : start + AT_ONCE])
        except psycopg.Error as error:
            raise OutsideError(explained(table.where, error)) from error
        finally:
            table.close()
