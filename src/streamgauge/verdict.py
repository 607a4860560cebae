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
from streamgauge.rates import how_often


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

    @property
    def grounds(self) -> dict[str, Any]:
        """The evidence as people read it: strength, how rare that is in words, the band, then what moved."""
        found: dict[str, Any] = {}
        if self.score is not None:
            found["score"] = self.score
        if self.rarity is not None:
            found["rarity"] = how_often(self.rarity)
        if self.lower is not None:
            found["lower"] = self.lower
        if self.upper is not None:
            found["upper"] = self.upper
        return {**found, **self.evidence}

    def plain(self) -> dict[str, Any]:
        """What was found, as plain data for lines that others read: all but whose verdict it is, and of when."""
        return {
            "severity": self.severity.label,
            "early": self.early,
            "partial": self.partial,
            "offset": self.offset,
            "score": self.score,
            "rarity": self.rarity,
            "observed": dict(self.observed),
            "expected": self.expected,
            "lower": self.lower,
            "upper": self.upper,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the windows of a drift monitor held, feature by feature: for who wants to see the distributions.

    Attributes:
        of: names the bins; the same name, the same bins.
        table: float64[n, W]: see :meth:`~streamgauge.statistics.comparison.Seen.flat`.
        features: the worst feature of each row; None where there was too little.
        values, floors: float64[n] each, of that feature.
        word: what ``values`` are called, such as psi.
    """

    of: str
    table: FloatArray
    features: Sequence[str | None]
    values: FloatArray
    floors: FloatArray
    word: str

    def take(self, index: IntArray) -> Shapes:
        """The rows at ``index``, in that order."""
        features = [self.features[i] for i in index.tolist()]
        return replace(
            self,
            table=self.table[index],
            features=features,
            values=self.values[index],
            floors=self.floors[index],
        )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts of one step in the order in which they were decided; columns of one length n.

    ``slots`` point into ``keys``. ``severities`` is int8[n] of :class:`Severity`. ``rows`` and ``positions``
    are those of the results judged: the deciding record's index in the batch (-1 = not in it), and how many
    records were read before the answer.

    ``expected`` is one answer for all rows (a text, a number), or one per row: a list, an array or a
    :class:`~streamgauge.batch.Column`. ``evidence`` is one mapping per row, or columns by name, of which a row
    shows those that are not missing. Rules leave ``score`` and ``rarity`` out; NaN in them, and in ``lower`` and
    ``upper``, is missing. ``shapes``, of drift detectors, are kept for people and told in no notice.
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
    evidence: Sequence[Mapping[str, Any]] | Mapping[str, Column] | None = None
    shapes: Shapes | None = None

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
            expected=_one_of(self.expected, i),
            lower=_number(self.lower, i),
            upper=_number(self.upper, i),
            evidence=_evidence(self.evidence, i),
            offset=None if offset < 0 else offset,
        )

    def take(self, index: IntArray) -> Verdicts:
        """The rows at ``index``, in that order."""
        return replace(
            self,
            observed={name: column.take(index) for name, column in self.observed.items()},
            expected=_taken(self.expected, index),
            evidence=_evidence_of(self.evidence, index),
            shapes=None if self.shapes is None else self.shapes.take(index),
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


def _one_of(expected: Any, i: int) -> Any:
    if isinstance(expected, Column):
        return expected.at(i)
    if isinstance(expected, np.ndarray):
        return _number(expected, i)
    return expected[i] if isinstance(expected, (list, tuple)) else expected


def _taken(expected: Any, index: IntArray) -> Any:
    if isinstance(expected, Column):
        return expected.take(index)
    if isinstance(expected, np.ndarray):
        return expected[index]
    return [expected[i] for i in index.tolist()] if isinstance(expected, (list, tuple)) else expected


def _evidence(
    evidence: Sequence[Mapping[str, Any]] | Mapping[str, Column] | None, i: int
) -> Mapping[str, Any]:
    if isinstance(evidence, Mapping):
        return {name: value for name, column in evidence.items() if (value := column.at(i)) is not None}
    return {} if evidence is None else evidence[i]


def _evidence_of(
    evidence: Sequence[Mapping[str, Any]] | Mapping[str, Column] | None, index: IntArray
) -> Sequence[Mapping[str, Any]] | Mapping[str, Column] | None:
    if isinstance(evidence, Mapping):
        return {name: column.take(index) for name, column in evidence.items()}
    return None if evidence is None else [evidence[i] for i in index.tolist()]


def _number(column: FloatArray | None, i: int) -> float | None:
    return None if column is None or np.isnan(column[i]) else float(column[i])
