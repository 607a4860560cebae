"""Window results in parts by time, on the real PostgreSQL: made as they are needed, dropped whole, in nobody's way."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from alembic import command

from streamgauge.clock import SECOND
from streamgauge.stores import Keep, backend_of, open_reading, open_store
from streamgauge.stores.contract import Commit
from streamgauge.stores.history import encode
from streamgauge.stores.migrate import alembic_config
from streamgauge.stores.partitions import parts_of
from streamgauge.stores.schema import history
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock
from tests.services.postgresql import Database, PostgresServer
from tests.stores.given import ME, rows
from tests.stores.test_history import results

pytestmark = pytest.mark.services
MINUTE = 60 * SECOND


@pytest.fixture
def kind() -> str:
    return "postgresql"


@pytest.fixture
def database(path: Database) -> Database:
    """Empty, also of parts that other tests have left."""
    for (name,) in path.sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'history'::regclass"
    ):
        path.sql(f"DROP TABLE {name}")
    return path


def opened(database: Database, clock: PushedClock, keep: timedelta = timedelta(minutes=5)) -> SqlStore:
    return open_store(database.url(), owner=ME, clock=clock, keep=Keep(history=keep))


def parts(store: SqlStore) -> list[tuple[float, float]]:
    """Minutes that each part holds."""
    with store._backend.read() as connection:
        return [(part.start / MINUTE, part.end / MINUTE) for part in parts_of(connection, history)]


def test_a_part_is_made_with_its_first_row_and_dropped_when_nobody_wants_it(
    database: Database, clock: PushedClock
):
    store = opened(database, clock)
    for minute in range(12):
        store.commit(
            Commit(history=[results(minute * MINUTE, "a"), results(minute * MINUTE, "a", monitor="other")])
        )
        kept = [end / MINUTE for end in store.history("burst")["window_end"]]
        assert kept == list(range(max(0, minute - 5), minute + 1))
    assert parts(store) == [(minute, minute + 1) for minute in range(6, 12)]
    assert len(rows(database, "history")) == 12
    store.close()


def test_rows_of_a_monitor_that_is_no_more_stay_and_hold_up_nothing(database: Database, clock: PushedClock):
    store = opened(database, clock)
    store.commit(Commit(history=[results(0, "a", monitor="gone"), results(0, "a")]))
    for minute in (20, 40):
        store.commit(Commit(history=[results(minute * MINUTE, "a")]))
    assert parts(store) == [(0, 1), (40, 41)]
    assert [row[1] for row in rows(database, "history")] == ["gone", "burst"]
    assert len(store.history("gone")) == 1
    store.close()


def test_a_reader_in_the_middle_keeps_what_it_sees_and_nobody_waits(database: Database, clock: PushedClock):
    store = opened(database, clock)
    store.commit(Commit(history=[results(0, "a")]))
    with psycopg.connect(database.url()) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        seen = reader.execute("SELECT count(*) FROM history").fetchone()
        store.commit(Commit(history=[results(20 * MINUTE, "a")]))  # makes a part, and may not drop the other
        assert parts(store) == [(0, 1), (20, 21)]
        assert [end / MINUTE for end in store.history("burst")["window_end"]] == [20]
        assert reader.execute("SELECT count(*) FROM history").fetchone() == seen
    store.commit(Commit(history=[results(20 * MINUTE + 1, "a")]))
    assert parts(store) == [(20, 21)]
    store.close()


def test_another_time_that_is_kept_makes_parts_of_another_length_beside_the_old(
    database: Database, clock: PushedClock
):
    store = opened(database, clock)
    store.commit(Commit(history=[results(31 * MINUTE, "a")]))
    store.close()
    store = opened(database, clock, timedelta(hours=1))
    store.commit(
        Commit(history=[results(32 * MINUTE, "a"), results(30 * MINUTE, "a"), results(45 * MINUTE, "a")])
    )
    assert parts(store) == [(30, 31), (31, 32), (32, 40), (40, 50)]
    assert sorted(store.history("burst")["window_end"].to_list()) == [n * MINUTE for n in (30, 31, 32, 45)]
    store.close()
    look = open_reading(database.url())
    assert len(look.history("burst")) == 4
    look.close()


def test_a_store_of_before_goes_on_with_what_it_has(postgres: PostgresServer, clock: PushedClock):
    database = postgres.new_database()
    backend = backend_of(database.url())
    with backend.write() as connection:
        command.upgrade(alembic_config(connection), "0009")
    backend.close()
    for block in (results(1 * MINUTE, "a", "b"), results(2 * MINUTE, "a")):
        count, data = encode(block.columns)
        row = (block.monitor, block.first_end, block.last_end, count, data)
        database.sql("INSERT INTO history VALUES (nextval('history_sequence_seq'), %s, %s, %s, %s, %s)", *row)
    store = opened(database, clock)
    assert store.history("burst")["window_end"].to_list() == [MINUTE, MINUTE, 2 * MINUTE]
    store.commit(Commit(history=[results(3 * MINUTE, "a")]))
    assert [row[0] for row in rows(database, "history")] == [1, 2, 3]
    day = 24 * 60
    assert [end for _, end in parts(store)] == [day]
    for minute in (day + 1, day + 30):
        store.commit(Commit(history=[results(minute * MINUTE, "a")]))
    assert parts(store) == [(day + 30, day + 31)]
    store.close()
    database.drop()
