"""A store in a relational database: one code path for all of them.

What differs (opening, locking, the words for errors) is a :class:`~streamgauge.stores.reading.Backend`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, insert, update

from streamgauge.channels.contract import Result
from streamgauge.clock import Clock
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.stores import deciding, lease, sharing, spool
from streamgauge.stores.checkpoints import Checkpoints, Pending
from streamgauge.stores.contract import Answered, Commit, Decided, Keep, SavedState, StateKey
from streamgauge.stores.doubt import InDoubtError
from streamgauge.stores.migrate import check
from streamgauge.stores.owner import Owner
from streamgauge.stores.reading import Backend, SqlReading
from streamgauge.stores.schema import dead_letters, deliveries, meta, outbox
from streamgauge.stores.writing import SqlWriter

_log = structlog.get_logger(__name__)

_DONE = {str(Result.DELIVERED): "delivered", str(Result.GAVE_UP): "gave up"}


class SqlStore(SqlWriter):
    """The store of an engine: its one writer; or of several instances the one that leads.

    Args:
        plan: of the one that leads, a digest of what all instances run; None where it is alone.

    Attributes:
        epoch: the number of this ownership; grows with each.
    """

    def __init__(
        self, backend: Backend, owner: Owner, clock: Clock, keep: Keep, *, plan: str | None = None
    ) -> None:
        self._plan = plan
        super().__init__(backend, owner, clock, keep)
        self.epoch = self._lease.epoch

    def decided(self, after: int = 0, limit: int = 1_000) -> list[Decided]:
        """What the owners of partitions decided and nobody has taken yet, in order; beyond a sequence."""
        with self._reading() as connection:
            return deciding.read_decided(connection, after, limit)

    def renew(self) -> None:
        """Keep the ownership through a time without commits; call it a few times per session time-out.

        Raises:
            StoreTakenError: it is lost.
        """
        with self._turn, self._writing(self._clock.now()):
            pass

    def still_mine(self) -> bool:
        """Whether this process still owns the store; cheap, asked before each notice leaves."""
        with self._reading() as connection:
            return lease.still_mine(connection, self._lease)

    def answered(self, answers: Sequence[Answered]) -> None:
        """Note how tries went, all at once.

        The results ``delivered`` and ``give up`` take a notice out of :meth:`waiting`; ``try again`` keeps it with its
        new ``attempts`` and ``due``.

        Raises:
            StoreTakenError: another process owns the store now; nothing was noted.
        """
        with self._turn, self._writing(self._clock.now()) as connection:
            for each in answers:
                state = _DONE.get(str(each.result), "waiting")
                values = {
                    "state": state,
                    "attempts": each.attempts,
                    "due": each.due,
                    "answered_at": each.at,
                    "detail": each.detail,
                }
                where = outbox.c.sequence == each.sequence
                if connection.execute(update(outbox).where(where).values(values)).rowcount == 1:
                    tried = {"outbox": each.sequence, "attempt": each.attempts, "at": each.at}
                    connection.execute(
                        insert(deliveries).values(
                            {**tried, "result": str(each.result), "detail": each.detail}
                        )
                    )

    def left(self, sequences: Sequence[int]) -> None:
        """These rows of the spool have arrived, or never can."""
        with self._turn, self._writing(self._clock.now()) as connection:
            spool.remove(connection, sequences)

    def move_cursor(self, name: str, to: int) -> None:
        """Note that whoever is called ``name`` has come to ``to``."""
        row = {"name": f"cursor:{name}", "value": str(to)}
        with self._turn, self._writing(self._clock.now()) as connection:
            statement = self._backend.insert(meta).values(row)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"value": str(to)})
            )

    def mark_replayed(self, sequences: Sequence[int], at: int) -> None:
        """Note that these dead letters have been put through again."""
        with self._turn, self._writing(self._clock.now()) as connection:
            mark_replayed(connection, sequences, at)

    def close(self) -> None:
        """Give the ownership back and let go of the store; all that counts was committed before.

        Where it refuses (locked, full), that is said in the log and the ownership runs out by itself.
        """
        try:
            with self._turn, self._explained(), self._backend.write() as connection:
                lease.give_back(connection, self._lease, self._clock.now())
        except StoreError as error:
            _log.warning(
                "the store could not be marked as free: the next start on this host takes it all the same, one "
                f"on another host after {self._owner.session_timeout.total_seconds():g} s",
                why=str(error),
            )
        finally:
            super().close()

    def _enter(self, connection: Connection, now: int) -> None:
        self._lease = lease.take(connection, self._owner, now, where=self.where)
        self._stamps = frozenset({now})
        if self._plan is None:
            sharing.alone(connection, self.where)
        else:
            sharing.join(connection, self.where)
            sharing.lead(connection, self._plan)

    def _write(self, connection: Connection, commit: Commit, now: int) -> Pending:
        if self._plan is not None:
            deciding.take_decided(connection, commit.heard, commit.incidents)
        return super()._write(connection, commit, now)

    @contextmanager
    def _writing(self, now: int) -> Iterator[Connection]:
        """A transaction under our lease, whose time-out starts anew with it."""
        with self._explained():
            try:
                with self._backend.write() as connection:
                    self._refuse(lease.renew(connection, self._lease, now, self._stamps))
                    yield connection
            except InDoubtError:
                self._stamps |= {now}
                raise
            self._stamps = frozenset({now})

    def _refuse(self, why: str) -> None:
        if why == lease.TAKEN:
            raise StoreTakenError(
                f"another process has taken the store {self.where} over, since this one was silent for "
                f"longer than {self._owner.session_timeout.total_seconds():g} s; nothing was written. End "
                "this process: the other one goes on from the last commit"
            )
        if why == lease.LOST:
            raise StoreTakenError(
                f"the store {self.where} is not as this process left it: its newest commits are gone (a copy was put "
                "back, or a standby that lacked them took over); nothing was written. End this process, and start "
                "it again: it goes on from what is there"
            )


class SqlVisitor(SqlReading):
    """A look into a store that another process may own; of all that changes it can only mark replays."""

    def __init__(self, backend: Backend, *, reader: str, read_only: bool) -> None:
        super().__init__(backend, reader=reader)
        self._read_only = read_only
        with self._reading() as connection:
            check(connection, where=backend.where)

    def load(self, key: StateKey) -> SavedState | None:
        """A state as last committed, for a look; the owner's is not touched."""
        with self._reading() as connection:
            checkpoints = Checkpoints()
            checkpoints.open(connection)
            return checkpoints.load(connection, key)

    def mark_replayed(self, sequences: Sequence[int], at: int) -> None:
        """Note that these dead letters have been put through again."""
        if self._read_only:
            raise StoreError(f"the store {self.where} was opened for reading only; open it without read_only")
        with self._explained(), self._backend.write() as connection:
            mark_replayed(connection, sequences, at)


def mark_replayed(connection: Connection, sequences: Sequence[int], at: int) -> None:
    """Stamp dead letters."""
    for sequence in sequences:
        found = update(dead_letters).where(dead_letters.c.sequence == sequence)
        connection.execute(found.values(replayed_at=at))
