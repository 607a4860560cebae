"""What survives a restart: :func:`open_store` for an engine, :func:`open_reading` for a look.

Nothing heavy is imported before one of the two is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streamgauge.stores.contract import Keep
from streamgauge.stores.owner import Owner

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.stores.reading import Backend
    from streamgauge.stores.sql import SqlStore, SqlVisitor

Durability = Literal["process", "power"]

_DEFAULT_KEEP = Keep()


def open_store(
    url: str,
    *,
    owner: Owner,
    clock: Clock,
    durability: Durability = "process",
    keep: Keep = _DEFAULT_KEEP,
) -> SqlStore:
    """Open a store as its one writer: made at first, brought up to this version, and taken over.

    Args:
        url: ``sqlite:///streamgauge.db`` (``sqlite:////var/…`` from the root).
        owner: who opens it; :meth:`Owner.this_process`.
        clock: the wall clock of stamps and of the ownership.
        durability: ``process`` survives the death of the process, ``power`` also that of the machine.
        keep: how much is kept.

    Raises:
        ConfigError: the URL names no store.
        StoreTooNewError: a later version wrote it.
        StoreError: another process has it open, or it cannot be opened.
    """
    from streamgauge.stores.sql import SqlStore

    backend = backend_of(url, durability=durability)
    try:
        return SqlStore(backend, owner, clock, keep)
    except BaseException:
        backend.close()
        raise


def open_reading(url: str, *, reader: str = "main", read_only: bool = True) -> SqlVisitor:
    """Look into a store, also while another process writes to it; takes and changes nothing.

    Args:
        url: as for :func:`open_store`.
        reader: whose positions are shown.
        read_only: False only to mark dead letters as replayed.

    Raises:
        ConfigError: the URL names no store.
        StoreTooNewError: a later version wrote it.
        StoreError: there is none, an earlier version wrote it, or it cannot be read.
    """
    from streamgauge.stores.sql import SqlVisitor

    backend = backend_of(url, existing=True, read_only=read_only)
    try:
        return SqlVisitor(backend, reader=reader, read_only=read_only)
    except BaseException:
        backend.close()
        raise


def backend_of(
    url: str, *, durability: Durability = "process", existing: bool = False, read_only: bool = False
) -> Backend:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from streamgauge.errors import ConfigError

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"{url!r} is not a store; write sqlite:///streamgauge.db") from error
    if parsed.get_backend_name() != "sqlite":
        name = parsed.get_backend_name()
        raise ConfigError(f"stores of the kind {name!r} are not known; write sqlite:///streamgauge.db")
    from streamgauge.stores.sqlite import SQLite

    return SQLite(parsed, durability=durability, existing=existing, read_only=read_only)


__all__ = ["Durability", "Keep", "Owner", "open_reading", "open_store"]
