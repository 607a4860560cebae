"""What is kept of verdicts, beside the windows' values: severity, score, band, and what drift monitors saw.

Of rules only what was not fine is kept, since all the rest was; of what has a score or a band every window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from streamgauge.batch import Column, FloatArray, IntArray
from streamgauge.engines.running.measures import measured
from streamgauge.keys import KeySlots
from streamgauge.stores.contract import HistoryBlock
from streamgauge.verdict import Severity, Shapes, Verdicts

MOST = 20_000
"""Rows of one step that are kept; of more only those that fire."""

SHAPES = 4_096
"""Numbers of distributions that are kept with one commit; of more the oldest windows go without."""

NUMBERS = ("score", "rarity", "lower", "upper")


class Judgements:
    """Gathers verdicts between two commits."""

    def __init__(self) -> None:
        self._blocks: list[HistoryBlock] = []
        self._shapes: deque[HistoryBlock] = deque()
        self._numbers = 0

    def add(self, monitor: str, verdicts: Verdicts) -> None:
        """Keep what is worth it; verdicts about single records stand in their incidents."""
        measures = measured(monitor, verdicts)
        if measures is not None:
            self._blocks.append(measures)
        rows = _worth_keeping(verdicts)
        if not len(rows):
            return
        columns = _columns(verdicts, rows)
        self._blocks.append(_block(monitor, columns))
        if verdicts.shapes is not None:
            self._remember(monitor, verdicts.shapes.take(rows), columns)

    def keep(self, block: HistoryBlock) -> None:
        """Keep what :meth:`blocks` of another one gave."""
        self._blocks.append(block)

    def blocks(self) -> list[HistoryBlock]:
        """What the next commit writes."""
        return [*self._blocks, *self._shapes]

    def clear(self) -> None:
        """It is written."""
        self._blocks.clear()
        self._shapes.clear()
        self._numbers = 0

    def _remember(self, monitor: str, shapes: Shapes, columns: Mapping[str, Any]) -> None:
        width = shapes.table.shape[1]
        for row in range(max(0, len(shapes.table) - max(1, SHAPES // width)), len(shapes.table)):
            self._shapes.append(_shape_block(monitor, shapes, columns, row))
            self._numbers += width
        while self._numbers > SHAPES and len(self._shapes) > 1:
            self._numbers -= _width(self._shapes.popleft())


def _worth_keeping(verdicts: Verdicts) -> IntArray:
    keep = ~verdicts.early & (verdicts.ends > verdicts.starts)
    numbers = any(getattr(verdicts, name) is not None for name in NUMBERS)
    if not numbers and not isinstance(verdicts.expected, (np.ndarray, Column)):
        keep &= verdicts.severities != Severity.OK
    if int(keep.sum()) > MOST:
        keep &= verdicts.firing()
    return np.nonzero(keep)[0]


def _columns(verdicts: Verdicts, rows: IntArray) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "key": _texts(verdicts.keys, verdicts.slots[rows]),
        "window_start": verdicts.starts[rows],
        "window_end": verdicts.ends[rows],
        "severity": verdicts.severities[rows].astype(np.int64),
    }
    for name in NUMBERS:
        column = getattr(verdicts, name)
        if column is not None:
            columns[name] = _number(column[rows])
    columns |= _expected(verdicts.expected, rows)
    if verdicts.shapes is not None:
        shapes = verdicts.shapes.take(rows)
        columns["value"], columns["floor"] = _number(shapes.values), _number(shapes.floors)
        columns["feature"] = Column("string", values=list(shapes.features))
        columns["word"] = Column("string", values=[shapes.word] * len(rows))
    return columns


def _expected(expected: Any, rows: IntArray) -> dict[str, Column]:
    """Numbers as ``expected``, words as ``rule``."""
    if isinstance(expected, np.ndarray):
        return {"expected": _number(expected[rows])}
    if isinstance(expected, Column):
        found = expected.take(rows)
        return (
            {"rule": found}
            if found.kind in ("string", "list", "map")
            else {"expected": _number(found.numbers())}
        )
    if isinstance(expected, (list, tuple)):
        values = [expected[row] for row in rows.tolist()]
    else:
        values = [expected] * len(rows)
    if all(value is None or isinstance(value, str) for value in values):
        return {"rule": Column("string", values=values)}
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return {"expected": Column("float", values=values)}
    return {}


def _texts(keys: KeySlots, slots: Any) -> Column:
    return Column("string", values=keys.texts_of(slots))


def _number(column: FloatArray) -> Column:
    return Column("float", numbers=np.asarray(column, np.float64))


def _block(monitor: str, columns: Mapping[str, Any]) -> HistoryBlock:
    ends = columns["window_end"]
    return HistoryBlock(monitor, int(ends.min()), int(ends.max()), columns)


def _shape_block(monitor: str, shapes: Shapes, columns: Mapping[str, Any], row: int) -> HistoryBlock:
    """A row of its own beside that of the verdict: most readers want no distributions."""
    end = int(columns["window_end"][row])
    shape = {
        "key": columns["key"].part(row, row + 1),
        "window_start": columns["window_start"][row : row + 1],
        "window_end": columns["window_end"][row : row + 1],
        "of": Column("string", values=[shapes.of]),
        "table": Column("list", values=[shapes.table[row].tolist()]),
    }
    return HistoryBlock(f"{monitor}{SHAPE}", end, end, shape)


def _width(block: HistoryBlock) -> int:
    return len(block.columns["table"].at(0))


SHAPE = " distributions"
"""Ends the name under which distributions are kept; no monitor can be called so."""
