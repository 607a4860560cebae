"""What is remembered of a key that has no incident: how often it flapped, and what people declared to be over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamgauge.batch import NEVER


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one (monitor, key). Moments are event time, microseconds.

    Attributes:
        openings: when its incidents opened, as far as flap damping counts them.
        closed: the end and the start of the last window that fired before people declared the incident over: no
            window up to it opens another.
        monitor: whose it is; empty in what an earlier version kept.
    """

    openings: tuple[int, ...] = ()
    closed: tuple[int, int] | None = None
    monitor: str = ""

    def counts_until(self, flaps_within: int) -> int:
        """The event time from which on it changes nothing any more."""
        openings = max(self.openings, default=NEVER)
        flapped = openings + flaps_within if openings != NEVER else NEVER
        return max(flapped, NEVER if self.closed is None else self.closed[0])

    def shuts(self, window_end: int, window_start: int) -> bool:
        """Whether a window belongs to what people declared to be over."""
        return self.closed is not None and (window_end, window_start) <= self.closed


def read_memories(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Memory]:
    """All of them, by fingerprint, among what the store kept."""
    return {
        name.removeprefix("memory:"): read_memory(row)
        for name, row in kept.items()
        if name.startswith("memory:")
    }


def read_memory(plain: Mapping[str, Any]) -> Memory:
    """What the store kept of it."""
    closed = plain["closed"]
    return Memory(
        tuple(plain["openings"]), None if closed is None else (closed[0], closed[1]), plain.get("monitor", "")
    )
