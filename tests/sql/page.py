"""Writes docs/sql-cases.md of the cases that the tests run: ``python -m tests.sql.page``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.sql import cases, cases_changing
from tests.sql.asking import SIX, Row
from tests.sql.cases import Case

PAGE = Path(__file__).parents[2] / "docs" / "sql-cases.md"
SECTIONS: Sequence[tuple[str, Sequence[Case]]] = (
    ("Windows", cases.WINDOWS),
    ("Time and final results", [*cases.TIME, *cases_changing.GRACE]),
    ("Changes", cases_changing.CHANGES),
    ("Tombstones", cases_changing.TOMBSTONES),
    ("Sessions", cases_changing.SESSIONS),
    ("Nulls", cases_changing.NULLS),
    ("Aggregates", cases.AGGREGATES),
    ("Conditions and parameters", cases.CONDITIONS),
    ("Computed keys", cases_changing.COMPUTED),
)
HEAD = """\
# What statements answer, case by case

ksqlDB's behaviour for windowed aggregates, as its documentation describes it, in one sentence per case. Each of them
runs as a test, and this page is written from those tests. [SQL](sql.md) says what is understood, and where we differ.

A record is *second account amount* (`–` is null); besides, `n` counts the records from 1, `ok` is true for odd ones, and
`country` is CH and DE by turns. Where no records are named, they are `{six}`.
In the rows, moments are seconds too; the last two values are the window's bounds. `gone` marks a tombstone.
"""


def text() -> str:
    """The whole page."""
    parts = [HEAD.format(six=_records(SIX))]
    for title, listed in SECTIONS:
        parts.append(f"\n## {title}\n\n| case | statement | rows |\n|---|---|---|\n")
        parts += [_row(case) for case in listed]
    return "".join(parts)


def _row(case: Case) -> str:
    given = "" if case.rows == SIX else f"<br>records `{_records(case.rows)}`"
    if case.parameters:
        given += "<br>" + " ".join(f"`--set {name}={value}`" for name, value in case.parameters.items())
    given += f"<br>`--lateness {case.lateness:g}s`" if case.lateness else ""
    given += "" if case.flush else "<br>`--no-flush`"
    rows = "<br>".join(f"`{_shown(row)}`" for row in case.expected) or "none"
    sql = " ".join(case.sql.split())
    return f"| {case.sentence} | `{sql}`{given} | {rows} |\n"


def _records(rows: Sequence[Row]) -> str:
    return ", ".join(" ".join(map(_value, row)) for row in rows)


def _shown(row: Sequence[Any]) -> str:
    gone = row[-1] is True
    values = [_value(value) for value in (row[:-1] if gone else row)]
    return " ".join([*values, "gone"] if gone else values)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float | int) and abs(value) < 1e9 else str(value)


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
