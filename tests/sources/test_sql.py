"""Rows of queries, on a real PostgreSQL and on SQLite: as they are, read-only, within their time."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.services.postgresql import PostgresServer
from tests.services.postgresql.server import PASSWORD

from streamgauge.sources.polling.target import TargetError
from streamgauge.sources.sql import Config, Query


def asked(url: str, query: str, seconds: float = 30, **settings: Any) -> list[dict[str, Any]]:
    """The records of one answer."""
    target = Query(Config(url=url, query=query, **settings))
    try:
        return [json.loads(record) for record in target.ask(seconds)]
    finally:
        target.close()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A SQLite file with three orders."""
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE TABLE orders (country TEXT, amount REAL)")
    connection.executemany("INSERT INTO orders VALUES (?, ?)", [("CH", 5.0), ("CH", 7.5), (None, 1.0)])
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path}/shop.db"


def test_rows_are_records(shop: str):
    query = "SELECT country, count(*) AS n, sum(amount) AS total FROM orders GROUP BY 1 ORDER BY 1 DESC"
    assert asked(shop, query) == [
        {"country": "CH", "n": 2, "total": 12.5},
        {"country": None, "n": 1, "total": 1.0},
    ]


def test_a_query_is_sent_as_it_is_written(shop: str):
    assert asked(shop, "SELECT count(*) AS n FROM orders WHERE country LIKE '%C%' AND country <> ':x'") == [
        {"n": 2}
    ]


def test_nothing_can_be_changed(shop: str):
    with pytest.raises(TargetError, match="readonly database"):
        asked(shop, "DELETE FROM orders RETURNING country")
    assert asked(shop, "SELECT count(*) AS n FROM orders") == [{"n": 3}]


def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path: Path):
    with pytest.raises(TargetError, match="unable to open database file"):
        asked(f"sqlite:///{tmp_path}/none.db", "SELECT 1 AS n")
    assert not (tmp_path / "none.db").exists()


def test_too_many_rows_are_refused(shop: str):
    with pytest.raises(TargetError, match=r"more than 2 rows \(`max_rows`\)"):
        asked(shop, "SELECT country FROM orders", max_rows=2)


def test_other_databases_are_refused():
    with pytest.raises(ValueError, match=r"expected postgresql://"):
        Config(url="mysql://x/y", query="SELECT 1")


@pytest.mark.services
def test_on_postgresql(postgres: PostgresServer):
    database = postgres.new_database()
    database.sql("CREATE TABLE orders (at timestamptz, amount numeric(9,2))")
    database.sql(
        "INSERT INTO orders VALUES ('2026-03-02T10:00:00+01:00', 12.50), ('2026-03-02T11:00:00Z', 1)"
    )
    query = "SELECT max(at) AS newest, min(at::timestamp) AS plain, sum(amount) AS total, count(*) AS n FROM orders"
    (row,) = asked(database.url(), query)
    assert (row["total"], row["n"]) == (13.5, 2)
    assert row["newest"].startswith("2026-03-02T")
    assert row["plain"].endswith("Z")
    with pytest.raises(TargetError, match="read-only transaction"):
        asked(database.url(), "DELETE FROM orders RETURNING amount")
    with pytest.raises(TargetError, match="statement timeout"):
        asked(database.url(), "SELECT pg_sleep(20)", seconds=0.2)
    with pytest.raises(TargetError, match='relation "nowhere" does not exist') as refused:
        asked(database.url(), "SELECT * FROM nowhere")
    assert "postgresql://" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    database.drop()


@pytest.mark.services
def test_a_server_that_comes_back_is_asked_again(postgres: PostgresServer):
    database = postgres.new_database()
    target = Query(Config(url=database.url(), query="SELECT 1 AS n"))
    assert len(target.ask(30)) == 1
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    assert len(target.ask(30)) == 1
    target.close()
    database.drop()
