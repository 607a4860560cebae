"""What is PostgreSQL's own: errors in words, secrets that do not show, locks, and servers that go away."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy.engine import make_url

from streamgauge.errors import ConfigError, StoreError
from streamgauge.incident import IncidentState, Remark
from streamgauge.stores import backend_of, open_reading, open_store
from streamgauge.stores.beside import Beside
from streamgauge.stores.contract import Change, Commit, DecidedRow, LateCount
from streamgauge.stores.doubt import rest_of
from streamgauge.stores.postgres import place_of
from streamgauge.stores.tokens import Tokens
from streamgauge.testing import eventually
from tests.services.postgresql import Database, PostgresServer
from tests.services.postgresql.server import PASSWORD
from tests.stores.given import ME, P0, at, bad, everything_in, incident, notice, rows, saving, sql
from tests.stores.proxy import Wire
from tests.stores.test_history import results

server_needed = pytest.mark.services


@pytest.fixture
def kind():
    return "postgresql"


def refused(url: str) -> str:
    """What opening says."""
    from streamgauge.clock import SystemClock

    with pytest.raises(StoreError) as said:
        open_store(url, owner=ME, clock=SystemClock())
    assert PASSWORD not in str(said.value)
    assert "\n" not in str(said.value)
    return str(said.value)


class TestWithoutAServer:
    def test_nothing_listening_is_said_and_tried_again(self):
        said = refused(f"postgresql://gauge:{PASSWORD}@127.0.0.1:1/db")
        assert said.startswith("the store postgresql://gauge@127.0.0.1:1/db cannot be reached (")
        assert "Connection refused" in said

    def test_a_name_that_nobody_has_is_said(self):
        assert "cannot be reached" in refused("postgresql://gauge@no-such-host.invalid/db")

    def test_without_the_library_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(ConfigError, match=r"pip install 'streamgauge\[postgres\]'"):
            backend_of("postgresql://gauge@127.0.0.1/other")

    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("postgresql://u:hidden@h", "postgresql://u@h/ names no database"),
            ("postgresql://u:hidden@h/d?colour=red", 'invalid connection option "colour"'),
            ("postgresql://u:hidden@h/d?timeout=soon", "timeout=soon is no number of seconds"),
            ("postgresql://u:hidden@h:port/d", "is not a store"),
            ("postgres://u:hidden@h/d", "stores of the kind 'postgres' are not known; write .*postgresql://"),
        ],
    )
    def test_a_url_that_is_wrong_is_said_without_its_password(self, url, says):
        with pytest.raises(ConfigError, match=says) as said:
            backend_of(url)
        assert "hidden" not in str(said.value)

    def test_its_place_shows_no_secret(self):
        url = make_url("postgresql://u:hidden@h:5/d?sslpassword=hidden&password=hidden")
        assert place_of(url) == "postgresql://u@h:5/d"


@server_needed
class TestRefusals:
    def test_a_wrong_password(self, postgres: PostgresServer):
        said = refused(postgres.url("postgres", password="wrong-and-secret"))
        assert "refuses the password of this user" in said
        assert "wrong-and-secret" not in said

    def test_a_user_that_is_not_there(self, postgres: PostgresServer):
        assert "refuses the password" in refused(postgres.url("postgres", user="nobody"))

    def test_a_database_that_is_not_there(self, postgres: PostgresServer):
        assert "there is no database at" in refused(postgres.url("no_such"))

    def test_a_user_without_rights(self, postgres: PostgresServer):
        postgres.sql(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
        said = refused(postgres.url(postgres.new_database().name, user="guest"))
        assert "may not be used so by this user (permission denied for schema public)" in said

    def test_a_read_only_server(self, path: Database):
        said = refused(path.url(options="-cdefault_transaction_read_only%3Don"))
        assert "is read-only (cannot execute" in said

    def test_too_many_connections(self, postgres: PostgresServer):
        postgres.sql(f"CREATE ROLE few LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
        assert "takes no more connections" in refused(postgres.url("postgres", user="few"))

    def test_another_encoding(self, postgres: PostgresServer):
        postgres.sql(
            "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        )
        assert "is kept in LATIN1" in refused(postgres.url("latin"))

    def test_another_programs_tables(self, postgres: PostgresServer):
        database = postgres.new_database()
        database.sql("CREATE TABLE customers (id int)")
        assert "holds other tables already (customers …)" in refused(database.url())

    def test_a_database_without_a_store_is_nothing_to_look_into(self, postgres: PostgresServer):
        with pytest.raises(StoreError, match="holds no Streamgauge store"):
            open_reading(postgres.new_database().url())


@server_needed
def test_the_first_token_may_come_before_the_first_run(postgres: PostgresServer, clock):
    database = postgres.new_database()
    with pytest.raises(StoreError, match="failed"):
        Tokens(database.url(), clock).all()
    tokens = Tokens(database.url(), clock, make=True)
    text = tokens.create("a", ["admin"])
    tokens.close()
    store = open_store(database.url(), owner=ME, clock=clock)
    with closing(Tokens(database.url(), clock, make=True)) as again:  # beside a running engine
        assert [token.is_of(text) for token in again.all()] == [True]
    assert not [row for row in database.sql("SELECT tokens::text FROM tokens") if text in row[0]]
    store.close()


@server_needed
def test_a_store_may_have_a_schema_of_its_own_beside_other_tables(postgres: PostgresServer, clock):
    database = postgres.new_database()
    database.sql("CREATE TABLE customers (id int); CREATE SCHEMA gauge")
    store = open_store(database.url(options="-csearch_path%3Dgauge"), owner=ME, clock=clock)
    store.commit(saving({}, 4))
    store.close()
    assert database.sql("SELECT next_offset FROM gauge.positions") == [(4,)]


@server_needed
@pytest.mark.parametrize(("durability", "synchronous"), [("process", "local"), ("power", "on")])
def test_sessions_are_set_up_as_the_durability_asks(path: Database, durability, synchronous):
    backend = backend_of(path.url(), durability=durability)
    with backend.write() as connection:
        names = (
            "synchronous_commit",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "application_name",
        )
        asked = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    assert asked == [synchronous, "5s", "30s", "streamgauge"]
    backend.close()


@server_needed
def test_texts_that_postgresql_has_no_place_for_are_kept_all_the_same(store, url):
    odd = incident("a\0b", title="zero \0 within")
    store.commit(
        Commit(incidents=[odd], notices=[notice(odd)], dead_letters=[("pay\0ments", bad(1, b"\0\xff"))])
    )
    assert store.incident(odd.id) == odd
    assert store.changes(odd.id)[0].why == "zero ␀ within"
    assert store.dead_letters()[0].payload == b"\0\xff"


@server_needed
def test_the_connections_of_one_place_are_shared_and_few(store, url, path: Database):
    besides = [Beside(url) for _ in range(12)]
    looks = [open_reading(url) for _ in range(12)]
    for beside in besides:
        with beside.writing():
            pass
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'streamgauge' AND datname = %s"
    assert path.sql(mine, path.name)[0][0] <= 3
    for beside in besides:
        beside.close()
    for look in looks:
        look.close()
    store.commit(saving({}, 1))


@contextmanager
def locked(path: Database):
    """Another program that holds the lease's row."""
    import psycopg

    with psycopg.connect(path.url(application_name="report")) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('streamgauge'), hashtext(current_schema()))")
        yield
        other.rollback()


@server_needed
def test_a_lock_by_another_program_is_said_naming_it_and_passes(store, path: Database, url):
    with locked(path):
        with pytest.raises(
            StoreError, match=r"is locked by report \(server process \d+, .*\) \(waited 0\.2 s\)"
        ):
            store.commit(saving({}, 1))
        with closing(open_reading(url)) as look:
            assert look.positions("payments") == {}
    store.commit(saving({}, 1))
    assert store.positions("payments") == {P0: at(1)}


@server_needed
def test_a_process_that_stands_still_in_a_transaction_holds_nobody_up(postgres, clock, monkeypatch):
    """As one that was frozen in the middle of a commit: the server ends its transaction, and it writes nothing."""
    path = postgres.new_database()
    open_store(path.url(), owner=ME, clock=clock).close()
    backend = backend_of(path.url())
    with monkeypatch.context() as patience:  # only for the one that stands still
        patience.setattr("streamgauge.stores.postgres._FROZEN", "1s")
        frozen = backend.write()
        connection = frozen.__enter__()
    connection.exec_driver_sql("INSERT INTO meta VALUES ('half', 'written')")
    store = open_store(path.url(timeout="20"), owner=ME, clock=clock)
    store.commit(saving({}, 1))
    with pytest.raises(Exception, match="idle-in-transaction timeout") as said:
        connection.exec_driver_sql("SELECT 1")
    assert not frozen.__exit__(type(said.value), said.value, None)
    assert "which the store" in str(backend.explain(said.value))  # type: ignore[arg-type]
    assert sql(path, "SELECT * FROM meta WHERE name = 'half'") == []
    store.close()
    backend.close()


@server_needed
def test_a_process_that_stands_still_in_the_middle_of_sending_holds_nobody_up(postgres, clock, monkeypatch):
    """The server waits for the rest of what it was sent: to its own clock that is no idle transaction."""
    path = postgres.new_database()
    open_store(path.url(), owner=ME, clock=clock).close()
    backend = backend_of(path.url())
    frozen = backend.write()
    connection = frozen.__enter__()
    wire = connection.connection.driver_connection.pgconn  # type: ignore[union-attr]
    wire.enter_pipeline_mode()
    wire.send_query_params(
        b"INSERT INTO meta VALUES ('half', 'written')", None
    )  # and no word that this is all
    wire.flush()
    stuck = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND wait_event = 'ClientRead'"
    eventually(lambda: path.sql(stuck, wire.backend_pid)[0][0], "the server waits for more")
    monkeypatch.setattr("streamgauge.stores.postgres._FROZEN", "1h")
    with pytest.raises(StoreError, match=rf"is locked by streamgauge \(server process {wire.backend_pid}, "):
        open_store(path.url(timeout="0.1"), owner=ME, clock=clock)
    monkeypatch.setattr("streamgauge.stores.postgres._FROZEN", "0s")
    store = open_store(path.url(timeout="0.1"), owner=ME, clock=clock)
    store.commit(saving({}, 1))
    assert sql(path, "SELECT * FROM meta WHERE name = 'half'") == []
    store.close()
    assert path.sql("SELECT pid FROM pg_stat_activity WHERE pid = %s", wire.backend_pid) == []
    connection.invalidate()
    woken = StoreError("woken")
    assert not frozen.__exit__(StoreError, woken, None)
    backend.close()


def everything(offset: int) -> Commit:
    """A commit that a repetition would double in many places."""
    one = incident(episode=offset)
    return replace(
        saving({"w": {}}, offset),
        incidents=[one],
        notices=[notice(one)],
        dead_letters=[("payments", bad(offset))],
        late=[LateCount("burst", 10, 2)],
        history=[results(offset, "a")],
        remarks=[Remark(one.id, "ann", IncidentState.FIRING, f"seen {offset}")],
    )


def more(before: Commit, offset: int) -> Commit:
    """What an engine gives after ``before`` was refused: all of it again, and what has come since."""
    new = everything(offset)
    return replace(
        new,
        incidents=[*before.incidents, *new.incidents],
        notices=[*before.notices, *new.notices],
        dead_letters=[*before.dead_letters, *new.dead_letters],
        late=[LateCount("burst", 10, 4), LateCount("burst", 20, 1)],
        history=[*before.history, *new.history],
        remarks=[*before.remarks, *new.remarks],
    )


def assert_once(store) -> None:
    """Commits 1, 2 and 3 are there, each once."""
    assert store.positions("payments") == {P0: at(3)}
    assert store.late_counts() == [LateCount("burst", 10, 6), LateCount("burst", 20, 1)]
    assert store.history("burst")["window_end"].to_list() == [1, 2, 3]
    assert len(store.waiting()) == len(store.dead_letters()) == 3
    for each in store.incidents():
        said = [Change(change.at, change.who, change.state, change.why) for change in store.changes(each.id)]
        assert [change.why for change in said] == [f"seen {each.episode}"]


@server_needed
@pytest.mark.parametrize(
    ("cut", "arrives"),
    [("answer", True), ("asked", False), ("answer and down", True), ("asked and down", False)],
)
def test_a_commit_whose_answer_was_lost_counts_once(path: Database, clock, cut, arrives):
    """The wire breaks in the very commit; ``down``: and the server cannot be asked at once what became of it."""
    with Wire(path.server.port) as wire:
        url = path.url().replace(f":{path.server.port}/", f":{wire.port}/")
        store = open_store(url, owner=ME, clock=clock)
        store.commit(everything(1))
        wire.cut, second = cut, everything(2)
        if cut == "answer":
            store.commit(second)
            third = replace(more(Commit(), 3), late=[LateCount("burst", 10, 2), LateCount("burst", 20, 1)])
        else:
            with pytest.raises(StoreError, match=r"broke|reached|failed"):
                store.commit(second)
            third = more(second, 3)
        eventually(lambda: not arrives or len(rows(path, "history")) == 2, "the commit")
        if wire.down:
            before = everything_in(path)
            with pytest.raises(StoreError, match=r"cannot be reached|broke|failed"):
                store.commit(third)
            assert everything_in(path) == before
            wire.down = False
        assert len(rows(path, "history")) == (2 if arrives else 1)
        store.commit(third)
        assert_once(store)
        assert store.still_mine()
        store.close()


def test_of_a_repetition_only_what_is_new_is_written():
    block, later = results(1, "a"), results(2, "a")
    rows = [DecidedRow("s", "r1", "k", b"{}"), DecidedRow("s", "r2", "k", b"{}")]
    written = Commit(history=[block], judgements=[block], rows=rows[:1], late=[LateCount("m", 1, 2)])
    again = Commit(history=[block, later], judgements=[block, later], rows=rows, late=[LateCount("m", 1, 2)])
    assert rest_of(again, written) == Commit(
        history=[later], judgements=[later], rows=rows[1:], late=[], remarks=[]
    )
    revised = replace(rows[0], body=b"[]", revises=True)
    assert rest_of(replace(again, rows=[rows[0], revised]), written).rows == [revised]


@server_needed
def test_a_state_in_doubt_is_loaded_as_the_server_has_it(path: Database, clock):
    with Wire(path.server.port) as wire:
        url = path.url().replace(f":{path.server.port}/", f":{wire.port}/")
        store = open_store(url, owner=ME, clock=clock)
        wire.cut = "answer and down"
        commit = everything(2)
        with pytest.raises(StoreError):
            store.commit(commit)
        wire.down = False
        (key,) = commit.states
        found = store.load(key)
        assert found is not None
        assert found.positions == {P0: at(2)}
        store.commit(everything(3))  # begun anew from there: nothing of it is old
        assert store.late_counts() == [LateCount("burst", 10, 4)]
        store.close()


@server_needed
def test_a_server_that_is_shut_down_and_back_loses_and_doubles_nothing(own_postgres, clock):
    server: PostgresServer = own_postgres()
    url = server.new_database().url()
    store = open_store(url, owner=ME, clock=clock)
    store.commit(everything(1))
    server.stop()
    second = everything(2)
    with pytest.raises(StoreError, match=r"cannot be reached|shut down|broke"):
        store.commit(second)
    server.start()
    store.commit(replace(more(second, 3), late=[LateCount("burst", 10, 4), LateCount("burst", 20, 1)]))
    assert_once(store)
    server.kill()
    server.start()
    assert_once(store)
    store.close()


@server_needed
def test_a_writer_waits_for_another_rather_than_fail(path: Database):
    """Whoever reads and then writes in one transaction sees nobody in between."""
    backends = [backend_of(path.url()) for _ in range(4)]

    def count(backend) -> None:
        for _ in range(10):
            with backend.write() as connection:
                found = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'n'").scalar()
                connection.exec_driver_sql("DELETE FROM meta WHERE name = 'n'")
                connection.exec_driver_sql(f"INSERT INTO meta VALUES ('n', '{int(found or 0) + 1}')")

    threads = [threading.Thread(target=count, args=(backend,)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sql(path, "SELECT value FROM meta WHERE name = 'n'") == [("40",)]
    for backend in backends:
        backend.close()
