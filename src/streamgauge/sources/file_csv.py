"""CSV files cut into rows as RFC 4180 says: quoted cells may hold delimiters, quotes and line ends.

A row that cannot be read (too few cells, a stray quote, invalid UTF-8) costs only itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamgauge.errors import SourceError
from streamgauge.sources.file_lines import LineReader, open_bytes
from streamgauge.sources.finite import Piece, skip

if TYPE_CHECKING:
    import polars as pl

_LINES_AT_ONCE = 1024


def open_csv(
    path: Path, name: str, position: int, *, delimiter: str = ",", columns: Sequence[str] | None = None
) -> CsvReader:
    """Open a CSV file at row ``position``, not counting the header.

    Raises:
        SourceError: it cannot be read, its header is broken, or it has fewer rows.
    """
    lines = LineReader(open_bytes(path, name), name)
    reader = CsvReader(lines, name, delimiter=delimiter, columns=columns)
    skip(reader, position, name)
    return reader


class CsvReader:
    """Reads rows as frames of text columns; an empty cell is null."""

    def __init__(
        self, lines: LineReader, name: str, *, delimiter: str = ",", columns: Sequence[str] | None = None
    ) -> None:
        """Read the header, unless ``columns`` names what a file without one holds."""
        self._lines = lines
        self._feed = _Feed(lines)
        self._rows = csv.reader(self._feed, delimiter=delimiter, strict=True)
        self._columns = list(columns) if columns is not None else self._header(name)

    def read(self, limit: int) -> Piece:
        """See :class:`~streamgauge.sources.finite.Reader`."""
        rows: list[Sequence[str | None]] = []
        bad: dict[int, tuple[str, bytes | None]] = {}
        ended = False
        filler = [None] * len(self._columns)
        while len(rows) < limit:
            try:
                row = self._next()
            except StopIteration:
                ended = True
                break
            except _BadRowError as error:
                bad[len(rows)] = (str(error), self._feed.taken())
                rows.append(filler)
            else:
                rows.append(row)
        return Piece(len(rows), frame=self._frame(rows), unreadable=bad, ended=ended)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _next(self) -> list[str]:
        self._feed.start_row()
        try:
            row = next(self._rows)
        except csv.Error as error:
            raise _BadRowError(f"not CSV: {error}") from None
        if self._feed.trouble:
            raise _BadRowError(self._feed.trouble)
        if len(row) != len(self._columns):
            raise _BadRowError(f"{len(row)} cells where the header names {len(self._columns)}")
        return row

    def _header(self, name: str) -> list[str]:
        self._feed.start_row()
        try:
            header = [cell.strip() for cell in next(self._rows)]
        except StopIteration:
            return []
        except csv.Error as error:
            raise SourceError(f"{name}: the header row is not CSV: {error}") from None
        if self._feed.trouble:
            raise SourceError(f"{name}: the header row is {self._feed.trouble}")
        twice = {cell for cell in header if header.count(cell) > 1 or not cell}
        if twice or not header:
            what = ", ".join(repr(cell) for cell in sorted(twice)) or "nothing"
            raise SourceError(
                f"{name}: the header row must name each column once, but it has {what} empty or twice; "
                f"a file without a header needs columns: [...] beside path:"
            )
        return header

    def _frame(self, rows: Sequence[Sequence[str | None]]) -> pl.DataFrame:
        import polars as pl

        cells = list(zip(*rows, strict=True)) or [()] * len(self._columns)
        series = [
            pl.Series(name, column, dtype=pl.String)
            for name, column in zip(self._columns, cells, strict=True)
        ]
        return pl.DataFrame(series).with_columns(pl.all().replace("", None))


class _BadRowError(Exception):
    """One row cannot be read; the text says why."""


class _Feed(Iterator[str]):
    """Lines as text for the csv module, with the bytes of the row in work and what is wrong with them."""

    def __init__(self, lines: LineReader) -> None:
        self._lines = lines
        self._piece = Piece(0, [])
        self._at = 0
        self._row: list[bytes] = []
        self.trouble = ""

    def start_row(self) -> None:
        """Forget the row before."""
        self._row.clear()
        self.trouble = ""

    def taken(self) -> bytes:
        """The lines of the row in work."""
        return b"\n".join(self._row)

    def __next__(self) -> str:
        if self._at >= self._piece.count:
            self._piece, self._at = self._lines.read(_LINES_AT_ONCE), 0
            if not self._piece.count:
                raise StopIteration
        at, self._at = self._at, self._at + 1
        payloads = self._piece.payloads
        assert payloads is not None
        line = payloads[at]
        self._row.append(line)
        if at in self._piece.unreadable:
            self.trouble = self._piece.unreadable[at][0]
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            self.trouble = f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start} of its line"
            return line.decode(errors="replace") + "\n"
