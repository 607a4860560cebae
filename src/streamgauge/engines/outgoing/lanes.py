"""Which notice of one channel goes next: in order within an incident, side by side between incidents.

A plain data structure without clock or thread; moments are monotonic seconds that its owner names.
"""

from __future__ import annotations

import heapq
from collections import deque

from streamgauge.stores.contract import Waiting

HEAD_START = 1.0
"""Seconds by which what fires goes before what is over: windows that close together end many incidents at once,
and a new one shall not wait behind them. After so long an end waits no more."""


class Lanes:
    """A queue per incident fingerprint; only the head of each is ever due.

    So the end of an incident never overtakes its beginning, and an incident whose notice waits for another
    try holds up no other.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Waiting]] = {}
        self._due: list[tuple[float, int, str]] = []  # of each head whose moment may not have come
        self._ready: list[tuple[float, int, str]] = []  # of each whose moment has come, most pressing first
        self._count = 0

    def __len__(self) -> int:
        """Notices held, the one under way included."""
        return self._count

    def add(self, notice: Waiting, due: float) -> None:
        """Put a notice at the end of its incident's lane; ``due`` counts where it is the first there."""
        name = _lane(notice)
        lane = self._lanes.setdefault(name, deque())
        lane.append(notice)
        self._count += 1
        if len(lane) == 1:
            heapq.heappush(self._due, (due, notice.sequence, name))

    def next_due(self) -> float | None:
        """When the next one may go; None when nothing waits."""
        return self._moment(self._ready[0]) if self._ready else self._due[0][0] if self._due else None

    def take(self, now: float) -> Waiting | None:
        """The most pressing notice that is due, if one is; :meth:`done` or :meth:`again` must follow."""
        while self._due and self._due[0][0] <= now:
            due, sequence, name = heapq.heappop(self._due)
            heapq.heappush(self._ready, (due + _handicap(self._lanes[name][0]), sequence, name))
        if not self._ready:
            return None
        _, _, name = heapq.heappop(self._ready)
        return self._lanes[name][0]

    def _moment(self, ready: tuple[float, int, str]) -> float:
        pressing, _, name = ready
        return pressing - _handicap(self._lanes[name][0])

    def done(self, notice: Waiting) -> None:
        """It left for good: the next one of its incident may go at once."""
        name = _lane(notice)
        lane = self._lanes[name]
        lane.popleft()
        self._count -= 1
        if lane:
            heapq.heappush(self._due, (0.0, lane[0].sequence, name))
        else:
            del self._lanes[name]

    def again(self, notice: Waiting, due: float) -> None:
        """It goes again at ``due``; ``notice`` carries its new number of attempts."""
        name = _lane(notice)
        self._lanes[name][0] = notice
        heapq.heappush(self._due, (due, notice.sequence, name))


def _lane(notice: Waiting) -> str:
    return str(notice.payload.get("fingerprint", ""))


def _handicap(notice: Waiting) -> float:
    return 0.0 if notice.payload.get("status") == "firing" else HEAD_START
