"""What the detector ``schema`` knows of each key: how often each field came, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import SlotArray
from streamgauge.formats.shapes import fields_of
from streamgauge.state import Tables, grown

MOST = 1_000
"""So many fields and types of a key are remembered; further ones are not told apart."""

UNSEEN = np.iinfo(np.int64).min

Counts = dict[tuple[str, str], int]
"""How many records have a field as a type: by (field, type)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a window holds: the records looked at, and how many have each field as each type."""

    records: int
    counts: Mapping[tuple[str, str], int]

    def having(self, field: str) -> int:
        """How many records have it, as whatever."""
        return sum(count for (name, _), count in self.counts.items() if name == field)

    @property
    def fields(self) -> set[str]:
        """The fields that occur."""
        return {name for name, _ in self.counts}


def seen_in(shapes: Mapping[str, int] | None) -> Seen:
    """What a window counted: shapes with the number of their records.

    >>> seen_in({'{"id":"string"}': 3, '{"id":"string","n":"number"}': 1}).counts
    {('id', 'string'): 4, ('n', 'number'): 1}
    """
    counts: Counts = {}
    for text, count in (shapes or {}).items():
        for pair in fields_of(text).items():
            counts[pair] = counts.get(pair, 0) + count
    return Seen(sum((shapes or {}).values()), counts)


class ShapeState:
    """Per key: what was learned, from how many records, since when, and since when another shape comes.

    A row of ``terms`` is one field as one type; what is no longer used has slot -1 and is taken again.
    """

    version = 1

    def __init__(self) -> None:
        self.records = np.zeros(0, np.int64)
        self.since = np.zeros(0, np.int64)
        self.changed = np.zeros(0, np.int64)
        self._slots = np.zeros(0, np.int32)
        self._names = np.zeros(0, object)
        self._kinds = np.zeros(0, object)
        self._counts = np.zeros(0, np.int64)
        self._rows: dict[int, dict[tuple[str, str], int]] = {}
        self._free: list[int] = []

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        self.records = grown(self.records, slots, 0)
        self.since = grown(self.since, slots, UNSEEN)
        self.changed = grown(self.changed, slots, UNSEEN)

    def learned(self, slot: int) -> Seen:
        """What is known of a key."""
        rows = self._rows.get(slot, {})
        return Seen(int(self.records[slot]), {pair: int(self._counts[row]) for pair, row in rows.items()})

    def full(self, slot: int) -> bool:
        """Whether no more fields of a key are remembered."""
        return len(self._rows.get(slot, ())) >= MOST

    def learn(self, slot: int, seen: Seen) -> None:
        """Add a window; in the order of names, so that it is the same in each life of a stream."""
        self.records[slot] += seen.records
        rows = self._rows.setdefault(slot, {})
        for pair, count in sorted(seen.counts.items()):
            if pair not in rows:
                if len(rows) >= MOST:
                    continue
                rows[pair] = self._row(slot, pair)
            self._counts[rows[pair]] += count

    def forget(self, slot: int) -> None:
        """Nothing is known of a key any more, as if it were new."""
        for row in self._rows.pop(slot, {}).values():
            self._slots[row], self._names[row], self._kinds[row], self._counts[row] = -1, None, None, 0
            self._free.append(row)
        self.records[slot], self.since[slot], self.changed[slot] = 0, UNSEEN, UNSEEN

    def drop(self, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        for slot in slots.tolist():
            if slot < len(self.records):
                self.forget(slot)

    def tables(self) -> Tables:
        """One row per key, one per field and type."""
        keys = {"records": self.records, "since": self.since, "changed": self.changed}
        terms: dict[str, NDArray[Any]] = {
            "slot": self._slots, "field": self._names, "kind": self._kinds, "count": self._counts,
        }  # fmt: skip
        return {"keys": keys, "terms": terms}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        keys, terms = tables["keys"], tables["terms"]
        self.records, self.since, self.changed = (
            np.array(keys[name]) for name in ("records", "since", "changed")
        )
        self._slots, self._counts = np.array(terms["slot"]), np.array(terms["count"])
        self._names, self._kinds = np.array(terms["field"], object), np.array(terms["kind"], object)
        for row, slot in enumerate(self._slots.tolist()):
            if slot < 0:
                self._free.append(row)
            else:
                self._rows.setdefault(slot, {})[str(self._names[row]), str(self._kinds[row])] = row

    def _row(self, slot: int, pair: tuple[str, str]) -> int:
        if not self._free:
            have = len(self._slots)
            self._slots = grown(self._slots, have + 1, -1)
            self._names, self._kinds = grown(self._names, have + 1, None), grown(self._kinds, have + 1, None)
            self._counts = grown(self._counts, have + 1, 0)
            self._free = list(range(len(self._slots) - 1, have - 1, -1))
        row = self._free.pop()
        self._slots[row], self._counts[row] = slot, 0
        self._names[row], self._kinds[row] = pair
        return row
