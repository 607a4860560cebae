"""Fixtures of real servers; each test process starts its own, when the first test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.services.chromium import Chromium
from tests.services.kafka import Broker
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.postgresql import PostgresServer
from tests.services.redis import RedisServer
from tests.services.registry import Registry


def started(broker: Broker) -> Broker:
    """Start it; where that cannot be on this machine, skip or fail with what to install."""
    try:
        return broker.start()
    except CannotBeHadError as missing:
        broker.close()
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """A broker that tests share: take topic and group names from ``unique``, and never stop or pause it."""
    broker = started(Broker())
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def secured_kafka() -> Iterator[Broker]:
    """A shared broker with TLS, SASL and permissions: users ``admin`` and ``reader``."""
    broker = started(Broker(secured=True))
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def schema_registry() -> Iterator[Registry]:
    """A schema registry that tests share: take subjects from ``unique``, and never stop it."""
    registry = Registry()
    try:
        registry.start()
    except CannotBeHadError as missing:
        registry.close()
        skip_or_fail(str(missing))
    yield registry
    registry.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that tests share: take a database from ``new_database``, and never stop it."""
    server = started_postgres()
    yield server
    server.close()


@pytest.fixture
def own_postgres() -> Iterator[Callable[..., PostgresServer]]:
    """Starts servers of the test's own, to be stopped and killed; settings as of ``postgresql.conf``."""
    with ExitStack() as stack:

        def start(**settings: str) -> PostgresServer:
            server = started_postgres(**settings)
            stack.callback(server.close)
            return server

        yield start


def started_postgres(**settings: str) -> PostgresServer:
    """Start one; where that cannot be on this machine, skip or fail with what to install."""
    server = PostgresServer(**settings)
    try:
        return server.start()
    except CannotBeHadError as missing:
        server.close()
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis with TimeSeries that tests share: take keys of your own (``unique``), and never stop it."""
    server = started_redis()
    yield server
    server.close()


@pytest.fixture
def own_redis() -> Iterator[Callable[..., RedisServer]]:
    """Starts servers of the test's own, to be stopped and killed; arguments as of ``RedisServer``."""
    with ExitStack() as stack:

        def start(**arguments: Any) -> RedisServer:
            server = started_redis(**arguments)
            stack.callback(server.close)
            return server

        yield start


def started_redis(**arguments: Any) -> RedisServer:
    """Start one; where that cannot be on this machine, skip or fail with what to install."""
    server = RedisServer(**arguments)
    try:
        return server.start()
    except CannotBeHadError as missing:
        server.close()
        skip_or_fail(str(missing))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser that the tests of a file share: take a ``context`` of your own.

    Playwright's event loop runs in this thread as long as the browser does, so it ends with the file.
    """
    browser = Chromium()
    try:
        browser.start()
    except CannotBeHadError as missing:
        browser.close()
        skip_or_fail(str(missing))
    yield browser
    browser.close()


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., Broker]]:
    """Starts brokers of the test's own, to be killed and paused; arguments as of ``Broker``."""
    with ExitStack() as stack:

        def start(**arguments: Any) -> Broker:
            broker = started(Broker(**arguments))
            stack.callback(broker.close)
            return broker

        yield start
