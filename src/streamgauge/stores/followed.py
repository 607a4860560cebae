"""Which file each generation of a followed path is, kept before anything of it is read.

A position names a generation only; after a restart this tells which file that was, wherever it has been moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select

from streamgauge.stores.beside import Beside
from streamgauge.stores.schema import followed

KEPT = 100
"""Generations of a path that are remembered."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a file from others: where its content lies on the disk, and its first bytes."""

    device: int
    inode: int
    head: bytes

    def is_of(self, other: Identity) -> bool:
        """Whether ``other``, seen later, is the same file: its beginning is still there."""
        place = (self.device, self.inode) == (other.device, other.inode)
        return place and other.head.startswith(self.head)


class Followed:
    """The generations of one stream's paths; methods raise :class:`~streamgauge.errors.StoreError`."""

    def __init__(self, url: str, stream: str) -> None:
        self._beside = Beside(url)
        self._stream = stream

    def known(self, path: str) -> Mapping[int, Identity]:
        """The generations of a path."""
        mine = (followed.c.stream == self._stream) & (followed.c.path == path)
        with self._beside.reading() as connection:
            found = connection.execute(select(followed).where(mine).order_by(followed.c.generation))
            return {row.generation: Identity(int(row.device), int(row.inode), row.head) for row in found}

    def note(self, path: str, generation: int, identity: Identity) -> None:
        """Remember which file a generation is."""
        mine = (followed.c.stream == self._stream) & (followed.c.path == path)
        values = {"device": str(identity.device), "inode": str(identity.inode), "head": identity.head}
        same = (followed.c.generation == generation) | (followed.c.generation <= generation - KEPT)
        with self._beside.writing() as connection:
            connection.execute(delete(followed).where(mine & same))
            connection.execute(
                followed.insert(), {"stream": self._stream, "path": path, "generation": generation, **values}
            )

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()
