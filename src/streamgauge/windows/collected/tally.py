"""Counts of bins, kept by a window for a detector: whole numbers that add up, never shown to people.

A detector declares which features are counted by which bins (:class:`Tallied`); a window that time closes holds one
:class:`Tally` of its own, which merges over partitions; a count window holds the codes of its last N records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import Column, ColumnKind, FloatArray, IntArray
from streamgauge.kernels import jit
from streamgauge.kernels.bin_codes import bin_codes
from streamgauge.statistics.binning import Categories, Cells, CodeArray, category_text
from streamgauge.windows.collected.contract import Told

NAMED = 16
"""So many categories that the reference does not know are named per feature; more are counted together."""

Names = list[dict[str, int]]
"""By feature: the unknown categories that have a place of their own, with that place."""


@dataclass(slots=True)
class Tally:
    """What one window counted: int64[W], see :class:`BinCounts`, and the unknown categories by feature."""

    counts: IntArray
    names: Names


@dataclass(frozen=True, slots=True)
class Coded:
    """Records as codes.

    Attributes:
        codes: int16[F, n].
        values: the records' own values, by feature, where categories may have to be named.
        rows: int64[n]: which of ``values`` each record is.
    """

    codes: CodeArray
    values: Mapping[int, Sequence[Any]]
    rows: IntArray

    def __getitem__(self, index: NDArray[Any]) -> Coded:
        return Coded(self.codes[:, index], self.values, self.rows[index])


@dataclass(frozen=True, eq=False)
class BinCounts:
    """Counts each feature's values by its bins; a collector of :mod:`streamgauge.windows.collected.contract`.

    The counts of a feature lie side by side: its K bins, what is missing, what the reference does not know, and for
    categories :data:`NAMED` places more for unknown ones by name.
    """

    features: tuple[str, ...]
    bins: tuple[Cells | Categories, ...]
    takes: ClassVar[Literal["columns"]] = "columns"
    asides: ClassVar[Mapping[str, ColumnKind]] = {}

    @cached_property
    def widths(self) -> IntArray:
        """int64[F]: places of each feature."""
        more = [NAMED if isinstance(bins, Categories) else 0 for bins in self.bins]
        return np.array([len(bins.labels) + 2 for bins in self.bins], np.int64) + np.array(more, np.int64)

    @cached_property
    def bases(self) -> IntArray:
        """int64[F]: where each feature's places begin."""
        return np.concatenate([[0], np.cumsum(self.widths)[:-1]]).astype(np.int64)

    @cached_property
    def width(self) -> int:
        """W, all places."""
        return int(self.widths.sum())

    def read(self, columns: Mapping[str, Column], length: int) -> Coded:
        """The records of a batch, not yet named."""
        codes = np.empty((len(self.features), length), np.int16)
        values: dict[int, Sequence[Any]] = {}
        for f, (name, bins) in enumerate(zip(self.features, self.bins, strict=True)):
            if isinstance(bins, Categories):
                values[f] = columns[name].values()
                codes[f] = bins.codes(values[f])
            else:
                _write_codes(bins, columns[name].numbers(), codes[f])
        return Coded(codes, values, np.arange(length))

    def named(self, coded: Coded, names: Names) -> CodeArray:
        """The codes, with a place of its own for each unknown category while there are places; ``names`` grows."""
        codes = coded.codes
        for f, values in coded.values.items():
            unknown = len(self.bins[f].labels) + 1
            at = np.nonzero(codes[f] == unknown)[0]
            if len(at):
                known = names[f]
                texts = [category_text(values[row]) for row in coded.rows[at].tolist()]
                for text in dict.fromkeys(texts):
                    if text not in known and len(known) < NAMED:
                        known[text] = len(known)
                codes[f, at] = [unknown + 1 + known[text] if text in known else unknown for text in texts]
        return codes

    def start(self) -> Tally:
        """Nothing counted."""
        return Tally(np.zeros(self.width, np.int64), [{} for _ in self.features])

    def add(self, held: Tally, values: Coded) -> None:
        """Count the records."""
        places = self.named(values, held.names) + self.bases[:, None]
        held.counts += np.bincount(places.ravel(), minlength=self.width)

    def merge(self, held: Tally, other: Tally) -> None:
        """Count the other's, unknown categories by their names."""
        counts = other.counts.copy()
        for f, names in enumerate(other.names):
            unknown = int(self.bases[f]) + len(self.bins[f].labels) + 1
            mine = held.names[f]
            for text, place in names.items():
                count, counts[unknown + 1 + place] = int(counts[unknown + 1 + place]), 0
                if text not in mine and len(mine) < NAMED:
                    mine[text] = len(mine)
                counts_at = unknown + 1 + mine[text] if text in mine else unknown
                held.counts[counts_at] += count
        held.counts += counts

    def tell(self, held: Tally, number: float | None) -> Told:
        """A copy: the window may go on counting."""
        return Told(Tally(held.counts.copy(), [dict(names) for names in held.names]))

    def pack(self, held: Tally) -> bytes:
        """As MessagePack."""
        return msgspec.msgpack.encode((held.counts.astype("<i8").tobytes(), held.names))

    def unpack(self, data: bytes) -> Tally:
        """What :meth:`pack` wrote."""
        counts, names = msgspec.msgpack.decode(data)
        return Tally(np.frombuffer(counts, "<i8").astype(np.int64), names)

    def folded(self, tallies: Sequence[Tally]) -> IntArray:
        """int64[R, W0]: counts by bin, missing and unknown, side by side; named places added to the unknown."""
        every = (
            np.stack([tally.counts for tally in tallies]) if tallies else np.zeros((0, self.width), np.int64)
        )
        plain = every[:, self._plain]
        for f, at in self._unknown.items():
            first = int(self.bases[f] + self.widths[f]) - NAMED
            plain[:, at] += every[:, first : first + NAMED].sum(axis=1)
        return plain

    def named_counts(self, tally: Tally, feature: int) -> dict[str, int]:
        """How often each unknown category that has a name was counted."""
        first = int(self.bases[feature] + self.widths[feature]) - NAMED
        found = {text: int(tally.counts[first + place]) for text, place in tally.names[feature].items()}
        return {text: count for text, count in found.items() if count}

    @cached_property
    def _plain(self) -> IntArray:
        parts = zip(self.bases.tolist(), self.bins, strict=True)
        return np.concatenate([np.arange(base, base + len(bins.labels) + 2) for base, bins in parts])

    @cached_property
    def _unknown(self) -> dict[int, int]:
        """By categorical feature: where its unknown count lies among the folded."""
        ends = np.cumsum([len(bins.labels) + 2 for bins in self.bins]).tolist()
        return {f: ends[f] - 1 for f, bins in enumerate(self.bins) if isinstance(bins, Categories)}


@dataclass(frozen=True)
class Tallied:
    """What a detector asks its window to count; stands where an aggregate of ``compute:`` stands.

    Attributes:
        text: names what is counted and by which bins: equal texts share a window, another one starts a new state.
        collector: counts.
    """

    text: str
    collector: BinCounts
    function: ClassVar[Literal["tally"]] = "tally"
    argument: ClassVar[None] = None
    kind: ClassVar[ColumnKind] = "list"
    rising: ClassVar[bool] = False
    number: ClassVar[None] = None
    kept: ClassVar[bool] = True


def _write_codes(bins: Cells, numbers: FloatArray, out: CodeArray) -> None:
    """The bins of numbers: two to three times as fast where kernels are compiled."""
    if jit.compiled():
        bin_codes(numbers, bins.edges, bins.table, len(bins.labels), out)
    else:
        out[:] = bins.codes(numbers)
