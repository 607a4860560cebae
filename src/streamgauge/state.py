"""State as plain columns, so that one mechanism saves, compares, ships and restores all of it.

Whatever survives a restart (windows, detectors, key dictionaries) shows itself as *tables*: named groups of
equally long NumPy arrays. A checkpoint saves a table whole, or only the rows that changed since the last
commit; it need not know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Table: TypeAlias = Mapping[str, NDArray[Any]]
"""Columns of one length. 1-D arrays of int64, int32, int8, bool or float64, or object arrays of
str | None or of bytes | None."""

Tables: TypeAlias = Mapping[str, Table]
"""All tables of one state, by name."""


class State(Protocol):
    """What a step owns and a checkpoint saves.

    The step may change it in place; nothing else does. ``tables`` may return views: whoever keeps them
    beyond the next step copies them. ``restore(tables())`` on a fresh state gives an equal one. A table's
    rows may grow from one save to the next and never shrink; a row that is no longer used is marked by its
    own columns.
    """

    version: int

    def tables(self) -> Tables:
        """The whole state."""
        ...

    def restore(self, tables: Tables) -> None:
        """Take over saved tables; the state was fresh before.

        Raises:
            ValueError: when the tables are not of this version's shape.
        """
        ...


class NoState:
    """The state of a step that remembers nothing."""

    version = 1

    def tables(self) -> Tables:
        """Nothing."""
        return {}

    def restore(self, tables: Tables) -> None:
        """Nothing to take over."""


def grown(column: NDArray[Any], length: int, fill: Any = 0) -> NDArray[Any]:
    """``column`` with room for ``length`` rows, new ones set to ``fill``; doubled, so that growth is rare."""
    have = len(column)
    if length <= have:
        return column
    larger = np.full((max(2 * have, length, 64), *column.shape[1:]), fill, column.dtype)
    larger[:have] = column
    return larger
