"""What survives a restart: :func:`open_store` for an engine, :func:`open_reading` for a look.

Nothing heavy is imported before one of the two is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from streamgauge.stores.contract import Keep
from streamgauge.stores.owner import Owner

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.stores.member import SqlMember
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
    plan: str | None = None,
) -> SqlStore:
    """Open a store as its one writer: made at first, brought up to this version, and taken over.

    Args:
        url: ``sqlite:///streamgauge.db`` (``sqlite:////var/…`` from the root), or ``postgresql://…``.
        owner: who opens it; :meth:`Owner.this_process`.
        clock: the wall clock of stamps and of the ownership.
        durability: ``process`` survives the death of the process, ``power`` also that of the machine.
        keep: how much is kept.
        plan: where several instances share it, a digest of what they run; then this one leads them.

    Raises:
        ConfigError: the URL names no store.
        StoreTooNewError: a later version wrote it.
        StoreError: another process has it open, or it cannot be opened.
    """
    from streamgauge.stores.sql import SqlStore

    backend = backend_of(url, durability=durability)
    try:
        return SqlStore(backend, owner, clock, keep, plan=plan)
    except BaseException:
        backend.close()
        raise


def open_member(
    url: str,
    *,
    owner: Owner,
    clock: Clock,
    plan: str,
    durability: Durability = "process",
    keep: Keep = _DEFAULT_KEEP,
) -> SqlMember:
    """Open a store in PostgreSQL as one of several instances, which each write for the partitions they have taken.

    Args:
        url: ``postgresql://…``.
        owner: who opens it.
        clock: as for :func:`open_store`.
        durability: the same.
        keep: the same.
        plan: a digest of what all instances run.

    Raises:
        StoreTakenError: the other instances run something else.
        StoreError: it belongs to one process alone, or cannot be opened.
    """
    from streamgauge.stores.member import SqlMember

    backend = backend_of(url, durability=durability)
    try:
        return SqlMember(backend, owner, clock, keep, plan=plan)
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
    from streamgauge.settings import hide

    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"{hide(url, {})!r} is not a store; {_WRITE}") from error
    if kind == "sqlite":
        from streamgauge.stores.sqlite import SQLite

        return SQLite(parsed, durability=durability, existing=existing, read_only=read_only)
    if kind == "postgresql":
        from streamgauge.stores.postgres import Postgres

        return Postgres(parsed, durability=durability, existing=existing, read_only=read_only)
    raise ConfigError(f"stores of the kind {kind!r} are not known; {_WRITE}")


def file_of(url: str) -> Path | None:
    """The file of a store; None where it is no file, but a database on a server."""
    if not url.startswith("sqlite:///"):
        return None
    return Path(url.removeprefix("sqlite:///").partition("?")[0])


_WRITE = "write sqlite:///streamgauge.db, or postgresql://USER@HOST/DATABASE"

__all__ = ["Durability", "Keep", "Owner", "file_of", "open_member", "open_reading", "open_store"]
