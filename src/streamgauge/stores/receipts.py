"""What a channel remembers of what it sent, such as where in a chat an incident's first message stands.

Written beside the engine's commits and after the receiver's answer: a crash between the two leaves no receipt, and
the channel must find out in another way what it has sent, or send it again under the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from streamgauge.clock import Clock
from streamgauge.stores import Durability
from streamgauge.stores.beside import Beside
from streamgauge.stores.schema import channel_receipts

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST = 100_000
"""Receipts kept per channel; the oldest go first."""
TIDY = 1_000
"""After so many new ones they are looked through."""


class Receipts:
    """The receipts of one channel, in a store that exists; from any thread.

    Methods raise :class:`~streamgauge.errors.StoreError`.
    """

    def __init__(self, url: str, channel: str, clock: Clock, durability: Durability = "process") -> None:
        self._beside = Beside(url, durability)
        self._channel = channel
        self._clock = clock
        self._kept = 0

    def recall(self, name: str) -> str | None:
        """What was kept under ``name``; None where nothing is."""
        query = select(channel_receipts.c.body).where(
            channel_receipts.c.channel == self._channel, channel_receipts.c.name == name
        )
        with self._beside.reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def keep(self, name: str, body: str) -> None:
        """Keep ``body`` under ``name``, in place of what was there."""
        mine = channel_receipts.c.channel == self._channel
        row = {"channel": self._channel, "name": name, "body": body, "kept_at": self._clock.now()}
        with self._beside.writing() as connection:
            connection.execute(delete(channel_receipts).where(mine, channel_receipts.c.name == name))
            connection.execute(channel_receipts.insert().values(row))
            if self._kept % TIDY == 0:
                self._tidy(connection)
            self._kept += 1

    def forget(self, name: str) -> None:
        """Keep it no longer."""
        mine = (channel_receipts.c.channel == self._channel, channel_receipts.c.name == name)
        with self._beside.writing() as connection:
            connection.execute(delete(channel_receipts).where(*mine))

    def kept(self) -> dict[str, str]:
        """All of them by name, the oldest first."""
        query = select(channel_receipts.c.name, channel_receipts.c.body).where(
            channel_receipts.c.channel == self._channel
        )
        with self._beside.reading() as connection:
            found = connection.execute(query.order_by(channel_receipts.c.kept_at, channel_receipts.c.name))
            return {row.name: row.body for row in found}

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()

    def _tidy(self, connection: Connection) -> None:
        mine = channel_receipts.c.channel == self._channel
        newest = select(channel_receipts.c.kept_at).where(mine)
        last = connection.execute(
            newest.order_by(channel_receipts.c.kept_at.desc()).offset(MOST).limit(1)
        ).scalar()
        if last is not None:
            connection.execute(delete(channel_receipts).where(mine, channel_receipts.c.kept_at <= last))
