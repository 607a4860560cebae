"""Rows in a table, on a real PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from streamgauge.config import ConfigErrors, load
from streamgauge.errors import ConfigError
from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.postgres import Config, PostgresSink, open_sink
from streamgauge.stores import open_reading
from tests.services.postgresql import Database, PostgresServer
from tests.sinks.writing import config, monitor, record, run

TWO = [record(n / 10, "a", v=n) for n in range(3)] + [record(1, "b", v=9), record(7, "a"), record(30, "z")]
COLUMNS: dict[str, Any] = {"k": "string", "n": "int", "at": "timestamp"}


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


@pytest.fixture
def database(postgres: PostgresServer):
    made = postgres.new_database()
    yield made
    made.drop()


def to(database: Database, table: str = "rows", **more: Any) -> dict[str, Any]:
    return {"type": "postgres", "url": database.url(), "table": table, **more}


def sink(url: str, table: str = "rows", columns: dict[str, Any] | None = None, **more: Any) -> PostgresSink:
    made = Config.model_validate({"url": url, "table": table, **more})
    return open_sink(made, "monitor m", COLUMNS if columns is None else columns)


def rows(*bodies: dict[str, Any], ids: str = "") -> list[SpooledRow]:
    names = ids or "abcdefghijkl"[: len(bodies)]
    return [
        SpooledRow(n, name, "k", json.dumps(body).encode())
        for n, (name, body) in enumerate(zip(names, bodies, strict=True), 1)
    ]


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Its sessions stand still; each is a process of its own."""
    assert server._process is not None
    sessions = psutil.Process(server._process.pid).children(recursive=True)
    for one in sessions:
        one.suspend()
    try:
        yield
    finally:
        for one in sessions:
            one.resume()


@pytest.mark.services
def test_the_table_is_made_and_each_window_is_a_row(database: Database, tmp_path: Path):
    run(tmp_path, TWO, {"m": monitor(write=to(database))})
    found = database.sql("SELECT k, n, window_end, _id, _more FROM rows ORDER BY window_end, k")
    end = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)
    first_id = 'monitor m/"a"/2026-03-02T10:00:00.000Z/2026-03-02T10:00:05.000Z'
    assert found[0] == ("a", 3, end, first_id, None)
    assert [row[:2] for row in found] == [("a", 3), ("b", 1), ("a", 1), ("z", 1)]
    types = database.sql(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'rows'"
    )
    assert dict(types) == {
        "_id": "text",
        "k": "text",
        "n": "bigint",
        "window_start": "timestamp with time zone",
        "window_end": "timestamp with time zone",
        "_more": "jsonb",
    }


@pytest.mark.services
def test_records_of_a_stream_go_by_their_own_names_into_a_table_that_is_there(
    database: Database, tmp_path: Path
):
    database.sql("CREATE SCHEMA net")
    database.sql("CREATE TABLE net.logs (ip varchar(20), ds timestamp, v real, UNIQUE (ds, ip))")
    write = to(database, "net.logs", columns={"ip": "k", "ds": "at", "v": "v"}, unique=["ip", "ds"])
    twice = [*TWO, record(1, "b", v=2), record(2, None, v=3)]  # of one series and moment the later one holds
    session = run(tmp_path, twice, {}, write=write)
    found = database.sql("SELECT ip, v FROM net.logs ORDER BY ds, ip")
    assert found == [("a", 0), ("a", 1), ("a", 2), ("b", 2), ("a", None), ("z", None)]
    assert session.status.totals.rows["stream s", "refused"] == 1  # it has no ip


@pytest.mark.services
def test_a_revision_overwrites_and_what_holds_no_more_goes(database: Database):
    writing = sink(database.url())
    at = "2026-03-02T10:00:05.000Z"
    assert not writing.write(rows({"k": "a", "n": 1, "at": at}, {"k": "b", "n": 2, "at": at})).trouble
    later = rows(
        {"k": "a", "n": 1}, {"k": "a", "n": 7, "at": at, "partial": True}, {"deleted": True}, ids="aab"
    )
    assert writing.write(later).written == [1, 2, 3]
    assert writing.write(later).written == [1, 2, 3]
    writing.close()
    assert database.sql("SELECT k, n, _more FROM rows") == [("a", 7, {"partial": True})]


@pytest.mark.services
def test_what_the_table_cannot_take_is_refused_alone(database: Database):
    database.sql(
        "CREATE TABLE rows (_id text PRIMARY KEY, k text, n smallint CHECK (n <> 13), at timestamptz)"
    )
    writing = sink(database.url())
    outcome = writing.write(rows(*[{"k": "x\0y", "n": n} for n in (1, 2, 13, 4, 70_000, 6)]))
    writing.close()
    assert sorted(outcome.written) == [1, 2, 4, 6]
    assert "violates check constraint" in outcome.refused[3]
    assert "out of range" in outcome.refused[5]
    assert database.sql("SELECT n, k FROM rows ORDER BY n")[-1] == (6, "x\N{SYMBOL FOR NULL}y")


@pytest.mark.services
def test_two_texts_that_the_table_takes_for_one_overwrite_each_other_in_order(database: Database):
    database.sql("CREATE TABLE rows (k inet, n bigint, at timestamptz, UNIQUE (k))")
    writing = sink(database.url(), unique=["k"])
    outcome = writing.write(
        rows({"k": "10.0.0.1", "n": 1}, {"k": "10.0.0.2", "n": 2}, {"k": "10.0.0.1/32", "n": 3})
    )
    writing.close()
    assert (sorted(outcome.written), outcome.trouble) == ([1, 2, 3], "")
    assert database.sql("SELECT host(k), n FROM rows ORDER BY k") == [("10.0.0.1", 3), ("10.0.0.2", 2)]


@pytest.mark.services
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            "(_id text PRIMARY KEY, k text, n text, at timestamptz)",
            "its column n is text, and the rows hold bigint",
        ),
        ("(_id text PRIMARY KEY, k text, n int)", "it has no column at (timestamp with time zone)"),
        ("(_id text, k text, n int, at timestamptz)", "it has no unique index over (_id)"),
        (
            "(_id text PRIMARY KEY, k text, n int, at timestamptz, w int NOT NULL)",
            "its column w must be given, and the rows have none",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_said_so_and_the_rows_wait(database: Database, made: str, said: str):
    database.sql(f"CREATE TABLE rows {made}")
    writing = sink(database.url())
    outcome = writing.write(rows({"k": "a", "n": 1}))
    writing.close()
    assert (outcome.written, outcome.refused) == ([], {})
    assert outcome.trouble.startswith(f"table rows in {database} does not fit: {said}")


@pytest.mark.services
def test_while_the_server_is_away_or_frozen_rows_wait_and_a_later_start_brings_them(
    own_postgres, tmp_path: Path
):
    server = own_postgres()
    database = server.new_database()
    server.stop()
    session = run(tmp_path, TWO, {"m": monitor(write=to(database))})
    assert session.status.totals.rows["monitor m", "written"] == 0
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    assert look.spool_depth() == {"monitor m": 4}
    look.close()
    server.start()
    run(tmp_path, TWO, {"m": monitor(write=to(database))})  # nothing new to read
    assert database.sql("SELECT sum(n) FROM rows") == [(6,)]
    writing = sink(database.url(), "others", timeout="300ms")
    assert writing.write(rows({"k": "a"})).written == [1]
    server.stop()  # killed, its sessions would live on for a moment
    assert writing.write(rows({"k": "b"})).trouble.startswith(f"table others in {database}: ")
    server.start()
    assert writing.write(rows({"k": "b"})).written == [1]  # the same process, a minute later
    with frozen(server):
        outcome = writing.write(rows({"k": "b"}))
    writing.close()
    assert outcome.written == []
    assert outcome.trouble.startswith(f"table others in {database}: ")


@pytest.mark.services
def test_what_keeps_it_out_is_said_with_what_to_do(postgres: PostgresServer, database: Database):
    nobody = sink(postgres.url(database.name, password="wrong-one"))
    outcome = nobody.write(rows({"k": "a"}))
    assert "it refuses the password; give the right one in `url` as ${NAME}" in outcome.trouble
    assert "wrong-one" not in outcome.trouble
    assert "there is no such database" in sink(postgres.url("nowhere")).write(rows({"k": "a"})).trouble


def test_nobody_there_ends_in_time():
    outcome = sink("postgresql://u@127.0.0.1:1/d", timeout="300ms").write(rows({"k": "a"}))
    assert outcome.written == []
    assert outcome.trouble.startswith("table rows in postgresql://u@127.0.0.1:1/d: ")


def test_mistakes_are_told_by_check(tmp_path: Path):
    write = {"type": "postgres", "url": "postgresql://u@h/d", "table": "rows"}
    wrong = {
        "columns": {"_id": "k"},
        "unique": "kk",
        "table": "no; table",
    }
    for key, value in wrong.items():
        with pytest.raises(ConfigErrors, match=f"write.{key}"):
            load(config(tmp_path, {"m": monitor(write={**write, key: value})}))
    changes = monitor(window={"emit": "changes"}, write={**write, "unique": "k"})
    with pytest.raises(ConfigErrors, match="taken back by their id"):
        load(config(tmp_path, {"m": changes}))


def test_the_password_is_not_shown_and_a_wrong_address_is_a_mistake():
    made = Config.model_validate({"url": "postgresql://u:s3cret@h/d", "table": "rows"})
    assert "s3cret" not in f"{made!r} {made.public()} {open_sink(made, 'monitor m', {})!r}"
    assert made.timeout == timedelta(seconds=10)
    with pytest.raises(ConfigError, match="is no address of a database"):
        sink("postgresql://u@h/d?no_such_option=1")
