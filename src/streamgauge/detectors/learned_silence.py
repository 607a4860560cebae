"""``silence`` with ``after: learned``: how long a gap is too long follows from each key's own gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from streamgauge.batch import Column, SlotArray
from streamgauge.clock import format_duration, iso
from streamgauge.detectors.contract import Needs
from streamgauge.kernels import learned_gaps as kernels
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

_SEVERITY = {
    kernels.SILENT: Severity.CRITICAL,
    kernels.HEARD: Severity.OK,
    kernels.FORGOTTEN: Severity.FORGOTTEN,
}
_FRESH = {"covered": kernels.UNSEEN, "began": kernels.UNSEEN, "due": kernels.LATER, "hour": 0, "seen": 0.0}
_KEYS = ("covered", "began", "due", "silent", "hour", "seen")


class LearnedState:
    """See :class:`streamgauge.kernels.learned_gaps.Keys`."""

    version = 1

    def __init__(self, season: int) -> None:
        self.season = season
        none = np.zeros(0, np.int64)
        self.keys = kernels.Keys(
            none, none.copy(), none.copy(), np.zeros(0, np.int8), none.copy(), np.zeros(0), np.zeros(0),
            np.zeros(0, np.int32),
        )  # fmt: skip
        self.until = kernels.LATER

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        k = self.keys
        if slots <= len(k.covered):
            return
        room = max(2 * len(k.covered), slots, 64)
        one = {name: grown(getattr(k, name), room, _FRESH.get(name, 0)) for name in _KEYS}
        self.keys = kernels.Keys(
            **one,
            rate=_lengthened(k.rate, room * self.season),
            gaps=_lengthened(k.gaps, room * kernels.BINS),
        )

    def tables(self) -> Tables:
        """One row per key, one per key and hour, one per key and bin."""
        k = self.keys
        keys = {name: getattr(k, name) for name in _KEYS}
        return {"keys": keys, "rates": {"rate": k.rate}, "gaps": {"count": k.gaps}}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        self.make_room(len(tables["keys"]["covered"]))
        for name, column in tables["keys"].items():
            getattr(self.keys, name)[: len(column)] = column
        rate, gaps = tables["rates"]["rate"], tables["gaps"]["count"]
        self.keys.rate[: len(rate)], self.keys.gaps[: len(gaps)] = rate, gaps
        self.until = kernels.UNSEEN  # look at the first occasion


def _lengthened(column: np.ndarray, length: int) -> np.ndarray:
    """Exactly that long: what stands per hour is found by the number of keys."""
    longer = np.zeros(length, column.dtype)
    longer[: len(column)] = column
    return longer


@dataclass(frozen=True, slots=True)
class LearnedSilence:
    """See ``silence``."""

    monitor: str
    by: tuple[str, ...]
    rule: kernels.Rule
    severity: Severity

    @property
    def needs(self) -> Needs:
        """Its own grouping; single records."""
        return Needs(by=self.by, fields=frozenset(self.by), judges_empty=False)

    def initial(self) -> LearnedState:
        """No key known."""
        return LearnedState(self.rule.season)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Take in records and judge all that the watermark allows."""
        assert isinstance(state, LearnedState)
        state.make_room(len(results.keys))
        told, count = np.zeros(1, np.int64), len(results)
        out = np.empty((4 * count, kernels.COLUMNS), np.int64)
        if count:
            assert results.closing is not None
            assert results.marks is not None
            beyond = results.marks[results.positions]
            kernels.listen(
                results.slots, results.at, results.closing, beyond, state.keys, out, told, self.rule
            )
            keys = np.unique(results.slots)
            soonest = np.minimum(state.keys.due[keys], state.keys.covered[keys] + self.rule.forget)
            state.until = min(state.until, int(soonest.min()))
        found = [out[: int(told[0])]]
        if results.watermark >= state.until:
            told[0] = 0
            out = np.empty((2 * len(state.keys.covered), kernels.COLUMNS), np.int64)
            state.until = kernels.judge_all(results.watermark, state.keys, out, told, self.rule.forget)
            found.append(out[: int(told[0])])
        return self._verdicts(results, np.concatenate(found))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, LearnedState)
        held = slots[slots < len(state.keys.covered)]
        state.keys.covered[held], state.keys.due[held] = kernels.UNSEEN, kernels.LATER
        state.keys.silent[held] = 0
        state.keys.rate.reshape(-1, self.rule.season)[held] = 0.0
        state.keys.gaps.reshape(-1, kernels.BINS)[held] = 0

    def _verdicts(self, results: WindowResults, answers: np.ndarray) -> Verdicts:
        kind, _, at, _, due, row = answers.T
        heard = row >= 0
        assert results.marks is not None
        at_row = results.positions[np.maximum(row, 0)] if len(results) else row
        decided = np.where(kind == kernels.FORGOTTEN, at, due + 1)
        position = np.where(heard, at_row, np.searchsorted(results.marks, decided, "left"))
        order = np.lexsort(
            (np.where(heard, row, answers[:, 1]), np.where(heard, 0, decided), ~heard, position)
        )
        kind, slot, at, since, due, row = answers[order].T
        severities = np.array([_SEVERITY[k] for k in kind.tolist()], np.int8)
        severities[severities == Severity.CRITICAL] = self.severity
        no, heard = np.zeros(len(kind), np.bool_), (row >= 0) & (kind == kernels.HEARD)
        none = np.full(len(kind), -1, np.int64)
        observed = {
            "silent_seconds": Column("float", numbers=(at - since) / 1e6),
            "last_seen": Column("string", values=[iso(moment) for moment in since.tolist()]),
        }
        return Verdicts(
            self.monitor, results.keys, slot.astype(np.int32), severities, at, since,
            np.where(kind == kernels.HEARD, np.maximum(at, due + 1), due), no, no,
            np.where(heard, results.offsets[np.maximum(row, 0)], -1) if len(results) else none, observed,
            rows=np.where(heard, results.rows[np.maximum(row, 0)], -1) if len(results) else none,
            positions=position[order], expected=[_words(gap) for gap in (due - since).tolist()],
        )  # fmt: skip


def _words(gap: int) -> str:
    """What was learned, to the second."""
    whole = timedelta(seconds=max(1, round(gap / 1e6)))
    return f"a record within {format_duration(whole)}, as learned"
