"""What a detector answers: for one key and one moment, is it fine, and why.

Detectors answer in columns (:class:`Verdicts`); people and incidents see rows (:class:`Verdict`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import Aside, AtClose, BoolArray, Column, FloatArray, IntArray, SlotArray
from streamgauge.keys import Key, KeySlots


class Severity(IntEnum):
    """How bad it is, or why that cannot be said.

    ``NEITHER`` is between a rule's ``when`` and its ``clear_when``: it changes nothing. ``NO_DATA``: the
    window holds nothing to judge. ``FORGOTTEN``: the key is no longer watched, so an open incident ends
    without having recovered.
    """

    OK = 0
    WARNING = 1
    CRITICAL = 2
    LEARNING = 3
    NOT_ENOUGH_DATA = 4
    NO_DATA = 5
    NEITHER = 6
    FORGOTTEN = 7

    @property
    def firing(self) -> bool:
        """Whether this opens or holds an incident."""
        return self in (Severity.WARNING, Severity.CRITICAL)

    @property
    def label(self) -> str:
        """The word that people and JSON see."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer for one key.

    Attributes:
        monitor: the monitor's name.
        key: the key, None where the monitor has no ``by``.
        severity: see :class:`Severity`.
        at: event time of the answer: the record that decided, else the end of the window.
        window_start, window_end: the window judged; equal to ``at`` where there is none.
        early: decided before the window closed.
        partial: the window was not seen whole.
        score: strength in [0, 1]; None for rules.
        rarity: expected quiet reaches of that score per second; None for rules.
        observed: what was seen, by name.
        expected: what was expected, in words or numbers.
        lower, upper: the band, where there is one.
        evidence: what moved: bins, values, records.
        offset: the record that decided, where one did.
    """

    monitor: str
    key: Key
    severity: Severity
    at: int
    window_start: int
    window_end: int
    early: bool = False
    partial: bool = False
    score: float | None = None
    rarity: float | None = None
    observed: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    lower: float | None = None
    upper: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts of one step in the order in which they were decided; columns of one length n.

    ``slots`` point into ``keys``. ``severities`` is int8[n] of :class:`Severity`. ``rows`` and ``positions``
    are those of the results judged: the deciding record's index in the batch (-1 = not in it), and how many
    records were read before the answer.
    """

    monitor: str
    keys: KeySlots
    slots: SlotArray
    severities: NDArray[np.int8]
    at: IntArray
    starts: IntArray
    ends: IntArray
    early: BoolArray
    partial: BoolArray
    offsets: IntArray
    observed: Mapping[str, Column]
    rows: IntArray
    positions: IntArray
    expected: Any = None
    score: FloatArray | None = None
    rarity: FloatArray | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    evidence: Sequence[Mapping[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self.slots)

    def firing(self) -> BoolArray:
        """Which rows open or hold an incident."""
        warning, critical = int(Severity.WARNING), int(Severity.CRITICAL)
        held: BoolArray = (self.severities == warning) | (self.severities == critical)
        return held

    def row(self, i: int) -> Verdict:
        """Row ``i`` for people and incidents."""
        offset = int(self.offsets[i])
        return Verdict(
            self.monitor,
            self.keys.key(int(self.slots[i])),
            Severity(int(self.severities[i])),
            int(self.at[i]),
            int(self.starts[i]),
            int(self.ends[i]),
            early=bool(self.early[i]),
            partial=bool(self.partial[i]),
            score=_number(self.score, i),
            rarity=_number(self.rarity, i),
            observed=shown(self.observed, i, early=bool(self.early[i])),
            expected=self.expected,
            lower=_number(self.lower, i),
            upper=_number(self.upper, i),
            evidence={} if self.evidence is None else self.evidence[i],
            offset=None if offset < 0 else offset,
        )

    def take(self, index: IntArray) -> Verdicts:
        """The rows at ``index``, in that order."""
        return replace(
            self,
            observed={name: column.take(index) for name, column in self.observed.items()},
            evidence=None if self.evidence is None else [self.evidence[i] for i in index.tolist()],
            **{name: column[index] for name in _COLUMNS if (column := getattr(self, name)) is not None},
        )

    def all_rows(self) -> Iterator[Verdict]:
        """All rows, in order."""
        return (self.row(i) for i in range(len(self)))


def shown(columns: Mapping[str, Column], row: int, *, early: bool = False) -> dict[str, Any]:
    """One row of results as people see it: without asides that have nothing to say."""
    silent = (Aside, AtClose) if early else Aside
    values = ((name, column, column.at(row)) for name, column in columns.items())
    return {
        name: value for name, column, value in values if value is not None or not isinstance(column, silent)
    }


_COLUMNS = (
    "slots", "severities", "at", "starts", "ends", "early", "partial", "offsets", "rows", "positions", "score",
    "rarity", "lower", "upper",
)  # fmt: skip


def _number(column: FloatArray | None, i: int) -> float | None:
    return None if column is None or np.isnan(column[i]) else float(column[i])
