"""One path across rotations: which file is read, where a line begins, and when the next file's turn comes.

A *generation* is one file's time under the path. It ends when another file has taken the path (rotation by rename)
or when the file became shorter or was written anew (copy and truncate).
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streamgauge.sources.file_lines import BLOCK, COMPRESSION, KEPT, LONGEST
from streamgauge.stores.followed import Identity

HEAD = 256
"""First bytes of a file by which it is known again."""
GRACE = 1.0
"""Seconds for which a file that was moved away is still read: whoever writes it may not know yet."""
_BYTES = 40
_UTF8_MARK = b"\xef\xbb\xbf"


class Memory(Protocol):
    """Remembers which file each generation of a path was."""

    def known(self, path: str) -> Mapping[int, Identity]:
        """By generation."""
        ...

    def note(self, path: str, generation: int, identity: Identity) -> None:
        """Keep one for good, before anything of it is read."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its offset, the offset behind it, its bytes, and why it cannot be read, if so."""

    offset: int
    behind: int
    text: bytes
    trouble: str = ""


def offset_of(generation: int, byte: int) -> int:
    """A position as one number that grows over generations.

    >>> offset_of(2, 17) == 2 * 2**40 + 17
    True
    """
    return (generation << _BYTES) + byte


class Followed:
    """Reads one path.

    Attributes:
        name: the path as given.
        offset: behind the last line that was handed out.
        end: the offset up to which the file is known to reach.
        at_end: whether everything was read when it was last looked.
        gap: what was wanted and is gone, until it is taken.
    """

    def __init__(
        self,
        name: str,
        offset: int,
        memory: Memory,
        monotonic: Callable[[], float],
        path: Path | None = None,
    ) -> None:
        self.name = name
        self.offset = self.end = offset
        self.at_end = False
        self.gap: tuple[int, int] | None = None
        self._path = Path(name) if path is None else path
        self._memory = memory
        self._monotonic = monotonic
        self._generation, self._begin = offset >> _BYTES, offset & ((1 << _BYTES) - 1)
        self._known = dict(memory.known(name))
        self._file: int | None = None
        self._identity = Identity(0, 0, b"")
        self._lines: deque[Line] = deque()
        self._rest = b""
        self._read_to = self._begin
        self._too_long = False
        self._moved_at: float | None = None

    def has_been(self, identity: Identity) -> bool:
        """Whether a file was, or is, read under this path."""
        return any(known.is_of(identity) for known in self._known.values())

    def read(self, limit: int) -> list[Line]:
        """The next lines, blank ones left out; empty at the end of the file, and while there is no file.

        Raises:
            OSError: the file cannot be read.
            StoreError: which file it is could not be remembered; nothing was read.
        """
        self.at_end = False
        if not self._lines:
            self._fill()
        taken = [self._lines.popleft() for _ in range(min(limit, len(self._lines)))]
        if taken:
            self.offset = taken[-1].behind
        self.end = max(self.end, self.offset)
        return [line for line in taken if line.text.strip() or line.trouble]

    def measure(self) -> int:
        """The offset up to which the file reaches now, without reading; more than is known to be lines."""
        if self._file is None:
            return self.end + (identity_of(self._path) is not None)
        self.end = max(self.end, offset_of(self._generation, os.fstat(self._file).st_size))
        return self.end

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # which file

    def _fill(self) -> None:
        if self._file is None and not self._find():
            self.at_end = True
            return
        assert self._file is not None
        status = os.fstat(self._file)
        if status.st_size < self._read_to or not self._still_itself():
            self._next_generation(self._file)  # written anew from its beginning
            status = os.fstat(self._file)
        data = os.pread(self._file, BLOCK, self._read_to)
        self.end = offset_of(self._generation, status.st_size)
        if data:
            self._moved_at = None
            self._learn_head()
            self._cut(data)
        elif self._is_current():
            self._moved_at = None
            self.end, self.at_end = self.offset, True
        else:
            self._leave()

    def _find(self) -> bool:
        """Open the file of our generation, wherever it is now."""
        known = self._known.get(self._generation)
        if known is None:
            return self._open(self._path)
        for path in (self._path, *self._siblings()):
            identity = identity_of(path)
            if identity is not None and known.is_of(identity) and self._open(path):
                return True
        if identity_of(self._path) is None:
            return False
        wanted = self.offset
        self._begin_generation(self._generation + 1)
        self.gap = (wanted, self.offset)
        return self._open(self._path)

    def _open(self, path: Path) -> bool:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self._identity = _identity(file)
        try:
            self._note()
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return True

    def _note(self) -> None:
        if self._known.get(self._generation) != self._identity:
            self._memory.note(self.name, self._generation, self._identity)
            self._known[self._generation] = self._identity

    def _learn_head(self) -> None:
        if self._file is not None and len(self._identity.head) < HEAD:
            self._identity = _identity(self._file)
            self._note()

    def _still_itself(self) -> bool:
        assert self._file is not None
        return os.pread(self._file, len(self._identity.head), 0) == self._identity.head

    def _is_current(self) -> bool:
        """Whether the path still leads to the file that is read, or to none yet."""
        assert self._file is not None
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        return os.path.samestat(there, os.fstat(self._file))

    def _leave(self) -> None:
        """The path leads to another file: go there, once nothing more came for a while."""
        now = self._monotonic()
        if self._moved_at is None:
            self._moved_at = now
        if now - self._moved_at < GRACE:
            return
        if self._rest:
            self._add(self._rest, self._read_to)  # a last line without its end will not get one any more
            self._rest = b""
            return
        assert self._file is not None
        following = self._between(os.fstat(self._file).st_mtime_ns)
        self.close()
        self._begin_generation(self._generation + 1)
        if self._generation in self._known:  # begun before a restart, but nothing of it was committed
            self._find()
        else:
            self._open(following or self._path)

    def _next_generation(self, file: int) -> None:
        self._begin_generation(self._generation + 1)
        self._identity = _identity(file)
        self._note()

    def _begin_generation(self, generation: int) -> None:
        self._generation, self._begin, self._read_to = generation, 0, 0
        self._rest, self._too_long, self._moved_at = b"", False, None
        self._identity = Identity(0, 0, b"")
        self.offset = self.end = offset_of(generation, 0)

    def _siblings(self) -> list[Path]:
        """Other files that may have had this path: their names begin as its does."""
        folder = self._path.parent
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  # names are compared, not paths
        except OSError:
            return []
        return [
            folder / name for name in names if name.startswith(self._path.stem) and name != self._path.name
        ]

    def _between(self, since: int) -> Path | None:
        """The oldest rotated file that was never read: the path changed hands more than once meanwhile."""
        found = []
        for path in self._siblings():
            identity = identity_of(path)
            if identity is None or not self._is_rotated(path) or self.has_been(identity):
                continue
            changed = path.stat().st_mtime_ns
            if changed >= since:
                found.append((changed, path))
        return min(found)[1] if found else None

    def _is_rotated(self, path: Path) -> bool:
        """Whether a name is the path's with a number or a date in it; packed files cannot be gone on with."""
        stem, end = re.escape(self._path.stem), re.escape(self._path.suffix)
        named = rf"{stem}{end}[-._]\d[\d._:TZ-]*|{stem}[-._]\d[\d._:TZ-]*{end}"
        return path.suffix not in COMPRESSION and re.fullmatch(named, path.name) is not None

    # which lines

    def _cut(self, data: bytes) -> None:
        """Cut what was read at line ends; what follows the last one waits."""
        start = self._read_to - len(self._rest) if not self._too_long else self._begin
        self._read_to += len(data)
        *whole, rest = data.split(b"\n")
        behind = self._read_to - len(data)
        for part in whole:
            behind += len(part) + 1
            self._begin = start
            self._add(self._rest + part, behind)
            start, self._rest = behind, b""
        self._begin = start
        if not self._too_long:
            self._rest += rest
        if len(self._rest) > LONGEST:
            self._rest, self._too_long = self._rest[:KEPT], True

    def _add(self, text: bytes, behind: int) -> None:
        first, after = offset_of(self._generation, self._begin), offset_of(self._generation, behind)
        if self._too_long or len(text) > LONGEST:
            trouble = f"a line of more than {LONGEST // 1024**2} MiB; no record is that long"
            self._lines.append(Line(first, after, text[:KEPT], trouble))
            self._too_long = False
            return
        if self._begin == 0:
            text = text.removeprefix(_UTF8_MARK)
        self._lines.append(Line(first, after, text.removesuffix(b"\r")))


def identity_of(path: Path) -> Identity | None:
    """Which file lies at ``path``; None if there is none, or it is no plain file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _identity(file) if path.is_file() else None
    finally:
        os.close(file)


def _identity(file: int) -> Identity:
    status = os.fstat(file)
    return Identity(status.st_dev, status.st_ino, os.pread(file, HEAD, 0))
