"""A store that several instances share: each writes for the partitions that it has taken, and for no others.

Whoever takes a partition raises the epoch of its row, and reads positions and states after that. Every commit checks
the epochs that it writes under. So whoever raised it last writes, and has seen all that was written before, however late
somebody wakes who was frozen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, select, text, update

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.incident import Incident
from streamgauge.stores import deciding
from streamgauge.stores.checkpoints import Pending
from streamgauge.stores.contract import Commit, Keep, Position
from streamgauge.stores.doubt import InDoubtError
from streamgauge.stores.owner import Owner
from streamgauge.stores.reading import Backend
from streamgauge.stores.schema import meta, partition_owners
from streamgauge.stores.sharing import PLAN, join
from streamgauge.stores.writing import SqlWriter

DECIDED = "streamgauge_decided"
"""The channel on which PostgreSQL wakes whoever tells."""

Place = tuple[str, Partition]
"""A stream, and one of its partitions."""


class PartitionsLostError(StoreError):
    """Another instance has taken partitions that were ours; nothing was written, and the rest may be given again.

    Attributes:
        places: by stream, the partitions.
    """

    def __init__(self, where: str, places: Collection[Place]) -> None:
        self.places = frozenset(places)
        names = ", ".join(f"{stream} {partition}" for stream, partition in sorted(places))
        super().__init__(f"another instance on the store {where} has taken over {names}")


class SqlMember(SqlWriter):
    """One of several instances on a store.

    Args:
        plan: a digest of what shapes the states; all instances must have the same.
    """

    def __init__(self, backend: Backend, owner: Owner, clock: Clock, keep: Keep, *, plan: str) -> None:
        self._plan = plan
        self._epochs: dict[Place, int] = {}
        self._stamps: frozenset[int] = frozenset()
        super().__init__(backend, owner, clock, keep)

    @property
    def taken(self) -> Mapping[Place, int]:
        """What is ours, each with its epoch."""
        return dict(self._epochs)

    def take(self, stream: str, partitions: Collection[Partition]) -> dict[Partition, Position]:
        """Make partitions ours, whoever had them; where reading goes on, of those that were read before."""
        with self._turn:
            self._settled()
            now = self._clock.now()
            with self._explained(), self._backend.write() as connection:
                self._same_plan(connection)
                epochs = {(stream, one): self._raise(connection, stream, one, now) for one in partitions}
                self._checkpoints.reopen(connection, stream, partitions)
            self._stamps |= {now}
            self._epochs |= epochs
        known = self.positions(stream)
        return {partition: known[partition] for partition in partitions if partition in known}

    def leave(self, stream: str, partitions: Collection[Partition]) -> None:
        """These are not ours any more: the next commit does not write for them."""
        for partition in partitions:
            self._epochs.pop((stream, partition), None)

    def held(self, stream: str, partition: Partition) -> list[tuple[Incident, bool]]:
        """The open and pending incidents of a partition, and whether people ended them."""
        with self._reading() as connection:
            return deciding.held_of(connection, stream, partition)

    def over(self) -> list[str]:
        """Incidents that people ended, and that their owners are to forget, by id."""
        with self._reading() as connection:
            return deciding.over_by_hand(connection)

    def _enter(self, connection: Connection, now: int) -> None:
        join(connection, self.where)
        self._same_plan(connection)

    @contextmanager
    def _writing(self, now: int) -> Iterator[Connection]:
        """A transaction in which all that is ours stays ours."""
        with self._explained():
            try:
                with self._backend.write() as connection:
                    self._same_plan(connection)
                    self._check(connection, now)
                    yield connection
            except InDoubtError:
                self._stamps |= {now}
                raise
            self._stamps = frozenset({now})

    def _write(self, connection: Connection, commit: Commit, now: int) -> Pending:
        if commit.decided:
            connection.execute(text(f"NOTIFY {DECIDED}"))  # heard once this is committed
        return super()._write(connection, commit, now)

    def _check(self, connection: Connection, now: int) -> None:
        """The rows of our partitions carry our epochs, and the stamp of our last commit: none of it was lost since."""
        if not self._epochs:
            return
        table = partition_owners.c
        mine = (table.holder == self._owner.id, table.committed_at.in_(self._stamps))
        stamped = update(partition_owners).where(*mine).values(committed_at=now)
        found = connection.execute(stamped.returning(table.stream, table.partition, table.epoch))
        ours = {(row.stream, Partition.parse(row.partition), row.epoch) for row in found}
        lost = [place for place, epoch in self._epochs.items() if (*place, epoch) not in ours]
        if lost:
            raise PartitionsLostError(self.where, lost)

    def _raise(self, connection: Connection, stream: str, partition: Partition, now: int) -> int:
        key = {"stream": stream, "partition": str(partition)}
        values = {"holder": self._owner.id, "taken_at": now, "committed_at": now}
        statement = self._backend.insert(partition_owners).values(**key, **values, epoch=1)
        raised = statement.on_conflict_do_update(
            index_elements=list(key), set_={**values, "epoch": partition_owners.c.epoch + 1}
        )
        epoch: int = connection.execute(raised.returning(partition_owners.c.epoch)).scalar_one()
        return epoch

    def _same_plan(self, connection: Connection) -> None:
        leads = connection.execute(select(meta.c.value).where(meta.c.name == PLAN)).scalar()
        if leads and leads != self._plan:
            raise StoreTakenError(
                f"the instances on the store {self.where} run another file than this one: their streams or monitors "
                "differ. Nothing was written; give all the same file, and stop them all before they start with a new one"
            )
