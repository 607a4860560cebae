"""Statements over a few records written down in place, run by the real engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from streamgauge.sql.answers import Answer
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given, Plan, plan
from streamgauge.sql.running import Run
from streamgauge.sql.script import Script

STREAM = """CREATE STREAM s (account VARCHAR, amount DOUBLE, n BIGINT, ok BOOLEAN, country VARCHAR, at TIMESTAMP)
  WITH (kafka_topic = 's', value_format = 'JSON', timestamp = 'at');
"""
BEGINNING = datetime(2026, 3, 2, 10, tzinfo=UTC)

Row = tuple[float, str | None, float | None]
"""Second of the minute, account, amount; ``n`` counts up, ``ok`` alternates, ``country`` is CH or DE by turns."""

SIX: tuple[Row, ...] = ((0, "a", 1), (1, "b", 2), (2, "a", 3), (5, "a", 4), (6, "b", None), (9, "a", 6))


def mock(rows: Sequence[Row] = SIX) -> str:
    """The stream ``s`` with these records."""
    lines = [STREAM]
    for number, (second, account, amount) in enumerate(rows, 1):
        who = "NULL" if account is None else f"'{account}'"
        what = "NULL" if amount is None else str(amount)
        is_odd = "TRUE" if number % 2 else "FALSE"
        where = "CH" if number % 2 else "DE"
        at = (BEGINNING + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        lines.append(f"INSERT INTO s VALUES ({who}, {what}, {number}, {is_odd}, '{where}', '{at}');\n")
    return "".join(lines)


def planned(sql: str, parameters: Mapping[str, str] | None = None, lateness: float = 0) -> Plan:
    """The plan of one text."""
    given = Given(parameters or {}, lateness=timedelta(seconds=lateness))
    return plan(parse([Script("test.sql", sql)]), given)


def answers(
    sql: str, parameters: Mapping[str, str] | None = None, *, lateness: float = 0, flush: bool = True
) -> list[Answer]:
    """What each query of the text answers."""
    return list(Run(planned(sql, parameters, lateness), flush=flush).answers())


def ask(sql: str, rows: Sequence[Row] = SIX, **more: Any) -> list[tuple[Any, ...]]:
    """The rows of the last query over ``s``, bounds as seconds of the minute."""
    return [
        tuple(_short(value) for value in line.values())
        for line in answers(mock(rows) + sql, **more)[-1].lines()
    ]


def _short(value: Any) -> Any:
    """``2026-03-02T10:00:05.000Z`` as 5."""
    if not isinstance(value, str) or not value.startswith("2026-03-0"):
        return value
    return (datetime.fromisoformat(value) - BEGINNING).total_seconds()
