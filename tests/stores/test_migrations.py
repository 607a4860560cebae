"""The migrations build the tables of the schema, in a file that existed before as in a new one."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from streamgauge.clock import SystemClock
from streamgauge.stores import backend_of, open_store
from streamgauge.stores.migrate import HEAD, alembic_config
from streamgauge.stores.reading import Backend
from streamgauge.stores.schema import metadata
from tests.stores.given import ME, sql

PARTS = ("history_", "judgements_")
"""Of tables that PostgreSQL divides by time: they come and go with the rows."""


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_build_the_schema(store, url):
    backend = backend_of(url)
    with backend.read() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or not name.startswith(PARTS),
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    backend.close()


def test_the_newest_migration_is_the_one_the_code_is_written_for():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_an_empty_file_becomes_a_store(path, url, clock):
    path.touch()
    open_store(url, owner=ME, clock=clock).close()
    assert sql(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_store_is_opened_again_without_alembic(store, url, clock, monkeypatch):
    """Starting is quick, since nothing is migrated when nothing changed."""
    store.close()
    monkeypatch.setattr("streamgauge.stores.migrate.alembic_config", None)
    open_store(url, owner=ME, clock=clock).close()


def test_two_that_open_a_new_store_at_once_do_not_meet(kind, tmp_path, request):
    """One makes the tables and takes the store, the other is refused in words."""
    outcomes: list[str] = []
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/new.db"
    else:
        url = request.getfixturevalue("postgres").new_database().url()

    def opens() -> None:
        try:
            stores.append(open_store(url, owner=ME, clock=SystemClock()))
            outcomes.append("opened")
        except Exception as error:  # noqa: BLE001  whatever it is, the assertion shows it
            outcomes.append(str(error))

    stores: list[object] = []
    threads = [threading.Thread(target=opens) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused, opened = sorted(outcomes)
    assert opened == "opened"
    assert refused.startswith("another Streamgauge (pid")


def test_two_that_make_the_same_new_file_wait_for_each_other(tmp_path):
    """The last step of making it is one in which SQLite itself lets nobody wait; in one of ten times they meet there."""
    troubles: list[str] = []

    def connects(backend: Backend, both: threading.Barrier) -> None:
        both.wait(30)
        try:
            with backend.write():
                pass
        except Exception as error:  # noqa: BLE001  whatever it is, the assertion shows it
            troubles.append(str(error))

    for number in range(60):
        both = threading.Barrier(2)
        backends = [backend_of(f"sqlite:///{tmp_path}/{number}.db") for _ in range(2)]
        threads = [threading.Thread(target=connects, args=(one, both)) for one in backends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in backends:
            one.close()
    assert troubles == []


def test_the_file_is_set_up_as_its_durability_asks(tmp_path, clock):
    for durability, synchronous in (("process", 1), ("power", 2)):
        name = f"sqlite:///{tmp_path}/{durability}.db"
        store = open_store(name, owner=ME, clock=clock, durability=durability)  # type: ignore[arg-type]
        with store._backend.write() as connection:
            asked = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert asked == ["wal", synchronous, 1]
        store.close()
