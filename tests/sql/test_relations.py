"""What `run` makes of tables and streams over what other statements made: the rows that `query` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.clock import iso
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.sql.live import live
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given, plan
from streamgauge.sql.relations import replaced
from streamgauge.sql.running import Run
from streamgauge.sql.script import Script
from tests.sql.asking import BEGINNING, STREAM, Row, mock

ROWS: tuple[Row, ...] = tuple((n * 1.25, "abc"[n % 3] if n % 7 else None, n * 1.5) for n in range(120))
FIVE = "WINDOW TUMBLING (SIZE 5 SECONDS)"
MINUTE = "WINDOW TUMBLING (SIZE 1 MINUTE)"

SCRIPTS = {
    "a table over a table with computed and renamed columns": f"""
        CREATE TABLE half AS SELECT account AS who, SUM(amount) / 2 AS half, COUNT(*) AS n FROM s {FIVE}
            GROUP BY account HAVING COUNT(*) > 1 EMIT FINAL;
        CREATE TABLE top AS SELECT who, MAX(half) + 1 AS most, SUM(n) AS events FROM half {MINUTE}
            WHERE half > 10 GROUP BY who EMIT FINAL;""",
    "a third table, over a renamed key": f"""
        CREATE TABLE one AS SELECT account AS who, COUNT(*) AS n FROM s {FIVE} GROUP BY account EMIT FINAL;
        CREATE TABLE two AS SELECT who AS whose, SUM(n) * 2 AS m FROM one WINDOW TUMBLING (SIZE 20 SECONDS)
            GROUP BY who HAVING SUM(n) > 1 EMIT FINAL;
        CREATE TABLE top AS SELECT whose, MAX(m) AS m, MIN(WINDOWSTART) AS first FROM two {MINUTE} GROUP BY whose EMIT FINAL;""",
    "a table over a stream of a stream": f"""
        CREATE STREAM large AS SELECT account AS who, amount * 2 AS twice, country FROM s WHERE amount > 9;
        CREATE STREAM swiss AS SELECT who, twice + 1 AS more FROM large WHERE country = 'CH';
        CREATE TABLE top AS SELECT who, SUM(more) AS more, COUNT(*) AS n FROM swiss {FIVE} GROUP BY who EMIT FINAL;""",
    "a table that groups by what a stream computed": f"""
        CREATE STREAM named AS SELECT UCASE(account) AS upper, amount FROM s;
        CREATE TABLE top AS SELECT upper, COUNT(*) AS n, MAX(amount) AS most FROM named {FIVE} GROUP BY upper EMIT FINAL;""",
    "a table over sessions": f"""
        CREATE TABLE visits AS SELECT account, COUNT(*) AS n FROM s WINDOW SESSION (5 SECONDS) GROUP BY account EMIT FINAL;
        CREATE TABLE top AS SELECT account, MAX(n) AS longest FROM visits {MINUTE} GROUP BY account EMIT FINAL;""",
}


def asked(script: str) -> list[dict[str, Any]]:
    """The rows of the last table, as `query` gives them."""
    statements = parse([Script("asked.sql", mock(ROWS) + script)])
    return list(list(Run(plan(statements, Given())).answers())[-1].lines())


def ran(script: str, folder: Path) -> list[dict[str, Any]]:
    """The same as `run` writes them: its configuration over files instead of topics."""
    plain = live(parse([Script("ran.sql", STREAM + script)]), Given()).plain
    (folder / "s.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records()))
    for stream in plain["streams"].values():
        stream["source"] = {"type": "files", "path": str(folder / "s.ndjson")}
    for name, part in [*plain["streams"].items(), *plain["monitors"].items()]:
        if "write" in part:
            kept = {key: part["write"][key] for key in ("columns", "where") if key in part["write"]}
            part["write"] = {"type": "files", "path": str(folder / "lake" / name), **kept}
    Session(load({**plain, "store": f"sqlite:///{folder}/store.db"})).run()
    found = pl.read_parquet(folder / "lake" / "top" / "*.parquet").drop("_id")
    moments = [name for name, kind in found.schema.items() if kind == pl.Datetime("us", "UTC")]
    found = found.with_columns(pl.col(name).dt.epoch("us") for name in moments)
    return [{**row, **{name: iso(row[name]) for name in moments}} for row in found.iter_rows(named=True)]


def records() -> list[dict[str, Any]]:
    """What `mock` inserts, as messages."""
    made = []
    for number, (second, account, amount) in enumerate(ROWS, 1):
        at = round((BEGINNING.timestamp() + second) * 1000)
        country = "CH" if number % 2 else "DE"
        made.append(
            {"account": account, "amount": amount, "n": number, "ok": True, "country": country, "at": at}
        )
    return made


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
def test_run_writes_the_rows_that_query_gives(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    expected = asked(script)
    assert len(expected) > 2

    def order(row: dict[str, Any]) -> str:
        return json.dumps(row, sort_keys=True)

    assert sorted(ran(script, tmp_path), key=order) == sorted(expected, key=order)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a", "x + 1"),
        ("a > 3", "(x + 1) > 3"),
        ("b > 3 and a is null", "y > 3 and (x + 1) is null"),
        ("'a' || b", "'a' || y"),
        ("b('b', b)", "b('b', y)"),
        ("cast(b as b)", "cast(y as b)"),
        ('"c->d" + "a"', "z + (x + 1)"),
        ("1.5 * b2", "1.5 * b2"),
        ("sum(distinct b)", "sum(distinct y)"),
    ],
)
def test_names_are_replaced_where_they_are_columns(text: str, made: str):
    texts = {"a": "x + 1", "b": "y", "c->d": "z"}
    assert replaced(text, texts) == (f"({made})" if text == "a" else made)
