"""What changed in a state since it was last written, and how to build it up again.

The store keeps a copy of each state as last written (:class:`Kept`). A commit compares bit by bit, so NaN
equals NaN and 0.0 differs from -0.0, and writes the changed rows only. A text column is compared apart from
the numbers beside it: a dictionary's keys are not written again because their times moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import BoolArray
from streamgauge.errors import StoreDamagedError
from streamgauge.state import Table, Tables, grown
from streamgauge.stores.blocks import Block, Part, decode

Blocks: TypeAlias = Sequence[tuple[int, bytes]]
"""(number, bytes) of one generation, ascending."""

FLOOR = 64 * 1024
"""A log shorter than this is never worth folding (bytes)."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the blocks of a state stand.

    Attributes:
        version: the state's own version.
        sequence: of the newest block.
        generation: of the snapshot that is built on.
        number: of the newest entry in that snapshot's log.
        snapshot_bytes, log_bytes: sizes, to decide about folding.
        sound: False after a damage: the next write starts with a snapshot.
    """

    version: int = 0
    sequence: int = 0
    generation: int = 0
    number: int = 0
    snapshot_bytes: int = 0
    log_bytes: int = 0
    sound: bool = True

    @property
    def outgrown(self) -> bool:
        """Whether the log is so much larger than its snapshot that a new one pays."""
        # at four times its size a fold adds a quarter to what is written, and a restart reads five snapshots' worth
        return self.log_bytes > max(4 * self.snapshot_bytes, FLOOR)


@dataclass(slots=True)
class Kept:
    """A state as last written.

    Attributes:
        chain: where its blocks stand.
        tables: own copies; columns may have spare room beyond ``lengths``.
        lengths: rows per table.
    """

    chain: Chain = Chain()
    tables: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    def apply(self, parts: Iterable[Part]) -> None:
        """Take over changed rows."""
        for part in parts:
            self._apply(part)

    def _apply(self, part: Part) -> None:
        table = self.tables.setdefault(part.table, {})
        for name, values in part.columns.items():
            column = table.get(name)
            if column is None:
                column = np.empty(part.length, values.dtype)
            column = grown(column, part.length, None if column.dtype == object else 0)
            if part.rows is None:
                column[part.start : part.start + len(values)] = values
            else:
                column[part.rows] = values
            table[name] = column
        self.lengths[part.table] = part.length

    def view(self) -> dict[str, dict[str, NDArray[Any]]]:
        """The tables without their spare room; views into this copy."""
        return {
            name: {column: values[: self.lengths[name]] for column, values in table.items()}
            for name, table in self.tables.items()
        }


def whole(tables: Tables) -> list[Part]:
    """All rows of all tables, as a snapshot holds them."""
    return [Part(name, _length(name, table), dict(table)) for name, table in tables.items()]


def changes(kept: Kept, tables: Tables) -> list[Part] | None:
    """What must be logged to bring ``kept`` to ``tables``; empty if nothing changed.

    None when a log cannot say it: other tables or columns, other types, fewer rows.
    """
    if tables.keys() != kept.tables.keys():
        return None
    parts: list[Part] = []
    for name, table in tables.items():
        before, have = kept.tables[name], kept.lengths[name]
        length = _length(name, table)
        if length < have or not _alike(before, table):
            return None
        parts += _updates(name, before, table, have, length)
        if length > have:
            added = {column: values[have:] for column, values in table.items()}
            parts.append(Part(name, length, added, start=have))
    return parts


def _updates(name: str, before: Table, table: Table, have: int, length: int) -> list[Part]:
    """Changed rows among those that were there: numbers together, each text column for itself."""
    parts: list[Part] = []
    changed: dict[str, NDArray[Any]] = {}
    any_row: BoolArray | None = None
    for column, values in table.items():
        mask = _differs(before[column][:have], values[:have])
        if not mask.any():
            continue
        if values.dtype == object:
            rows = np.flatnonzero(mask).astype(np.int32)
            parts.append(Part(name, length, {column: values[rows]}, rows))
            continue
        changed[column] = values
        any_row = mask if any_row is None else any_row | mask
    if any_row is not None:
        rows = np.flatnonzero(any_row).astype(np.int32)
        parts.append(Part(name, length, {column: values[rows] for column, values in changed.items()}, rows))
    return parts


def _differs(before: NDArray[Any], now: NDArray[Any]) -> BoolArray:
    if now.dtype.kind == "f":
        bits = f"i{now.dtype.itemsize}"
        before, now = before.view(bits), now.view(bits)
    mask: BoolArray = before != now
    return mask


def _alike(before: Table, table: Table) -> bool:
    return before.keys() == table.keys() and all(
        before[name].dtype == values.dtype for name, values in table.items()
    )


def _length(name: str, table: Table) -> int:
    lengths = {len(values) for values in table.values()}
    if len(lengths) > 1:
        sizes = {column: len(values) for column, values in table.items()}
        raise ValueError(f"the columns of table {name!r} must be of one length: {sizes}")
    return lengths.pop() if lengths else 0


@dataclass(frozen=True, slots=True)
class Built:
    """What a chain of blocks led to.

    Attributes:
        kept: the state, None if no snapshot is good.
        positions: those of the last block that was applied.
        damages: what was wrong on the way, one sentence each.
    """

    kept: Kept | None
    positions: Mapping[str, tuple[int, int, int]]
    damages: Sequence[str]


def build(generations: Sequence[int], read: Callable[[int], Blocks], shape: str) -> Built:
    """Put a state together from its blocks: the newest good snapshot and all that follows it unbroken.

    A bad snapshot is bypassed: the previous one and its log lead to the same state, and the log of the bad
    one goes on from there. A bad log entry ends it: what came after cannot be known.

    Args:
        generations: those that there are, ascending.
        read: the blocks of one generation; older ones are asked for only when they are needed.
        shape: the state's shape hash.
    """
    damages: list[str] = []
    logs: list[tuple[int, Blocks]] = []
    for generation in reversed(generations):
        blocks = read(generation)
        logs.insert(0, (generation, [block for block in blocks if block[0] > 0]))
        snapshot = _good(generation, 0, blocks[0][1], shape, damages) if blocks[0][0] == 0 else None
        if snapshot is not None:
            return _follow(snapshot, len(blocks[0][1]), logs, shape, damages)
    return Built(None, {}, damages)


def _follow(
    block: Block, size: int, logs: Sequence[tuple[int, Blocks]], shape: str, damages: list[str]
) -> Built:
    """Apply a snapshot and the log entries that build on it, each on the one before."""
    chain = Chain(block.version, block.sequence, logs[0][0], 0, size)
    kept = Kept()
    kept.apply(block.parts)
    for generation, number, data in ((g, number, data) for g, log in logs for number, data in log):
        entry = _good(generation, number, data, shape, damages)
        if entry is None or entry.previous != chain.sequence:
            break
        block = entry
        kept.apply(block.parts)
        logged = chain.log_bytes + len(data)
        chain = replace(chain, sequence=block.sequence, number=number, log_bytes=logged)
    kept.chain = replace(chain, sound=not damages)
    return Built(kept, block.positions, damages)


def _good(generation: int, number: int, data: bytes, shape: str, damages: list[str]) -> Block | None:
    """The block decoded; None, and said in ``damages``, if it is bad."""
    try:
        block = decode(data)
    except StoreDamagedError as error:
        damages.append(f"block {generation}.{number}: {error}")
        return None
    if block.shape != shape or block.snapshot != (number == 0):
        damages.append(f"block {generation}.{number}: it belongs to another state")
        return None
    return block
