"""What is remembered of predictions and labels until their windows are told for good.

Per id 24 bytes and the id itself; per window 45 bytes. Rows and windows that are no longer needed are used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import NEVER, FloatArray, IntArray, SlotArray
from streamgauge.kernels import joins as kernels
from streamgauge.keys import OTHER, Key, KeySlots
from streamgauge.state import Tables, grown

UNUSED = -1
"""The key's slot of a window that is not in use."""


class PairingState:
    """Ids with what is known of each, and the windows of their predictions.

    Attributes:
        pairs, tallies: see :mod:`streamgauge.kernels.joins`.
        slots, starts, revisions: of each window, int32[W], int64[W], int64[W]: its key (UNUSED = free), its start,
            and how often it was told.
        turn: up to which full ``revise`` windows are told.
        orphans: labels that were given up since no prediction came.
    """

    version = 1

    def __init__(self, limit: int) -> None:
        self._ids = KeySlots(limit)
        self.pairs = kernels.Pairs(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
        no = np.zeros(0, np.int64)
        self.tallies = kernels.Tallies(no, no, no, no, no, np.zeros(0, np.bool_))
        self.slots: SlotArray = np.zeros(0, np.int32)
        self.starts: IntArray = no
        self.revisions: IntArray = no
        self.turn = NEVER
        self.orphans = 0
        self._places: dict[tuple[int, int], int] = {}

    def take(
        self,
        ids: Sequence[Key],
        placed: tuple[SlotArray, IntArray, NDArray[np.bool_]],
        times: IntArray,
        predictions: FloatArray,
        labels: FloatArray,
    ) -> None:
        """Join records: their ids, their windows (key's slot, start, whether it still counts), and what they bring."""
        useful = ~np.isnan(labels) | (~np.isnan(predictions) & placed[2])
        if not useful.all():
            keep = np.flatnonzero(useful)
            ids = [ids[i] for i in keep.tolist()]
            placed = placed[0][keep], placed[1][keep], placed[2][keep]
            times, predictions, labels = times[keep], predictions[keep], labels[keep]
        rows = self._ids.slots(ids)
        self._make_room(len(self._ids))
        slots, starts, counts = placed
        windows = np.full(len(rows), kernels.NONE, np.int32)
        fresh = np.flatnonzero(counts & ~np.isnan(predictions) & (rows >= 0))
        windows[fresh] = self._windows(slots[fresh], starts[fresh])
        full = self._ids.find(OTHER)
        kernels.join(
            rows, windows, times, predictions, labels, -1 if full is None else full, self.pairs, self.tallies
        )

    def due(self, latest: int) -> Iterator[tuple[int, FloatArray, FloatArray]]:
        """The windows that start at ``latest`` or before and have news, with predictions and labels (NaN: none yet)."""
        due = np.zeros(len(self.slots) + 1, np.bool_)  # the last place is that of ids without a window
        due[:-1] = (self.slots != UNUSED) & (self.starts <= latest) & self.tallies.news
        if not due.any():
            return
        rows = np.flatnonzero(due[self.pairs.window])
        rows = rows[np.argsort(self.pairs.window[rows], kind="stable")]
        windows = np.flatnonzero(due)
        edges = np.searchsorted(self.pairs.window[rows], [windows, windows + 1])
        for window, start, stop in zip(windows.tolist(), *edges.tolist(), strict=True):
            mine = rows[start:stop]
            yield window, self.pairs.prediction[mine], self.pairs.label[mine]

    def tally(self, window: int) -> dict[str, int]:
        """What was counted of a window that is told now."""
        t = self.tallies
        predictions, labels = int(t.predictions[window]), int(t.labels[window])
        told = {
            "predictions": predictions, "labels": labels, "unlabelled": predictions - labels,
            "revision": int(self.revisions[window]), "changed_labels": int(t.changed[window]),
            "repeated_predictions": int(t.repeated[window]), "left_out": int(t.left_out[window]),
            "labels_without_prediction": self.orphans,
        }  # fmt: skip
        self.revisions[window] += 1
        t.news[window] = False
        return told

    def expire(self, moment: int, size: int) -> None:
        """Give up windows that end at ``moment`` or before, and labels from before then without a prediction."""
        over = (self.slots != UNUSED) & (self.starts <= moment - size)
        p = self.pairs
        alone = (p.window == kernels.NONE) & ~np.isnan(p.label) & (p.labelled <= moment)
        self.orphans += int(alone.sum())
        self._free(np.flatnonzero(over), np.flatnonzero(alone))

    def drop(self, slots: SlotArray) -> None:
        """Forget the windows of those keys."""
        self._free(np.flatnonzero(np.isin(self.slots, slots) & (self.slots != UNUSED)), np.empty(0, np.int64))

    def _free(self, windows: NDArray[Any], alone: NDArray[Any]) -> None:
        if not len(windows) and not len(alone):
            return
        for window in windows.tolist():
            del self._places[int(self.slots[window]), int(self.starts[window])]
        self.slots[windows] = UNUSED
        over = np.zeros(len(self.slots) + 1, np.bool_)
        over[windows] = True
        rows = np.concatenate([np.flatnonzero(over[self.pairs.window]), alone])
        self.pairs.window[rows] = kernels.NONE
        self.pairs.prediction[rows] = self.pairs.label[rows] = np.nan
        self.pairs.labelled[rows] = NEVER
        self._ids.forget(rows.tolist())

    def _windows(self, slots: SlotArray, starts: IntArray) -> SlotArray:
        """The place of each window, new ones included."""
        pairs, inverse = np.unique(np.stack([slots.astype(np.int64), starts], 1), axis=0, return_inverse=True)
        places = [self._place(slot, start) for slot, start in pairs.tolist()]
        return np.array(places, np.int32)[inverse.reshape(-1)]

    def _place(self, slot: int, start: int) -> int:
        found = self._places.get((slot, start))
        if found is not None:
            return found
        free = np.flatnonzero(self.slots == UNUSED)
        place = int(free[0]) if len(free) else len(self.slots)
        self._make_windows(place + 1)
        self.slots[place], self.starts[place], self.revisions[place] = slot, start, 0
        for column in self.tallies:
            column[place] = 0
        self._places[slot, start] = place
        return place

    def _make_room(self, rows: int) -> None:
        p = self.pairs
        self.pairs = kernels.Pairs(
            grown(p.window, rows, kernels.NONE), grown(p.prediction, rows, np.nan),
            grown(p.label, rows, np.nan), grown(p.labelled, rows, NEVER),
        )  # fmt: skip

    def _make_windows(self, count: int) -> None:
        self.slots = grown(self.slots, count, UNUSED)
        self.starts, self.revisions = grown(self.starts, count), grown(self.revisions, count)
        self.tallies = kernels.Tallies(*(grown(column, count) for column in self.tallies))

    def tables(self) -> Tables:
        """Ids, windows, and how far they are told."""
        count = len(self._ids)
        pairs = {name: getattr(self.pairs, name)[:count] for name in self.pairs._fields}
        tallies = {name: getattr(self.tallies, name) for name in self.tallies._fields}
        return {
            "ids": {"id": self._ids.texts(), **pairs},
            "windows": {"slot": self.slots, "start": self.starts, "revision": self.revisions, **tallies},
            "turn": {"at": np.array([self.turn, self.orphans], np.int64)},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        ids, windows = tables["ids"], tables["windows"]
        count = len(ids["id"])
        self._ids.restore(ids["id"].tolist(), np.zeros(count, np.int64))
        self._make_room(count)
        for name in self.pairs._fields:
            getattr(self.pairs, name)[:count] = ids[name]
        self._make_windows(len(windows["slot"]))
        for name, into in (("slot", self.slots), ("start", self.starts), ("revision", self.revisions)):
            into[: len(windows[name])] = windows[name]
        for name in self.tallies._fields:
            getattr(self.tallies, name)[: len(windows["slot"])] = windows[name]
        self.turn, self.orphans = (int(number) for number in tables["turn"]["at"])
        used = np.flatnonzero(self.slots != UNUSED)
        self._places = {(int(self.slots[w]), int(self.starts[w])): int(w) for w in used}
