"""A connection of one's own to a store that this process owns: for what is written beside the engine's commits.

Such writes concern only tables that no commit of the engine touches. The engine's commits go first (:mod:`.turns`), so
they wait no longer than one small transaction takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from streamgauge.stores import Durability, backend_of
from streamgauge.stores.turns import turn_at

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


class Beside:
    """Transactions on a store that exists already; methods raise :class:`~streamgauge.errors.StoreError`."""

    def __init__(self, url: str, durability: Durability = "process") -> None:
        self._backend = backend_of(url, durability=durability, existing=True)
        self._turn = turn_at(self._backend.where)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is the only writer from its beginning; the engine's go before it."""
        try:
            with self._turn.after_others(), self._backend.write() as connection:
                yield connection
        except DBAPIError as error:
            raise self._backend.explain(error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment."""
        try:
            with self._backend.read() as connection:
                yield connection
        except DBAPIError as error:
            raise self._backend.explain(error) from error

    def insert(self, table: Table) -> Any:
        """An INSERT that knows what to do about a row that is there already."""
        return self._backend.insert(table)

    def close(self) -> None:
        """Let go of the store."""
        self._backend.close()
