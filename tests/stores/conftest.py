from pathlib import Path

import pytest

from streamgauge.stores import open_store
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock
from tests.stores.given import ME


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "streamgauge.db"


@pytest.fixture
def url(path: Path):
    return f"sqlite:///{path}?timeout=0.2"


@pytest.fixture
def store(url: str, clock: PushedClock):
    store: SqlStore = open_store(url, owner=ME, clock=clock)
    yield store
    store.close()
