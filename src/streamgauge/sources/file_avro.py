"""Avro container files, read by blocks; blocks before the start are skipped without a look at their records.

Each record becomes a JSON object, so that every schema will do, and a record in the dead-letter can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from streamgauge.errors import SourceError
from streamgauge.sources.file_lines import unreadable
from streamgauge.sources.finite import Piece, shrunk


def open_avro(path: Path, name: str, position: int) -> AvroReader:
    """Open an Avro file at record ``position``.

    Raises:
        SourceError: it cannot be read, is no Avro file, or has fewer records.
    """
    try:
        import fastavro
    except ImportError:
        raise SourceError(
            f"{name}: Avro files need the library fastavro; install it: pip install 'streamgauge[avro]'"
        ) from None
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(name, error) from error
    reader = AvroReader(file, _blocks(fastavro, file, name), name)
    try:
        reader.skip(position)
    except SourceError:
        reader.close()
        raise
    return reader


class AvroReader:
    """Hands out records as JSON objects."""

    def __init__(self, file: IO[bytes], blocks: Iterator[Any], name: str) -> None:
        """``blocks`` iterate over their records, and tell their number as ``num_records``."""
        self._file = file
        self._blocks = blocks
        self._name = name
        self._block: Iterator[Any] = iter(())
        self._left = 0
        self._encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode

    def skip(self, count: int) -> None:
        """Go to record ``count``.

        Raises:
            SourceError: there are fewer.
        """
        left = count
        while left >= self._left:
            left -= self._left
            if not self._next_block():
                if left:
                    raise shrunk(self._name, count, count - left)
                return
        self._records(left)

    def read(self, limit: int) -> Piece:
        """See :class:`~streamgauge.sources.finite.Reader`."""
        while not self._left:
            if not self._next_block():
                return Piece(0, [], ended=True)
        records = self._records(min(limit, self._left))
        return Piece(len(records), [self._encode(record) for record in records])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next_block(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            self._block, self._left = iter(()), 0
            return False
        self._block, self._left = iter(block), int(block.num_records)
        return True

    def _records(self, count: int) -> list[Any]:
        self._left -= count
        try:
            return [next(self._block) for _ in range(count)]
        except Exception as error:  # the library raises many kinds for broken bytes
            raise _damaged(self._name, error) from error


def _blocks(avro: Any, file: IO[bytes], name: str) -> Iterator[Any]:
    try:
        yield from avro.block_reader(file)
    except Exception as error:  # the library raises many kinds for what is no Avro file
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> SourceError:
    if "codec" in str(error):
        return SourceError(f"{name} cannot be unpacked: {error}")
    return SourceError(f"{name} cannot be read to its end: {error}; it is damaged, or no Avro file")
