"""What is PostgreSQL's own: how it is reached, made durable, locked, and whether a commit arrived that broke off.

Everything else of a store is the same for every database and lives in :mod:`streamgauge.stores.sql`; what the server's
errors mean stands in :mod:`streamgauge.stores.postgres_errors`. Needs the extra ``postgres``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, Table, Transaction, create_engine, event, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from streamgauge.errors import ConfigError, StoreError
from streamgauge.stores.doubt import InDoubtError
from streamgauge.stores.postgres_errors import explained

LOCK_SECONDS: Final = 5.0
"""How long a transaction waits for another program's; ``?timeout=1`` sets another."""

REACH_SECONDS: Final = 5
"""How long a connection may take to come about; ``?connect_timeout=20`` sets another."""

OLDEST: Final = 13
"""The oldest major version that can tell what became of a transaction."""

_log = structlog.get_logger(__name__)

_SYNCHRONOUS = {"process": "local", "power": "on"}
_FROZEN = "30s"
"""A writing transaction that stands still for so long is ended: its process is frozen or cut off.

By the server, where it stands between two statements. In the middle of one (many rows are sent as one pipeline) the
server waits for the rest with no time-out of its own; then whoever waits for the lock has it ended.
"""
_LOCKED = "55P03"
_KEPT_OPEN = 4
_FINDING_OUT = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server that has vanished without a word is given up after half a minute (seconds; the last: milliseconds)."""
_FATE_SECONDS = 5.0

# One writer at a time from its beginning, as in SQLite; and its number, by which it can be asked after.
_BEGIN = text(
    "SELECT pg_current_xact_id()::text, set_config('idle_in_transaction_session_timeout', :frozen, true) FROM "
    "(SELECT pg_advisory_xact_lock(hashtext('streamgauge'), hashtext(current_schema()))) AS locked"
)
# The end stands among what is selected: as a condition it might be asked for before the other conditions.
_END_STUCK = text(
    "SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database "
    "WHERE datname = current_database()) AND l.objsubid = 2 "
    "AND l.classid = CAST(hashtext('streamgauge') AS oid) AND l.objid = CAST(hashtext(current_schema()) AS oid) "
    "AND a.state = 'active' AND a.wait_event IN ('ClientRead', 'ClientWrite') "
    "AND a.query_start < clock_timestamp() - CAST(:frozen AS interval)"
)
_FATE = text("SELECT pg_xact_status(CAST(:number AS xid8))")
_HOLDER = text(
    "SELECT a.pid, a.application_name, a.client_addr::text FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database "
    "WHERE datname = current_database()) AND a.pid <> pg_backend_pid()"
)


class Postgres:
    """A store in a PostgreSQL database.

    ``durability``: ``process`` waits until a commit is on the server's own disk, ``power`` also for the standbys that
    the server waits for. A commit is never given up to a crash of the server: this process would go on from a state
    that the store does not have. ``existing`` is for databases that are files: here nothing is made by opening.
    """

    def __init__(
        self, url: URL, *, durability: str = "process", existing: bool = False, read_only: bool = False
    ) -> None:
        self.where = place_of(url)
        self.read_only = read_only
        self.waits = _lock_seconds(url)
        self._pool = _Pool.of(url, self.where, durability, self.waits)
        self._looking = self._pool.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @property
    def engine(self) -> Engine:
        """Makes connections; shared by all that this process has open at this place."""
        return self._pool.engine

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        return insert(table)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is the only writer from its beginning.

        Raises:
            InDoubtError: the connection broke while it was committed, and the server cannot be asked now.
        """
        with self.engine.connect() as connection:
            transaction, number = self._begun(connection)
            try:
                yield connection
            except BaseException:
                with suppress(DBAPIError):
                    transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if not error.connection_invalidated or not self._arrived(number, error):
                    raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and hinders nobody."""
        with self._looking.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections, unless others in this process have the same place open."""
        self._pool.leave()

    def explain(self, error: DBAPIError) -> StoreError:
        """The error in words: what happened, where, what to do."""
        return explained(self.where, error, waited=self.waits, holder=self._holder)

    def _begun(self, connection: Connection, *, again: bool = True) -> tuple[Transaction, str]:
        transaction = connection.begin()
        try:
            return transaction, connection.execute(_BEGIN, {"frozen": _FROZEN}).scalar_one()
        except BaseException as error:
            with suppress(DBAPIError):
                transaction.rollback()
            if not (again and _is_locked(error) and self._ended_stuck()):
                raise
        return self._begun(connection, again=False)

    def _ended_stuck(self) -> bool:
        """Whether whoever holds the lock was frozen in the middle of sending, and has been cut off."""
        with suppress(DBAPIError), self._looking.connect() as connection:
            ended = [pid for pid, done in connection.execute(_END_STUCK, {"frozen": _FROZEN}) if done]
            for pid in ended:
                _log.warning(
                    "a process stood still in the middle of a transaction, which kept the others waiting: it was cut off",
                    store=self.where,
                    server_process=pid,
                )
            return bool(ended)
        return False

    def _arrived(self, number: str, error: DBAPIError) -> bool:
        """Whether a transaction was committed whose end was not heard."""
        try:
            return self._fate(number)
        except DBAPIError as silent:
            said = self.explain(silent)
            raise InDoubtError(
                f"{said}. Whether the last commit arrived is asked before the next one",
                lambda: self._fate(number),
            ) from error

    def _fate(self, number: str) -> bool:
        deadline = time.monotonic() + _FATE_SECONDS
        while True:
            with self._looking.connect() as connection:
                said = connection.execute(_FATE, {"number": number}).scalar()
            if said != "in progress" or time.monotonic() > deadline:
                break
            time.sleep(0.05)  # it is being written, or waits for a standby
        if said == "in progress":
            raise StoreError(f"the store {self.where} is still busy with the last commit; it is asked again")
        return said == "committed"

    def _holder(self) -> str:
        """Who writes now, best effort."""
        with suppress(DBAPIError), self._looking.connect() as connection:
            row = connection.execute(_HOLDER).first()
            if row is not None:
                return (
                    f"{row[1] or 'a program'} (server process {row[0]}, from {row[2] or 'its own machine'})"
                )
        return "another program"


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCKED


class _Pool:
    """The connections of this process to one place; the last one to leave closes them."""

    _open: Final[dict[tuple[Any, ...], _Pool]] = {}
    _lock: Final = threading.Lock()

    def __init__(self, key: tuple[Any, ...], engine: Engine) -> None:
        self.engine = engine
        self._key = key
        self._users = 0

    @classmethod
    def of(cls, url: URL, where: str, durability: str, waits: float) -> _Pool:
        key = (url, durability)
        with cls._lock:
            pool = cls._open.get(key)
            if pool is None:
                pool = cls._open[key] = _Pool(key, _engine(url, where, durability, waits))
            pool._users += 1
            return pool

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                del self._open[self._key]
        if self._users == 0:
            self.engine.dispose()


def place_of(url: URL) -> str:
    """The store's place for people: without password and options, some of which are secret too."""
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"


def _engine(url: URL, where: str, durability: str, waits: float) -> Engine:
    try:
        import psycopg
        from psycopg.conninfo import make_conninfo
    except ImportError as error:
        raise ConfigError(
            f"the store {where} needs the library psycopg; install it: pip install 'streamgauge[postgres]'"
        ) from error
    options = {name: str(value) for name, value in url.query.items() if name != "timeout"}
    if not url.database and "service" not in options:
        raise ConfigError(f"{where} names no database; write postgresql://USER@HOST/DATABASE")
    try:
        make_conninfo(**options)
    except psycopg.ProgrammingError as error:
        raise ConfigError(
            f"{where}: {str(error).strip()}; known is what libpq knows, and `timeout`"
        ) from error
    defaults = {"connect_timeout": REACH_SECONDS, "application_name": "streamgauge", **_FINDING_OUT}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg", query=options),
        connect_args={name: value for name, value in defaults.items() if name not in options},
        pool_size=_KEPT_OPEN,
        max_overflow=-1,
        pool_pre_ping=True,  # after the server was restarted nobody meets a dead connection
        use_native_hstore=False,
    )

    def prepare(connection: Any, _record: object) -> None:
        _check(connection, where)
        connection.adapters.register_dumper(str, _text_dumper())
        connection.autocommit = True
        connection.execute(
            f"SET client_encoding = 'UTF8'; SET synchronous_commit = '{_SYNCHRONOUS[durability]}'; "
            f"SET lock_timeout = {max(1, round(waits * 1000))}"
        )
        connection.autocommit = False

    event.listen(engine, "connect", prepare)
    return engine


def _check(connection: Any, where: str) -> None:
    """Refuse a server that cannot keep what we promise."""
    version = connection.info.server_version
    if version < OLDEST * 10_000:
        raise StoreError(
            f"the store {where} is on PostgreSQL {version // 10_000}; {OLDEST} is the oldest that will do"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"the database {where} is kept in {encoding}, which has no place for every text; make another with: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _text_dumper() -> type[Any]:
    """Writes text; the character 0, which PostgreSQL has no place for, as its picture."""
    from psycopg.types.string import StrDumper

    class Dumper(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{SYMBOL FOR NULL}"))

    return Dumper


def _lock_seconds(url: URL) -> float:
    """How long to wait for another writer: ``?timeout=SECONDS``."""
    said = str(url.query.get("timeout", LOCK_SECONDS))
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigError(
            f"{place_of(url)}: timeout={said} is no number of seconds; write for example ?timeout=5"
        )
    return seconds
