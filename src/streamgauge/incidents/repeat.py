"""When an incident that goes on is told again: each ``repeat_interval``, or each time after twice as long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from streamgauge.clock import to_micros

LONGEST = to_micros(timedelta(days=7))
"""Where doubling ends."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often; ``interval`` in microseconds, 0 = never."""

    interval: int = to_micros(timedelta(hours=4))
    exponential: bool = False


def next_repeat(told_at: int, repeats: int, repeat: Repeat) -> int | None:
    """The wall clock of the next repeat; None: there is none.

    Args:
        told_at: when it was told last.
        repeats: how often it was repeated already.
        repeat: how often it is to be.

    >>> next_repeat(0, 2, Repeat(10, exponential=True))
    40
    """
    if repeat.interval <= 0:
        return None
    if not repeat.exponential:
        return told_at + repeat.interval
    return told_at + max(repeat.interval, min(repeat.interval << min(repeats, 40), LONGEST))
