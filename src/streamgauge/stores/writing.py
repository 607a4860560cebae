"""What everyone who commits to a store does alike; who may, and what each transaction checks, is its own matter."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import AbstractContextManager

from sqlalchemy import Connection, insert, select, update

from streamgauge import __version__
from streamgauge.clock import Clock
from streamgauge.failpoints import reach
from streamgauge.stores import deciding, partitions, sections, spool
from streamgauge.stores.checkpoints import Checkpoints, Pending
from streamgauge.stores.contract import Commit, Keep, SavedState, StateKey
from streamgauge.stores.doubt import Doubt, InDoubtError, rest_of
from streamgauge.stores.history import History
from streamgauge.stores.migrate import migrate
from streamgauge.stores.owner import Owner
from streamgauge.stores.reading import Backend, SqlReading
from streamgauge.stores.schema import judgements, meta
from streamgauge.stores.turns import turn_at


class SqlWriter(SqlReading, ABC):
    """Commits to a store.

    Transactions that write are taken one after the other, whichever thread they come from; SQLite would make
    the later one sleep and ask again.

    Attributes:
        damages: one sentence per damaged block met since opening.
    """

    def __init__(self, backend: Backend, owner: Owner, clock: Clock, keep: Keep) -> None:
        super().__init__(backend, reader=owner.reader)
        self._owner = owner
        self._clock = clock
        self._keep = keep
        self._turn = turn_at(backend.where)
        self._checkpoints = Checkpoints()
        self._doubt = Doubt()
        self._history = History(keep.history)
        self._judgements = History(keep.history, judgements)
        with self._explained(), backend.write() as connection:
            migrate(connection, where=backend.where)
            self._enter(connection, clock.now())
            sign(connection)
            partitions.note(connection, keep.history)
            self._checkpoints.open(connection)

    @property
    def damages(self) -> list[str]:
        """One sentence per damaged block met since opening."""
        return self._checkpoints.damages

    def load(self, key: StateKey) -> SavedState | None:
        """A saved state, or None. A damaged block falls back to the last good one, with its positions."""
        with self._turn:
            self._settled()
            with self._reading() as connection:
                return self._checkpoints.load(connection, key)

    def commit(self, commit: Commit) -> None:
        """Write all of it in one transaction; after an error nothing was, and it may be given again.

        Raises:
            StoreTakenError: another process owns the store now; this one must stop.
            StoreError: full, locked, gone …: the same commit may succeed later. Where it is not known whether it
                arrived, that is found out before the next one, which must bring all of this one again.
        """
        reach("commit.before")
        now = self._clock.now()
        with self._turn:
            written = self._settled()
            rest = commit if written is None else rest_of(commit, written)
            try:
                with self._writing(now) as connection:
                    pending = self._write(connection, rest, now)
                    small = self._history.write(connection, rest.history)
                    small_judged = self._judgements.write(connection, rest.judgements)
            except InDoubtError as error:
                self._doubt.begin(error, commit)
                raise
            self._checkpoints.accept(pending)
            self._history.accept(small)
            self._judgements.accept(small_judged)

    @abstractmethod
    def _enter(self, connection: Connection, now: int) -> None:
        """Become one who may write, or be refused."""

    @abstractmethod
    def _writing(self, now: int) -> AbstractContextManager[Connection]:
        """A transaction that checks whether we still may."""

    def _write(self, connection: Connection, commit: Commit, now: int) -> Pending:
        put, keep = self._backend.insert, self._keep
        sections.write_positions(connection, put, self._owner.reader, commit.positions)
        pending = self._checkpoints.write(connection, commit.states, commit.dropped, now)
        sections.write_incidents(connection, put, commit.incidents, now, commit.remarks)
        sections.write_telling(connection, put, commit.telling)
        sections.write_notices(connection, put, commit.notices, now, keep.notices)
        sections.write_dead_letters(connection, put, commit.dead_letters, keep.dead_letters)
        sections.write_late(connection, put, commit.late, now)
        sections.write_paused(connection, put, commit.paused, now)
        spool.write(connection, put, commit.rows)
        deciding.write_decided(connection, put, commit.decided)
        return pending

    def _settled(self) -> Commit | None:
        """Where the end of the last commit was not heard: find out. The commit, if it had arrived."""
        with self._explained():
            written = self._doubt.settle()
        if written is not None:
            # What it wrote of the states cannot be told any more from what has changed since: compare with nothing.
            with self._reading() as connection:
                self._checkpoints.open(connection)
            self._history.accept(Counter())
            self._judgements.accept(Counter())
        return written


def sign(connection: Connection) -> None:
    """The store's own id, at first; and which version wrote to it last."""
    known = set(connection.execute(select(meta.c.name)).scalars())
    if "store" not in known:
        connection.execute(insert(meta).values(name="store", value=str(uuid.uuid4())))
    if "written_by" in known:
        connection.execute(update(meta).where(meta.c.name == "written_by").values(value=__version__))
    else:
        connection.execute(insert(meta).values(name="written_by", value=__version__))
