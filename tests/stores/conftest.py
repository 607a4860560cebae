from pathlib import Path

import pytest

from streamgauge.stores import backend_of, open_store
from streamgauge.stores.migrate import migrate
from streamgauge.stores.schema import metadata
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock
from tests.services.postgresql import Database, PostgresServer
from tests.stores.given import ME


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def kind(request):
    """On which database the test runs; a module or a test that is about one of them says so itself."""
    return request.param


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer):
    """A database with the tables of a store, shared: making them anew takes longer than most tests."""
    database = postgres.new_database()
    backend = backend_of(postgres.url(database.name))
    with backend.write() as connection:
        migrate(connection, where=backend.where)
    backend.close()
    return database


@pytest.fixture
def path(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    """Where the store is: a file that is not there yet, or a database."""
    if kind == "sqlite":
        yield tmp_path / "streamgauge.db"
        return
    database: Database = request.getfixturevalue("migrated")
    database.sql(_EMPTY)
    yield database


_EMPTY = "; ".join(
    [
        *(f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)),
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
    ]
)


@pytest.fixture
def url(path: Path | Database):
    return path.url(timeout="0.2") if isinstance(path, Database) else f"sqlite:///{path}?timeout=0.2"


@pytest.fixture
def store(url: str, clock: PushedClock):
    store: SqlStore = open_store(url, owner=ME, clock=clock)
    yield store
    store.close()
