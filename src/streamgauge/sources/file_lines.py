"""Files cut into lines: NDJSON, and what CSV is read from; plain, ``.gz`` or ``.zst``."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from streamgauge.errors import SourceError
from streamgauge.sources.finite import Piece, skip

BLOCK = 256 * 1024
"""Bytes read at once; a file in work holds about two of them."""

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest line that is a record; a longer one goes to the dead-letter without being held."""

KEPT = 64 * 1024
"""Bytes kept of a line that is too long."""

COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def open_lines(path: Path, name: str, position: int) -> LineReader:
    """Open a file of one record per line at line ``position``."""
    reader = LineReader(open_bytes(path, name), name)
    bare = path.stem if path.suffix.lower() in COMPRESSION else path.name
    if bare.lower().endswith(".json") and reader.first_byte() == b"[":
        reader.close()
        raise SourceError(
            f"{name} is one JSON list; expected an object per line. Convert it: jq -c '.[]' {name} > all.ndjson"
        )
    skip(reader, position, name)
    return reader


def open_lines_at(path: Path, name: str, byte: int, position: int) -> LineReader:  # noqa: ARG001  an Opener's
    """Open a plain file at ``byte``, where line ``position`` begins."""
    stream = open_bytes(path, name)
    stream.seek(byte)
    return LineReader(stream, name, started=byte > 0)


def open_bytes(path: Path, name: str) -> IO[bytes]:
    """A file's content, decompressed as its extension says.

    Raises:
        SourceError: missing, a directory, not allowed, or not what its extension says.
    """
    compression = COMPRESSION.get(path.suffix.lower())
    try:
        if compression is None:
            return path.open("rb")
        import pyarrow as pa

        stream: IO[bytes] = pa.input_stream(str(path), compression=compression)
    except OSError as error:
        raise unreadable(name, error) from error
    return stream


def unreadable(name: str, error: Exception) -> SourceError:
    """The error for a file that cannot be opened or read on."""
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{name} does not exist; check the path, which counts from the working directory")
    if isinstance(error, IsADirectoryError):
        return SourceError(
            f"{name} is a directory; name the files in it, such as {name.rstrip('/')}/*.ndjson"
        )
    if isinstance(error, PermissionError):
        return SourceError(f"{name} may not be read by this user; allow it, or run as one who may")
    return SourceError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}")


class LineReader:
    r"""Cuts a stream of bytes at line ends (``\n`` or ``\r\n``); a record is a line, blank ones included.

    Blank lines at the end of the file are no records. A UTF-8 mark at the start is left out; ``started``: the
    stream does not stand at its start.
    """

    def __init__(self, stream: IO[bytes], name: str, *, started: bool = False) -> None:
        self._stream = stream
        self._name = name
        self._lines: list[bytes] = []
        self._at = 0
        self._tail = b""
        self._too_long: set[int] = set()
        self._cut: bytes | None = None
        self._blanks: deque[tuple[bytes, int]] = deque()
        self._owing = self._ended = False
        self._started = started

    def read(self, limit: int) -> Piece:
        """See :class:`~streamgauge.sources.finite.Reader`."""
        while True:
            if self._owing:
                return self._pay(limit)
            if self._at < len(self._lines):
                if piece := self._take(limit):
                    return piece
            elif self._ended:
                return Piece(0, [], ended=True)
            else:
                self._fill()

    def first_byte(self) -> bytes:
        """The first byte that is no white space in the first block; to be asked before reading."""
        if not self._started:
            self._fill()
        return (b"\n".join(self._lines) + self._tail).lstrip()[:1]

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _take(self, limit: int) -> Piece | None:
        """Lines up to the last that is not blank; blank ones wait until it is known what follows."""
        start = self._at
        lines = self._lines[start : start + limit]
        keep = len(lines)
        while keep and not lines[keep - 1].strip():
            keep -= 1
        if keep and self._blanks:
            self._owing = True
            return None
        self._at += len(lines)
        self._hold(lines[keep:])
        if not keep:
            return None
        reason = f"a line of more than {LONGEST // 1024**2} MiB; no record is that long"
        long = {
            at - start: (reason, lines[at - start]) for at in self._too_long if start <= at < start + keep
        }
        over = self._ended and self._at >= len(self._lines)
        return Piece(keep, lines[:keep], unreadable=long, ended=over)

    def _hold(self, blanks: Sequence[bytes]) -> None:
        """Keep blank lines as runs of equal ones: a file of a billion of them needs no memory."""
        for line in blanks:
            before, times = self._blanks.pop() if self._blanks else (line, 0)
            if before != line:
                self._blanks.append((before, times))
                times = 0
            self._blanks.append((line, times + 1))

    def _pay(self, limit: int) -> Piece:
        """Hand out held blank lines: a record follows them after all."""
        line, times = self._blanks.popleft()
        count = min(times, limit)
        if times > count:
            self._blanks.appendleft((line, times - count))
        self._owing = bool(self._blanks)
        return Piece(count, [line] * count)

    def _fill(self) -> None:
        """Cut the next block; what follows its last line end waits for the block after."""
        block = self._read_block()
        self._ended = not block
        data = self._tail + block
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        lines = data.split(b"\n")
        self._tail = b"" if self._ended else lines.pop()
        self._at, self._too_long = 0, set()
        if self._cut is not None:  # within a line that is too long
            if not lines:
                self._lines, self._tail = [], b""
                return
            lines[0], self._cut = self._cut, None
            self._too_long = {0}
        elif lines and len(lines[0]) > LONGEST:
            lines[0] = lines[0][:KEPT]
            self._too_long = {0}
        if len(self._tail) > LONGEST:
            self._cut, self._tail = self._tail[:KEPT], b""
        self._lines = lines

    def _read_block(self) -> bytes:
        try:
            block = self._stream.read(BLOCK)
        except (OSError, EOFError) as error:
            raise SourceError(
                f"{self._name} cannot be read to its end: {error}; it is damaged or still being written"
            ) from error
        if self._started or not block:
            return block
        self._started = True
        if block.startswith(_UTF16_MARKS):
            raise SourceError(f"{self._name} is UTF-16; write it as UTF-8 (iconv -f UTF-16 -t UTF-8)")
        return block.removeprefix(_UTF8_MARK)
