"""One writer at a time: a lease row whose epoch every transaction checks.

A process that lost the lease (stopped for longer than its session time-out while another took over) finds
another epoch at its next transaction, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from streamgauge.clock import iso, to_micros
from streamgauge.errors import StoreError
from streamgauge.stores.owner import Owner, is_gone
from streamgauge.stores.schema import leases

WRITER = "writer"

TAKEN, LOST = "taken", "lost"


class HeldError(StoreError):
    """Somebody alive holds it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken: valid as long as the row carries this epoch."""

    name: str
    epoch: int


def take(connection: Connection, owner: Owner, now: int, *, where: str, name: str = WRITER) -> Lease:
    """Take the lease if it is free, its holder is dead or silent for longer than the session time-out.

    Raises:
        HeldError: somebody alive holds it; the sentence names who, since when, and what to do.
    """
    row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).first()
    epoch = 1 if row is None else row.epoch + 1
    values = {
        "holder": owner.id,
        "epoch": epoch,
        "host": owner.host,
        "pid": owner.pid,
        "pid_started": owner.pid_started,
        "taken_at": now,
        "renewed_at": now,
    }
    if row is None:
        connection.execute(insert(leases).values(name=name, **values))
        return Lease(name, epoch)
    silent = now - row.renewed_at > to_micros(owner.session_timeout)
    if row.holder is not None and not silent and not is_gone(row.host, row.pid, row.pid_started):
        raise HeldError(_taken(where, owner, row.host, row.pid, row.taken_at))
    connection.execute(update(leases).where(leases.c.name == name).values(**values))
    return Lease(name, epoch)


def renew(connection: Connection, lease: Lease, now: int, stamps: Collection[int]) -> str:
    """Stamp the lease; ``TAKEN`` or ``LOST`` where that cannot be, else nothing.

    ``stamps``: those that the last transaction may have left. Another one means that commits are lost since: a copy
    was put back, or a standby that lacked them took over.
    """
    mine = (leases.c.name == lease.name, leases.c.epoch == lease.epoch)
    stamp = update(leases).where(*mine, leases.c.renewed_at.in_(stamps)).values(renewed_at=now)
    if connection.execute(stamp).rowcount == 1:
        return ""
    return LOST if still_mine(connection, lease) else TAKEN


def still_mine(connection: Connection, lease: Lease) -> bool:
    """Whether the row still carries our epoch; reads only."""
    epoch = connection.execute(select(leases.c.epoch).where(leases.c.name == lease.name)).scalar()
    return epoch == lease.epoch


def give_back(connection: Connection, lease: Lease, now: int) -> None:
    """Leave in order, so that the next one need not wait; nothing happens when it was lost."""
    mine = update(leases).where(leases.c.name == lease.name, leases.c.epoch == lease.epoch)
    connection.execute(mine.values(holder=None, renewed_at=now))


def _taken(where: str, owner: Owner, host: str, pid: int, since: int) -> str:
    seconds = owner.session_timeout.total_seconds()
    return (
        f"another Streamgauge (pid {pid} on host {host}, since {iso(since)}) has the store {where} open; "
        f"stop it, or wait until it has been silent for {seconds:g} s"
    )
