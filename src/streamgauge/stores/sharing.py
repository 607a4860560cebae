"""Whether a store belongs to one process or to several instances, and what these have in common.

Said once, when the first one opens it: positions, states and incidents of the two do not fit each other.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, select, update

from streamgauge.errors import StoreError
from streamgauge.stores.schema import meta, positions

PLAN: Final = "instances' plan"
"""In ``meta``: a digest of what the instances run; empty before one of them leads."""


def join(connection: Connection, where: str) -> None:
    """Open a store as one of several.

    Raises:
        StoreError: one process alone has written to it.
    """
    if _plan(connection) is not None:
        return
    if connection.execute(select(positions.c.stream).limit(1)).first() is not None:
        raise StoreError(
            f"the store {where} was written by one process that ran alone; `shared: true` begins with a database of "
            "its own"
        )
    connection.execute(insert(meta).values(name=PLAN, value=""))


def alone(connection: Connection, where: str) -> None:
    """Open a store for oneself.

    Raises:
        StoreError: several instances share it.
    """
    if _plan(connection) is not None:
        raise StoreError(
            f"the store {where} is shared by several instances; write `shared: true` beside its `url:`, or name another"
        )


def lead(connection: Connection, plan: str) -> None:
    """Whoever leads says what all run."""
    connection.execute(update(meta).where(meta.c.name == PLAN).values(value=plan))


def _plan(connection: Connection) -> str | None:
    found: str | None = connection.execute(select(meta.c.value).where(meta.c.name == PLAN)).scalar()
    return found
