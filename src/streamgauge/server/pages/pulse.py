"""The last two minutes of every stream, rate and lag, as the pages' small curves show them; gathered while someone watches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from streamgauge.engines.reporting.status import EngineStatus

LENGTH = 120
"""Pictures kept; about one a second."""

FEW = 30
"""So many fill the whole width already: two minutes of room for ten seconds would make a smudge of them."""

WIDTH, HEIGHT = 160, 32


class Pulse:
    """Of one process; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0
        self._rates: dict[str, deque[float]] = {}
        self._lags: dict[str, deque[float]] = {}

    def note(self, status: EngineStatus) -> bool:
        """Take the engine's picture; whether it is a new one."""
        with self._lock:
            if status.at <= self._at:
                return False
            self._at = status.at
            for name, stream in status.streams.items():
                self._rates.setdefault(name, deque(maxlen=LENGTH)).append(stream.rate)
                lag = sum(one.lag or 0 for one in stream.partitions.values())
                self._lags.setdefault(name, deque(maxlen=LENGTH)).append(lag)
            return True

    def curve(self, stream: str) -> Markup:
        """Records per second as a small curve; empty before two pictures."""
        with self._lock:
            rates = list(self._rates.get(stream, ()))
        return _curve(rates, f"records per second of {stream}")

    def lag(self, stream: str) -> Markup:
        """Records behind, as a small curve; empty before two pictures."""
        with self._lock:
            lags = list(self._lags.get(stream, ()))
        return _curve(lags, f"records that {stream} is behind")

    def rates(self) -> Mapping[str, int]:
        """How many pictures there are of each stream."""
        with self._lock:
            return {name: len(rates) for name, rates in self._rates.items()}


def _curve(numbers: Sequence[float], what: str) -> Markup:
    if len(numbers) < 2:
        return Markup("")
    top = max(*numbers, 1.0)
    step = WIDTH / (max(len(numbers), FEW) - 1)
    points = " ".join(
        f"{n * step:.1f},{HEIGHT - 2 - number / top * (HEIGHT - 4):.1f}" for n, number in enumerate(numbers)
    )
    head = Markup('<svg class="curve" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        WIDTH, HEIGHT, f"{what}, at most {top:,.0f}"
    )
    return head + Markup('<polyline points="{}"/></svg>').format(points)
