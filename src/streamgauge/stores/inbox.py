"""The durable inbox: records that were accepted, in the order of their commits, until they are counted.

One row per request. A record's offset is the row's ``first`` and its line; offsets go on where the last record, or
the engine's position if that is further, ended, so none is ever used twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from streamgauge.batch import Partition
from streamgauge.stores import Durability
from streamgauge.stores.beside import Beside
from streamgauge.stores.schema import inbox, positions, request_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection


KEYS = 1_000_000
"""Keys of requests that are known per stream at most; the oldest are forgotten first."""

TIDY = 100
"""Keys are tidied with every so many requests that carry one."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Records of one request: a JSON object per line, without a line end behind the last.

    ``most``: how many may wait in the inbox of the stream, these included. ``key``: under which its sender may send
    it again; ``remember``: for how long, in microseconds.
    """

    stream: str
    count: int
    received_at: int
    data: bytes
    most: int
    key: str | None = None
    remember: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request.

    Attributes:
        first: offset of its first record.
        again: its key was known: nothing was kept anew.
        other: and under that key other records were sent.
    """

    first: int
    again: bool = False
    other: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of the inbox with offsets from ``first`` on."""

    first: int
    received_at: int
    records: Sequence[bytes]


class Inbox:
    """The inbox of one store; one thread at a time. Methods raise :class:`~streamgauge.errors.StoreError`."""

    def __init__(self, url: str, durability: Durability = "process") -> None:
        self._beside = Beside(url, durability)
        self._keyed = 0

    def add(self, requests: Sequence[Posted]) -> list[Receipt | None]:
        """Keep them for good, all in one transaction: a receipt of each, None for which there is no room."""
        receipts: list[Receipt | None] = []
        with self._beside.writing() as connection:
            for request in requests:
                receipts.append(_known(connection, request) or _keep(connection, request))
                if request.key is not None:
                    self._tidy(connection, request)
        return receipts

    def span(self, stream: str) -> tuple[int, int]:
        """The oldest offset that is kept, and the one that the next record will get."""
        with self._beside.reading() as connection:
            return _span(connection, stream)

    def read(self, stream: str, start: int, limit: int) -> list[Chunk]:
        """Records from offset ``start`` on, about ``limit`` of them."""
        query = (
            select(inbox.c.first, inbox.c.received_at, inbox.c.data)
            .where(inbox.c.stream == stream, inbox.c.first + inbox.c.count > start)
            .order_by(inbox.c.first)
        )
        found: list[Chunk] = []
        with self._beside.reading() as connection:
            for row in connection.execute(query):
                records = row.data.split(b"\n")
                skipped = max(0, start - row.first)
                found.append(Chunk(row.first + skipped, row.received_at, records[skipped:]))
                limit -= len(records) - skipped
                if limit <= 0:
                    break
        return found

    def forget(self, stream: str, before: int) -> None:
        """Remove requests whose records all lie before ``before``: they are counted."""
        with self._beside.writing() as connection:
            connection.execute(
                delete(inbox).where(inbox.c.stream == stream, inbox.c.first + inbox.c.count <= before)
            )

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()

    def _tidy(self, connection: Connection, request: Posted) -> None:
        """Forget, now and then, keys that are too old or too many."""
        self._keyed += 1
        if self._keyed % TIDY != 1:
            return
        mine, age = request_keys.c.stream == request.stream, request_keys.c.received_at
        most = select(age).where(mine).order_by(age.desc()).offset(KEYS).limit(1)
        oldest = connection.execute(most).scalar()
        limit = request.received_at - request.remember
        connection.execute(
            delete(request_keys).where(mine, age < max(limit, -1 if oldest is None else oldest))
        )


def partition_of(stream: str) -> Partition:
    """The one partition of a stream that is posted to this instance."""
    return Partition(stream, 0)


def _known(connection: Connection, request: Posted) -> Receipt | None:
    """The receipt of the request that came under this key before."""
    if request.key is None:
        return None
    query = select(request_keys.c.first, request_keys.c.hash).where(
        request_keys.c.stream == request.stream,
        request_keys.c.key == request.key,
        request_keys.c.received_at >= request.received_at - request.remember,
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else Receipt(found.first, again=True, other=found.hash != _hash(request))


def _keep(connection: Connection, request: Posted) -> Receipt | None:
    """Its records and its key, if there is room."""
    start, end = _span(connection, request.stream)
    if end + request.count - start > request.most:
        return None
    row = {
        "stream": request.stream,
        "first": end,
        "count": request.count,
        "received_at": request.received_at,
        "data": request.data,
    }
    connection.execute(insert(inbox), row)
    if request.key is not None:
        mine = (request_keys.c.stream == request.stream, request_keys.c.key == request.key)
        connection.execute(delete(request_keys).where(*mine))  # one that is too old
        key = {
            "stream": request.stream,
            "key": request.key,
            "first": end,
            "hash": _hash(request),
            "received_at": request.received_at,
        }
        connection.execute(insert(request_keys), key)
    return Receipt(end)


def _hash(request: Posted) -> str:
    return hashlib.sha256(request.data).hexdigest()


def _span(connection: Connection, stream: str) -> tuple[int, int]:
    mine = inbox.c.stream == stream
    start = connection.execute(select(func.min(inbox.c.first)).where(mine)).scalar()
    last = connection.execute(
        select(inbox.c.first + inbox.c.count).where(mine).order_by(inbox.c.first.desc()).limit(1)
    ).scalar()
    counted = connection.execute(
        select(func.max(positions.c.next_offset)).where(
            positions.c.stream == stream, positions.c.partition == str(partition_of(stream))
        )
    ).scalar()
    end = max(last or 0, counted or 0)
    return (end if start is None else int(start)), end
