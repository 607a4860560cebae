"""Tables in memory as a source: for replays over a Polars frame, and what Parquet files are read through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from streamgauge.batch import Partition
from streamgauge.clock import Clock, SystemClock
from streamgauge.sources.contract import Source
from streamgauge.sources.finite import FiniteSource, Piece, shrunk

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 65_536


def open_frame(frame: pl.DataFrame, name: str, *, clock: Clock | None = None) -> Source:
    """A source with one partition, called ``name``, whose records are the rows of ``frame`` in their order.

    Columns keep their types; the decoder of any format reads them by the rules of ``parquet``.

    >>> import polars as pl
    >>> from datetime import timedelta
    >>> source = open_frame(pl.DataFrame({"amount": [1.5, 2.5]}), "payments")
    >>> source.open({})
    >>> poll = source.poll(limit=10, timeout=timedelta(0))
    >>> poll.slices[0].offsets.tolist()
    [0, 1]
    """

    def opener(position: int) -> FrameReader:
        if position > frame.height:
            raise shrunk(name, position, frame.height)
        return FrameReader(frame.slice(position).iter_slices(_ROWS_AT_ONCE))

    about = {"type": "frames", "frame": name}
    return FiniteSource({Partition(name): opener}, clock or SystemClock(), about)


class FrameReader:
    """Hands out a sequence of frames in pieces of at most the rows asked for."""

    def __init__(self, frames: Iterable[pl.DataFrame]) -> None:
        """Frames may be of any length, empty ones too."""
        self._frames: Iterator[pl.DataFrame] = iter(frames)
        self._rest: pl.DataFrame | None = None

    def read(self, limit: int) -> Piece:
        """See :class:`~streamgauge.sources.finite.Reader`."""
        while self._rest is None or not self._rest.height:
            self._rest = next(self._frames, None)
            if self._rest is None:
                return Piece(0, ended=True)
        taken, self._rest = self._rest.head(limit), self._rest.slice(limit)
        return Piece(taken.height, frame=taken)

    def close(self) -> None:
        """Let go of what was not read."""
        self._frames = iter(())
        self._rest = None
