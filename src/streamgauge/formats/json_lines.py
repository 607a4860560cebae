"""Lines that stand behind each other in one buffer, for a decoder that can take them all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from streamgauge.batch import IntArray

_OPEN, _CLOSE = b"{}"


class Lines(Sequence[bytes | None]):
    r"""Lines without their ends; each is cut out only where somebody looks at it.

    Args:
        data: the lines with ``\n`` between them; it may be written over once they have been decoded.
        ends: int64[n - 1]: where those stand.
    """

    def __init__(self, data: memoryview, ends: IntArray) -> None:
        self.data = data
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends) + 1 if len(self.data) else 0

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        start = int(self._ends[at - 1]) + 1 if at else 0
        stop = int(self._ends[at]) if at < len(self._ends) else len(self.data)
        return bytes(self.data[start:stop])

    def __iter__(self) -> Iterator[bytes]:
        return iter(bytes(self.data).split(b"\n") if len(self.data) else [])

    @property
    def plain(self) -> bool:
        """Whether none is empty, and the last one holds more than white space."""
        ends = self._ends
        if not len(self) or (len(ends) and (ends[0] == 0 or (np.diff(ends) == 1).any())):
            return False
        return bool(self[len(self) - 1].strip())

    @property
    def braced(self) -> bool:
        """Whether each line begins with an opening brace and ends with a closing one.

        Then no JSON value spans two lines: none goes on behind ``}`` with a line end and ``{``, nor does a
        text hold a line end. So as many values as lines are one in each.
        """
        if not len(self):
            return False
        bytes_ = np.frombuffer(self.data, np.uint8)
        ends = self._ends
        return bool(
            bytes_[0] == _OPEN
            and bytes_[-1] == _CLOSE
            and (bytes_[ends - 1] == _CLOSE).all()
            and (bytes_[ends + 1] == _OPEN).all()
        )
