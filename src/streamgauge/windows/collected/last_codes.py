"""The codes of the last N records of each key, for the tallies of count windows: a report copies running counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import IntArray, SlotArray
from streamgauge.kernels.code_rings import CodeRings, count_again, roll_codes
from streamgauge.state import Table, grown
from streamgauge.windows.collected.tally import BinCounts, Names, Tally
from streamgauge.windows.contract import Rows


class LastCodes:
    """One ring per key for one :class:`~streamgauge.windows.collected.tally.BinCounts`.

    Unknown categories keep their name for as long as the state lives, over all keys.
    """

    def __init__(self, counts: BinCounts, size: int) -> None:
        self._counts = counts
        self._names: Names = [{} for _ in counts.features]
        self._rings = CodeRings(
            np.zeros((0, size, len(counts.features)), np.int16),
            np.zeros((0, counts.width), np.int64),
            np.zeros(0, np.int64),
        )
        self._packed: NDArray[np.object_] = np.empty(0, object)
        self._stale: set[int] = set()

    def take_in(self, rows: Rows, reports: IntArray) -> Sequence[Tally]:
        """Take in ``rows``; the tally of each record in ``reports`` (indices, ascending)."""
        self._make_room(len(rows.keys))
        codes = self._counts.named(self._counts.read(rows.columns, len(rows)), self._names)
        counts = np.empty((len(reports), self._counts.width), np.int64)
        roll_codes(rows.slots, codes, self._counts.bases, self._rings, reports, counts)
        self._stale.update(np.unique(rows.slots[rows.slots >= 0]).tolist())
        return [Tally(row, self._names) for row in counts]

    def drop(self, slots: SlotArray) -> None:
        """Empty the rings of forgotten keys."""
        held = slots[slots < len(self._rings.held)]
        self._rings.held[held] = 0
        self._rings.counts[held] = 0
        self._stale.update(held.tolist())

    def tables(self, name: str) -> dict[str, Table]:
        """One row per key, its ring as bytes; and the unknown categories."""
        for slot in self._stale:
            if slot < len(self._packed):
                self._packed[slot] = self._rings.codes[slot].astype("<i2").tobytes()
        self._stale.clear()
        named = [(f, text) for f, names in enumerate(self._names) for text in names]
        features = np.array([f for f, _ in named], np.int64)
        texts = np.empty(len(named), object)
        texts[:] = [text for _, text in named]
        return {
            name: {"held": self._rings.held, "codes": self._packed},
            f"{name}.unknown": {"feature": features, "text": texts},
        }

    def restore(self, rings: Table, unknown: Table) -> None:
        """Take over saved rings."""
        self._make_room(len(rings["held"]))
        self._rings.held[: len(rings["held"])] = rings["held"]
        for slot, packed in enumerate(rings["codes"].tolist()):
            self._packed[slot] = packed
            if packed is not None:
                shape = self._rings.codes.shape[1:]
                self._rings.codes[slot] = np.frombuffer(packed, "<i2").reshape(shape)
        for f, text in zip(unknown["feature"].tolist(), unknown["text"].tolist(), strict=True):
            self._names[f][text] = len(self._names[f])
        count_again(self._rings, self._counts.bases)

    def _make_room(self, slots: int) -> None:
        self._rings = CodeRings(*(grown(column, slots) for column in self._rings))
        self._packed = grown(self._packed, slots, None)
