"""What windows have in common that report all they were given at once: nothing is open between two batches."""

from __future__ import annotations

from streamgauge.batch import NEVER, SlotArray
from streamgauge.state import State


class HoldsNothing:
    """Base of such a window; see :class:`streamgauge.windows.contract.Window`."""

    @property
    def reach(self) -> int:
        """Time closes nothing."""
        return 0

    @property
    def hop(self) -> int:
        """There is no grid in time."""
        return 0

    def last_end(self, state: State) -> int:
        """Nothing has an end to wait for."""
        return NEVER

    def filling(self, state: State) -> int:
        """Nothing is open."""
        return 0

    def renumber(self, state: State, places: SlotArray) -> None:
        """Nothing is kept by partition."""

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is kept."""
