"""New stores of SQLite: the first of a test process is made by the migrations, the others by the statements that those came to.

Hundreds of tests want a store of their own, and to work out its tables anew takes longer than most of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


def pytest_collection_finish() -> None:
    """Where no test has loaded the database's library by now, few will open a store."""
    if "sqlalchemy" in sys.modules:
        from alembic import command

        command.upgrade = quickly(command.upgrade)


def quickly(upgrade: Callable[..., None]) -> Callable[..., None]:
    """``alembic.command.upgrade``, but for a new store of SQLite after the first."""
    statements: list[str] = []

    @wraps(upgrade)
    def upgraded(config: Config, revision: str) -> None:
        connection = config.attributes["connection"]
        if revision != "head" or not _is_empty(connection):
            upgrade(config, revision)
        elif not statements:
            upgrade(config, revision)
            statements.extend(_that_make(connection))
        else:
            for statement in statements:
                connection.exec_driver_sql(statement)

    return upgraded


def _is_empty(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    return connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0


def _that_make(connection: Connection) -> list[str]:
    """What is in a database, as SQL, without the transaction around it."""
    raw = connection.connection.driver_connection
    assert raw is not None
    return list(raw.iterdump())[1:-1]
