"""A store in a relational database: one code path for all of them.

What differs (opening, locking, the words for errors) is a :class:`~streamgauge.stores.reading.Backend`.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, insert, select, update

from streamgauge import __version__
from streamgauge.channels.contract import Result
from streamgauge.clock import Clock
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.failpoints import reach
from streamgauge.stores import lease, sections, spool
from streamgauge.stores.checkpoints import Checkpoints, Pending
from streamgauge.stores.contract import Answered, Commit, Keep, SavedState, StateKey
from streamgauge.stores.doubt import Doubt, InDoubtError, rest_of
from streamgauge.stores.history import History
from streamgauge.stores.migrate import check, migrate
from streamgauge.stores.owner import Owner
from streamgauge.stores.reading import Backend, SqlReading
from streamgauge.stores.schema import dead_letters, deliveries, judgements, meta, outbox
from streamgauge.stores.turns import turn_at

_log = structlog.get_logger(__name__)

_DONE = {str(Result.DELIVERED): "delivered", str(Result.GAVE_UP): "gave up"}


class SqlStore(SqlReading):
    """The store of an engine: its one writer.

    Transactions that write are taken one after the other, whichever thread they come from; SQLite would make
    the later one sleep and ask again.

    Attributes:
        damages: one sentence per damaged block met since opening.
        epoch: the number of this ownership; grows with each.
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
            began = clock.now()
            self._lease = lease.take(connection, owner, began, where=backend.where)
            sign(connection)
            self._checkpoints.open(connection)
        self.epoch = self._lease.epoch
        self._stamps = frozenset({began})

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


def sign(connection: Connection) -> None:
    """The store's own id, at first; and which version wrote to it last."""
    known = set(connection.execute(select(meta.c.name)).scalars())
    if "store" not in known:
        connection.execute(insert(meta).values(name="store", value=str(uuid.uuid4())))
    if "written_by" in known:
        connection.execute(update(meta).where(meta.c.name == "written_by").values(value=__version__))
    else:
        connection.execute(insert(meta).values(name="written_by", value=__version__))
