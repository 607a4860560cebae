"""Brings a store's tables to this version, and refuses those of a later one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, select, text

from streamgauge.errors import StoreError, StoreTooNewError
from streamgauge.stores.schema import meta

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0011"
"""The newest revision in ``migrations/versions``; a test holds the two equal."""


def revision_of(connection: Connection) -> str | None:
    """The revision that the tables are of; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def migrate(connection: Connection, *, where: str) -> None:
    """Bring the tables to :data:`HEAD`, inside the transaction of ``connection``: all or nothing.

    Raises:
        StoreTooNewError: a later version wrote it.
        StoreError: the database holds other tables, so it is somebody else's.
    """
    revision = revision_of(connection)
    if revision == HEAD:
        return
    if revision is None:
        _refuse_others_tables(connection, where)
    else:
        _refuse_unknown(connection, revision, where)
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def check(connection: Connection, *, where: str) -> None:
    """Make sure that the tables are of this version, for one who may not change them.

    Raises:
        StoreTooNewError: a later version wrote it.
        StoreError: an earlier version wrote it, or it is no store.
    """
    revision = revision_of(connection)
    if revision == HEAD:
        return
    if revision is None:
        raise StoreError(
            f"{where} holds no Streamgauge store; name another, or let `streamgauge run` make it"
        )
    _refuse_unknown(connection, revision, where)
    raise StoreError(
        f"the store {where} was written by Streamgauge {_written_by(connection)} and has not been opened for "
        "writing by this version yet; start `streamgauge run` once, which brings it up to date"
    )


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without an ini file: the scripts lie beside this module."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _known() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


def _refuse_unknown(connection: Connection, revision: str, where: str) -> None:
    if revision in _known():
        return
    from streamgauge import __version__

    version = _written_by(connection)
    raise StoreTooNewError(
        f"the store {where} was written by Streamgauge {version} (tables {revision!r}); this is {__version__}, "
        f"which knows tables up to {HEAD!r}. Install streamgauge>={version}, or name another `store:`"
    )


def _refuse_others_tables(connection: Connection, where: str) -> None:
    tables = inspect(connection).get_table_names()
    if tables:
        names = ", ".join(sorted(tables)[:3])
        raise StoreError(
            f"the database {where} holds other tables already ({names} …); a store wants a database of its own"
        )


def _written_by(connection: Connection) -> str:
    value = connection.execute(select(meta.c.value).where(meta.c.name == "written_by")).scalar()
    return value or "of a later version"
