"""Judges nothing: what stands behind a monitor without ``detect:``, which is there for its rows alone."""

from __future__ import annotations

import numpy as np

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Needs
from streamgauge.state import NoState, State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

_NONE = np.empty(0, np.int64)


class Unjudged:
    """Answers nothing, whatever it sees."""

    def __init__(self, monitor: str) -> None:
        self._monitor = monitor

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs(judges_empty=False, waits=False)

    def initial(self) -> NoState:
        """Nothing is kept."""
        return NoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """No verdict."""
        no = np.empty(0, np.bool_)
        return Verdicts(
            self._monitor, results.keys, np.empty(0, np.int32), np.empty(0, np.int8), _NONE, _NONE, _NONE, no, no,
            _NONE, {}, _NONE, _NONE,
        )  # fmt: skip

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is kept."""
